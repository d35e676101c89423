import Packets
import Testing

@testable import Net

/// The part of a device in sending and receiving TCP segments: completes
/// checksums and cuts what was left to it, and merges what comes. Written apart
/// from the code under test, and strict: what it is not to do it refuses.
struct TestDevice: CustomTestStringConvertible, Sendable {
  var capabilities = LinkCapabilities()
  /// Whether segments that come together are merged, as one packet in several
  /// slots of random sizes.
  var merges = false
  /// The slots that it receives into, in bytes, of a pool of its own; `nil`:
  /// those of the stack.
  var slotSize: Int?
  /// How many those are.
  var slots = 256

  var hasOwnPool: Bool { slotSize != nil }

  func makePool() -> PacketPool {
    PacketPool(capacity: slots, slotSize: slotSize ?? 2048)
  }

  var testDescription: String {
    "checksums \(capabilities.completesChecksums) "
      + "cuts \(capabilities.largestSegmentation) "
      + "fragments \(capabilities.mostFragments) merges \(merges) "
      + "slots \(slotSize.map { "\(slots) of \($0)" } ?? "of the stack")"
  }

  // MARK: Sending

  /// The segments that go out for `outgoing`.
  func send(
    _ outgoing: borrowing OutgoingSegment,
    _ location: SourceLocation = #_sourceLocation
  ) -> [[UInt8]] {
    func expect(_ holds: Bool, _ what: String) {
      #expect(holds, Comment(rawValue: what), sourceLocation: location)
    }
    let (source, destination) = (outgoing.source, outgoing.destination)
    let fragments = outgoing.packet.fragmentCount
    let headroom = outgoing.packet.headroom
    let partial = outgoing.packet.partialChecksum
    let segmentation = outgoing.packet.segmentation
    var bytes = Array(copyingAll: outgoing.packet)
    expect(fragments <= capabilities.mostFragments, "\(fragments) fragments")
    expect(headroom >= 96, "headroom \(headroom)")
    let pseudo = Self.pseudoHeader(source, destination, bytes.count)
    guard let partial else {
      expect(segmentation == nil, "cut without a checksum to complete")
      expect(checksum(pseudo + bytes) == 0, "the checksum is wrong")
      return [bytes]
    }
    expect(capabilities.completesChecksums, "a checksum to complete")
    expect(
      partial == PacketBuffer.PartialChecksum(start: 0, field: 16),
      "\(partial)"
    )
    expect(
      bytes.word(at: 16) == ~checksum(pseudo),
      "the field does not hold the sum of the pseudo-header"
    )
    let header = Int(bytes[12] >> 4) * 4
    var pieces = [bytes]
    if let segmentation {
      let payload = bytes.count - header
      expect(segmentation.kind == .tcp4, "\(segmentation)")
      expect(segmentation.headerSize == header, "\(segmentation)")
      expect(segmentation.segmentSize < payload, "\(segmentation), \(payload)")
      expect(
        20 + bytes.count <= capabilities.largestSegmentation,
        "cut \(bytes.count) bytes"
      )
      pieces = Self.cut(bytes, header, segmentation.segmentSize)
    }
    for index in pieces.indices {
      let size = pieces[index].count
      pieces[index].replaceSubrange(16..<18, with: [0, 0])
      let value = checksum(
        Self.pseudoHeader(source, destination, size) + pieces[index]
      )
      pieces[index].replaceSubrange(16..<18, with: Frames.bytes(value))
    }
    bytes = []
    return pieces
  }

  /// As a device does it: the numbers go on, and what ends is only at the end.
  private static func cut(
    _ bytes: [UInt8],
    _ header: Int,
    _ size: Int
  ) -> [[UInt8]] {
    let start = bytes.long(at: 4)
    return stride(from: header, to: bytes.count, by: size).map { offset in
      let end = min(offset + size, bytes.count)
      var piece = Array(bytes[..<header] + bytes[offset..<end])
      piece.replaceSubrange(
        4..<8,
        with: Frames.bytes(start &+ UInt32(offset - header))
      )
      // PSH and FIN.
      if end < bytes.count { piece[13] &= ~0x09 }
      return piece
    }
  }

  private static func pseudoHeader(
    _ source: IPAddress,
    _ destination: IPAddress,
    _ length: Int
  ) -> [UInt8] {
    Frames.bytes(source) + Frames.bytes(destination) + [0, 6]
      + Frames.bytes(UInt16(length))
  }

  // MARK: Receiving

  /// What came, perhaps in several segments.
  struct Received {
    var bytes: [UInt8]
    /// The payload of each segment; 0 when there is one.
    var segmentSize = 0
    var isVerified = false
  }

  /// Merges segments that follow each other, as generic receive offload does:
  /// same ends, same acknowledgement, same options, no flags but ACK, and PSH on
  /// the last.
  func merge(
    _ segments: [[UInt8]],
    from source: IPAddress,
    to destination: IPAddress
  ) -> [Received] {
    guard merges else { return segments.map { Received(bytes: $0) } }
    var result: [Received] = []
    // What the last of `result` can be followed by.
    var mayGoOn = false
    for bytes in segments {
      let pseudo = Self.pseudoHeader(source, destination, bytes.count)
      let isRight = checksum(pseudo + bytes) == 0
      let header = bytes.count > 12 ? Int(bytes[12] >> 4) * 4 : 0
      let isPlain =
        isRight && header >= 20 && bytes.count > header
        && bytes[13] & ~0x08 == 0x10
      let payload = bytes.count - header
      if isPlain, mayGoOn, var last = result.last,
        last.bytes.count + bytes.count < 65_000,
        Array(last.bytes[..<4]) == Array(bytes[..<4]),
        Array(last.bytes[8..<13]) == Array(bytes[8..<13]),
        last.bytes[20..<header] == bytes[20..<header],
        last.bytes.long(at: 4) &+ UInt32(last.bytes.count - header)
          == bytes.long(at: 4),
        payload <= max(last.segmentSize, last.bytes.count - header)
      {
        if last.segmentSize == 0 {
          last.segmentSize = last.bytes.count - header
        }
        last.bytes[13] |= bytes[13]
        last.bytes.replaceSubrange(14..<16, with: bytes[14..<16])
        last.bytes += bytes[header...]
        mayGoOn = bytes[13] & 0x08 == 0 && payload == last.segmentSize
        result[result.count - 1] = last
      } else {
        result.append(Received(bytes: bytes, isVerified: isRight))
        mayGoOn = isPlain && bytes[13] & 0x08 == 0
      }
    }
    return result
  }

  /// The packet of `received`, in slots of `pool`; `nil` when it has too few.
  func packet(
    _ received: Received,
    from pool: PacketPool,
    _ random: inout RandomNumbers
  ) -> PacketBuffer? {
    let headroom = 128
    let most = pool.bytesPerPacket
    guard var packet = pool.allocate(headroom: headroom) else { return nil }
    var rest = received.bytes[...]
    func take(_ count: Int) -> [UInt8] {
      let bytes = Array(rest.prefix(count))
      rest = rest.dropFirst(count)
      return bytes
    }
    let header = rest.count >= 20 ? min(Int(rest[12] >> 4) * 4, rest.count) : 0
    let room =
      most - headroom - PacketBuffer.mostFragments
      * PacketBuffer.fragmentTailroom
    var first = min(rest.count, room)
    if merges, header < first {
      first = Int.random(in: header...first, using: &random)
    }
    packet.append(copying: take(first).rawSpan)
    while !rest.isEmpty {
      let left = PacketBuffer.mostFragments - packet.fragmentCount
      let least = max((rest.count + left - 1) / left, 1)
      guard least <= most, var fragment = pool.allocate() else { return nil }
      let size = Int.random(in: least...most, using: &random)
      fragment.append(copying: take(size).rawSpan)
      packet.append(fragment: fragment)
    }
    packet.isChecksumVerified = received.isVerified
    packet.mergedSegmentSize = received.segmentSize
    return packet
  }
}

extension [UInt8] {
  /// The big-endian number of four bytes at `offset`.
  func long(at offset: Int) -> UInt32 {
    UInt32(word(at: offset)) << 16 | UInt32(word(at: offset + 2))
  }

  /// All bytes of `packet`, its fragments included.
  init(copyingAll packet: borrowing PacketBuffer) {
    self = Array(copying: packet.bytes)
    for index in 0..<packet.fragmentCount {
      self += Array(copying: packet.fragmentBytes(index))
    }
  }
}
