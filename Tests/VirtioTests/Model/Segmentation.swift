/// A large packet cut into frames as a device does it, so that tests can
/// compare what leaves it with what arrives. VIRTIO 1.2 §5.1.6.2.
enum Segmentation {
  /// The frames that a packet becomes. Its type is believed; `nil` when the
  /// packet is not of it.
  static func frames(
    _ packet: [UInt8],
    type: UInt8,
    segmentSize: Int
  ) -> [[UInt8]]? {
    let parsed = ParsedFrame(packet)
    guard segmentSize > 0, let version = parsed.version else { return nil }
    switch type {
    case PacketHeaderFields.Segmentation.tcp4
    where version == 4 && parsed.transport == .tcp:
      return segments(parsed, segmentSize)
    case PacketHeaderFields.Segmentation.tcp6
    where version == 6 && parsed.transport == .tcp:
      return segments(parsed, segmentSize)
    case PacketHeaderFields.Segmentation.udpSegments
    where parsed.transport == .udp:
      return segments(parsed, segmentSize)
    case PacketHeaderFields.Segmentation.udpFragments
    where parsed.transport == .udp:
      return fragments(parsed, segmentSize)
    default: return nil
    }
  }

  /// The packet with its checksums written, not cut.
  static func completed(_ packet: [UInt8]) -> [UInt8] {
    var packet = packet
    let parsed = ParsedFrame(packet)
    guard parsed.transport != nil else { return packet }
    set(
      &packet,
      parsed.transportStart + parsed.checksumOffset,
      parsed.fullChecksum(end: packet.count)
    )
    return packet
  }

  /// TCP and UDP: headers again before each part of the payload.
  private static func segments(
    _ parsed: ParsedFrame,
    _ segmentSize: Int
  ) -> [[UInt8]] {
    let headers = Array(parsed.bytes[..<parsed.payloadStart])
    let payload = parsed.bytes[parsed.payloadStart...]
    var frames: [[UInt8]] = []
    var offset = 0
    repeat {
      let part = payload.dropFirst(offset).prefix(segmentSize)
      let isLast = offset + part.count == payload.count
      var frame = headers + part
      setNetworkLength(&frame, parsed, identifierOffset: frames.count)
      let transport = parsed.transportStart
      if parsed.transport == .tcp {
        let number = parsed.sequenceNumber &+ UInt32(offset)
        frame.replaceSubrange(transport + 4..<transport + 8, with: big(number))
        // FIN and PSH belong to the end; CWR is said once. RFC 3168 §6.1.2.
        if !isLast { frame[transport + 13] &= ~0x09 }
        if offset > 0 { frame[transport + 13] &= ~0x80 }
      } else {
        set(&frame, transport + 4, UInt16(frame.count - transport))
      }
      frames.append(completed(frame))
      offset += part.count
    } while offset < payload.count
    return frames
  }

  /// UDP cut by IP: one checksum over all, then fragments. RFC 791 §3.2,
  /// RFC 8200 §4.5.
  private static func fragments(
    _ parsed: ParsedFrame,
    _ segmentSize: Int
  ) -> [[UInt8]] {
    let whole = completed(parsed.bytes)
    let headers = Array(whole[..<parsed.transportStart])
    let payload = whole[parsed.transportStart...]
    let step = max(8, segmentSize & ~7)
    guard payload.count > step else { return [whole] }
    var frames: [[UInt8]] = []
    var offset = 0
    while offset < payload.count {
      let part = payload.dropFirst(offset).prefix(step)
      let hasMore = offset + part.count < payload.count
      var frame = headers
      if parsed.version == 4 {
        frame += part
        let field = UInt16(offset / 8) | (hasMore ? 0x2000 : 0)
        set(&frame, parsed.networkStart + 6, field)
      } else {
        // The identification is the device's own; this one counts from 1.
        frame[parsed.networkStart + 6] = 44
        frame += [17, 0]
        frame += big(UInt16(offset) | (hasMore ? 1 : 0)) + big(UInt32(1))
        frame += part
      }
      setNetworkLength(&frame, parsed, identifierOffset: 0)
      frames.append(frame)
      offset += part.count
    }
    return frames
  }

  /// Length, identification and header checksum of IP.
  private static func setNetworkLength(
    _ frame: inout [UInt8],
    _ parsed: ParsedFrame,
    identifierOffset: Int
  ) {
    let start = parsed.networkStart
    guard parsed.version == 4 else {
      return set(&frame, start + 4, UInt16(frame.count - start - 40))
    }
    set(&frame, start + 2, UInt16(frame.count - start))
    let identifier = UInt16(frame[start + 4]) << 8 | UInt16(frame[start + 5])
    set(
      &frame,
      start + 4,
      identifier &+ UInt16(truncatingIfNeeded: identifierOffset)
    )
    set(&frame, start + 10, 0)
    set(
      &frame,
      start + 10,
      ~Checksum.sum(frame[start..<parsed.transportStart])
    )
  }

  private static func set(
    _ frame: inout [UInt8],
    _ place: Int,
    _ value: UInt16
  ) {
    frame.replaceSubrange(place..<place + 2, with: big(value))
  }
}
