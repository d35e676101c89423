/// Where fields are in the frames that the peer reads and writes, from the
/// beginning of the Ethernet header. RFC 894, 826, 791, 792, 768.
enum Offset {
  static let source = 6
  static let type = 12
  static let payload = 14

  static let arpOperation = 20
  static let arpSenderHardware = 22
  static let arpSender = 28
  static let arpTarget = 38
  static let arpEnd = 42

  static let ipLengths = 14
  static let ipTotalLength = 16
  static let ipProtocol = 23
  static let ipSource = 26
  static let ipTarget = 30
  /// Behind an IP header without options, the only kind here.
  static let transport = 34

  static let icmpType = 34
  static let icmpIdentifier = 38
  static let icmpSequence = 40
  static let icmpData = 42

  static let tcpChecksum = 50

  static let udpTargetPort = 36
  static let udpData = 42
}

/// EtherTypes.
enum EtherType {
  static let ipv4: UInt16 = 0x0800
  static let arp: UInt16 = 0x0806
}

/// IP protocol numbers.
enum IPProtocol {
  static let icmp: UInt8 = 1
  static let tcp: UInt8 = 6
  static let udp: UInt8 = 17
}

/// A station of the wire.
struct Station: Equatable {
  var hardware: [UInt8]
  var address: UInt32

  static let broadcast = Station(
    hardware: Array(repeating: 0xFF, count: 6),
    address: 0xFFFF_FFFF
  )
}

/// Frames, from the inside out.
enum Frame {
  static func ethernet(
    from source: Station,
    to target: Station,
    _ type: UInt16,
    _ payload: [UInt8]
  ) -> [UInt8] {
    var frame = target.hardware + source.hardware
    frame.append(bigEndian: type)
    frame += payload
    // IEEE 802.3 §4.2.3.3: without the check sequence.
    while frame.count < 60 { frame.append(0) }
    return frame
  }

  /// RFC 826.
  static func arp(
    operation: UInt16,
    from source: Station,
    to target: Station
  ) -> [UInt8] {
    var packet: [UInt8] = []
    packet.append(bigEndian: UInt16(1))
    packet.append(bigEndian: EtherType.ipv4)
    packet += [6, 4]
    packet.append(bigEndian: operation)
    packet += source.hardware
    packet.append(bigEndian: source.address)
    packet += target.hardware
    packet.append(bigEndian: target.address)
    return ethernet(from: source, to: target, EtherType.arp, packet)
  }

  /// RFC 791.
  static func ipv4(
    from source: Station,
    to target: Station,
    _ transport: UInt8,
    _ payload: [UInt8]
  ) -> [UInt8] {
    var packet: [UInt8] = [0x45, 0]
    packet.append(bigEndian: UInt16(20 + payload.count))
    // Identification, don't fragment, time to live.
    packet += [0, 0, 0x40, 0, 64, transport, 0, 0]
    packet.append(bigEndian: source.address)
    packet.append(bigEndian: target.address)
    packet.set(internetChecksum(packet[...]), at: 10)
    return ethernet(from: source, to: target, EtherType.ipv4, packet + payload)
  }

  /// RFC 792.
  static func echo(
    isRequest: Bool,
    from source: Station,
    to target: Station,
    _ contents: [UInt8]
  ) -> [UInt8] {
    var message: [UInt8] = [isRequest ? 8 : 0, 0, 0, 0]
    message += contents
    message.set(internetChecksum(message[...]), at: 2)
    return ipv4(from: source, to: target, IPProtocol.icmp, message)
  }

  /// RFC 9293.
  ///
  /// - Parameter isPartial: The checksum is to be completed by others: it is
  ///   that of the pseudo-header only, VIRTIO 1.2 §5.1.6.2.
  static func tcp(
    from source: Station,
    to target: Station,
    _ segment: [UInt8],
    isPartial: Bool
  ) -> [UInt8] {
    let pseudoHeader = pseudoHeader(
      source.address,
      target.address,
      IPProtocol.tcp,
      segment.count
    )
    var segment = segment
    segment.set(
      isPartial
        ? ~internetChecksum(pseudoHeader[...])
        : internetChecksum((pseudoHeader + segment)[...]),
      at: Offset.tcpChecksum - Offset.transport
    )
    return ipv4(from: source, to: target, IPProtocol.tcp, segment)
  }

  /// Whether the checksum of the TCP segment that ends at `end` is right.
  static func hasGoodChecksum(_ frame: [UInt8], end: Int) -> Bool {
    let pseudoHeader = pseudoHeader(
      frame.number32(Offset.ipSource),
      frame.number32(Offset.ipTarget),
      IPProtocol.tcp,
      end - Offset.transport
    )
    let bytes = pseudoHeader + frame[Offset.transport..<end]
    return internetChecksum(bytes[...]) == 0
  }

  /// RFC 9293 §3.1.
  private static func pseudoHeader(
    _ source: UInt32,
    _ target: UInt32,
    _ transport: UInt8,
    _ count: Int
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: source)
    bytes.append(bigEndian: target)
    bytes += [0, transport]
    bytes.append(bigEndian: UInt16(count))
    return bytes
  }

  /// RFC 768; without a checksum, which IPv4 allows.
  static func udp(
    from source: Station,
    port sourcePort: UInt16,
    to target: Station,
    port targetPort: UInt16,
    _ contents: [UInt8]
  ) -> [UInt8] {
    var datagram: [UInt8] = []
    datagram.append(bigEndian: sourcePort)
    datagram.append(bigEndian: targetPort)
    datagram.append(bigEndian: UInt16(8 + contents.count))
    datagram.append(bigEndian: UInt16(0))
    return ipv4(
      from: source,
      to: target,
      IPProtocol.udp,
      datagram + contents
    )
  }
}
