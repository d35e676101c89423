import Packets

/// One line of text about a frame, for a person to read: what it is, between
/// whom, and what its headers say. Nothing is checked, so that what is dropped
/// can be shown, too; what is cut short is shown as far as it goes.
///
///     TCP 10.0.2.2:4000 > 10.0.2.15:7 SYN seq 1 ack 0 win 65535 length 0
///     UDP 10.0.2.2:67 > 255.255.255.255:68 length 548
///     ICMP 10.0.2.2 > 10.0.2.15 echo request id 7 seq 1 length 56
///     ARP who has 10.0.2.15, says 10.0.2.2 at 52:55:0a:00:02:02
public struct PacketLine {
  /// The text, in ASCII.
  public private(set) var bytes: [UInt8] = []

  /// The line of `frame`, which begins with its Ethernet header.
  public init(_ frame: borrowing PacketBuffer) {
    // Longer than nearly all, so that it grows once.
    bytes.reserveCapacity(128)
    append(ethernet: frame.bytes, count: frame.totalCount)
    if frame.mergedSegmentSize > 0 {
      append(" in segments of ")
      append(UInt64(frame.mergedSegmentSize))
    }
  }

  private mutating func append(ethernet frame: RawSpan, count: Int) {
    guard let header = try? EthernetHeader(parsing: frame) else {
      return append(malformed: "Ethernet", count)
    }
    let rest = frame.extracting(droppingFirst: EthernetHeader.size)
    switch header.etherType {
    case EthernetHeader.EtherType.ipv4:
      append(ipv4: rest, count: count - EthernetHeader.size)
    case EthernetHeader.EtherType.arp:
      append(arp: rest)
    default:
      append("Ethernet ")
      append(header.source)
      append(" > ")
      append(header.destination)
      append(" type 0x")
      append(hexadecimal: UInt8(header.etherType >> 8))
      append(hexadecimal: UInt8(truncatingIfNeeded: header.etherType))
      append(length: count - EthernetHeader.size)
    }
  }

  private mutating func append(malformed name: String, _ count: Int) {
    append(name)
    append(" malformed")
    append(length: count)
  }

  // MARK: ARP

  private mutating func append(arp bytes: RawSpan) {
    guard let arp = try? ARPPacket(parsing: bytes) else {
      return append(malformed: "ARP", bytes.byteCount)
    }
    switch arp.operation {
    case .request:
      append("ARP who has ")
      append(arp.targetProtocol)
      append(", says ")
    case .reply:
      append("ARP reply: ")
    }
    append(arp.senderProtocol)
    append(" at ")
    append(arp.senderHardware)
  }

  // MARK: IPv4

  private mutating func append(ipv4 bytes: RawSpan, count: Int) {
    guard let header = try? IPv4Header(quoted: bytes) else {
      return append(malformed: "IPv4", count)
    }
    let payload = bytes.extracting(
      header.length..<min(max(header.totalLength, 0), bytes.byteCount)
    )
    let length = min(header.totalLength, count) - header.length
    guard header.fragmentOffset == 0 else {
      append(named: header)
      append(header, ports: nil)
      append(partOf: header, length)
      return
    }
    switch header.protocolNumber {
    case IPv4Header.ProtocolNumber.tcp: append(tcp: payload, header, length)
    case IPv4Header.ProtocolNumber.udp: append(udp: payload, header, length)
    case IPv4Header.ProtocolNumber.icmp: append(icmp: payload, header, length)
    default:
      append(named: header)
      append(header, ports: nil)
      if header.protocolNumber == IPv4Header.ProtocolNumber.igmp,
        payload.byteCount > 0
      {
        append(" type 0x")
        append(hexadecimal: payload.byte(at: 0))
      }
      append(length: length)
    }
    if header.hasMoreFragments { append(partOf: header, nil) }
  }

  private mutating func append(named header: IPv4Header) {
    switch header.protocolNumber {
    case IPv4Header.ProtocolNumber.tcp: append("TCP")
    case IPv4Header.ProtocolNumber.udp: append("UDP")
    case IPv4Header.ProtocolNumber.icmp: append("ICMP")
    case IPv4Header.ProtocolNumber.igmp: append("IGMP")
    default:
      append("IPv4 protocol ")
      append(UInt64(header.protocolNumber))
    }
  }

  private mutating func append(
    _ header: IPv4Header,
    ports: (source: UInt16, destination: UInt16)?
  ) {
    append(" ")
    append(header.source)
    if let ports { append(port: ports.source) }
    append(" > ")
    append(header.destination)
    if let ports { append(port: ports.destination) }
  }

  private mutating func append(port: UInt16) {
    append(":")
    append(UInt64(port))
  }

  private mutating func append(partOf header: IPv4Header, _ length: Int?) {
    append(" part of ")
    append(UInt64(header.identification))
    append(" at ")
    append(UInt64(header.fragmentOffset))
    if let length { append(length: length) }
  }

  // MARK: TCP, UDP, ICMP

  private mutating func append(
    tcp bytes: RawSpan,
    _ ip: IPv4Header,
    _ length: Int
  ) {
    append("TCP")
    guard let header = try? TCPHeader(parsing: bytes) else {
      append(ip, ports: nil)
      return append(malformed: "", length)
    }
    append(ip, ports: (header.sourcePort, header.destinationPort))
    append(flags: header.flags)
    append(" seq ")
    append(UInt64(header.sequenceNumber.rawValue))
    if header.flags.contains(.acknowledgement) {
      append(" ack ")
      append(UInt64(header.acknowledgementNumber.rawValue))
    }
    append(" win ")
    append(UInt64(header.window))
    append(length: length - header.parsedLength)
  }

  private mutating func append(flags: TCPHeader.Flags) {
    let names: [(TCPHeader.Flags, String)] = [
      (.syn, "SYN"), (.fin, "FIN"), (.reset, "RST"), (.push, "PSH"),
      (.acknowledgement, "ACK"), (.urgent, "URG"), (.congestionEcho, "ECE"),
      (.windowReduced, "CWR"),
    ]
    var separator = " "
    for (flag, name) in names where flags.contains(flag) {
      append(separator)
      append(name)
      separator = ","
    }
    if flags.isEmpty { append(" no flags") }
  }

  private mutating func append(
    udp bytes: RawSpan,
    _ ip: IPv4Header,
    _ length: Int
  ) {
    append("UDP")
    guard bytes.byteCount >= UDPHeader.size else {
      append(ip, ports: nil)
      return append(malformed: "", length)
    }
    // Its length is of the whole datagram, of which this may be a part.
    append(ip, ports: (bytes.bigEndian(at: 0), bytes.bigEndian(at: 2)))
    append(length: length - UDPHeader.size)
  }

  private mutating func append(
    icmp bytes: RawSpan,
    _ ip: IPv4Header,
    _ length: Int
  ) {
    append("ICMP")
    append(ip, ports: nil)
    guard bytes.byteCount >= ICMPv4Message.headerSize else {
      return append(malformed: "", length)
    }
    let message = ICMPv4Message(unchecked: bytes)
    switch message.type {
    case ICMPv4Message.MessageType.echoRequest: append(" echo request")
    case ICMPv4Message.MessageType.echoReply: append(" echo reply")
    case ICMPv4Message.MessageType.destinationUnreachable:
      append(" unreachable code ")
      append(UInt64(message.code))
    case ICMPv4Message.MessageType.timeExceeded: append(" time exceeded")
    default:
      append(" type ")
      append(UInt64(message.type))
      append(" code ")
      append(UInt64(message.code))
    }
    switch message.type {
    case ICMPv4Message.MessageType.echoRequest,
      ICMPv4Message.MessageType.echoReply:
      append(" id ")
      append(UInt64(message.rest >> 16))
      append(" seq ")
      append(UInt64(message.rest & 0xFFFF))
    default: break
    }
    append(length: length - ICMPv4Message.headerSize)
  }

  // MARK: Words and numbers

  private mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func append(_ number: UInt64) { append(String(number)) }

  /// What is cut short may have less than nothing.
  private mutating func append(length: Int) {
    append(" length ")
    append(UInt64(max(length, 0)))
  }

  private mutating func append(_ address: IPv4Address) {
    for shift in [UInt32(24), 16, 8, 0] {
      append(UInt64(address.bits >> shift & 0xFF))
      if shift > 0 { append(".") }
    }
  }

  private mutating func append(_ address: MACAddress) {
    for index in 0..<6 {
      if index > 0 { append(":") }
      append(hexadecimal: address.octet(index))
    }
  }

  private mutating func append(hexadecimal byte: UInt8) {
    for digit in [byte >> 4, byte & 0xF] {
      bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }
}
