import Net

/// The hosts of the test link 10.0.2.0/24.
enum Hosts {
  static let our = MACAddress(0x02, 0, 0, 0, 0, 0x0F)
  static let ourAddress = IPv4Address(10, 0, 2, 15)
  static let gateway = MACAddress(0x52, 0x55, 0x0A, 0, 0x02, 0x02)
  static let gatewayAddress = IPv4Address(10, 0, 2, 2)
  static let peer = MACAddress(0x52, 0x54, 0, 0, 0, 0x09)
  static let peerAddress = IPv4Address(10, 0, 2, 9)
  static let attacker = MACAddress(0x66, 0x66, 0x66, 0x66, 0x66, 0x66)
  static let remoteAddress = IPv4Address(192, 0, 2, 80)
}

/// Frames for tests, built apart from the code under test.
enum Frames {
  static func bytes(_ address: MACAddress) -> [UInt8] {
    (0..<6).map { address.octet($0) }
  }

  static func bytes(_ address: IPv4Address) -> [UInt8] {
    bytes(address.bits)
  }

  /// The four octets of an address of version 4.
  static func bytes(_ address: IPAddress) -> [UInt8] {
    bytes(address.ipv4!)
  }

  static func bytes(_ value: UInt32) -> [UInt8] {
    bytes(UInt16(value >> 16)) + bytes(UInt16(value & 0xFFFF))
  }

  static func bytes(_ value: UInt16) -> [UInt8] {
    [UInt8(value >> 8), UInt8(value & 0xFF)]
  }

  static func ethernet(
    from source: MACAddress = Hosts.peer,
    to destination: MACAddress = Hosts.our,
    type: UInt16 = 0x0800,
    _ payload: [UInt8]
  ) -> [UInt8] {
    bytes(destination) + bytes(source) + bytes(type) + payload
  }

  static func arp(
    operation: UInt16,
    from hardware: MACAddress,
    _ address: IPv4Address,
    for targetHardware: MACAddress = MACAddress(bits: 0),
    _ target: IPv4Address,
    frameTo destination: MACAddress = .broadcast
  ) -> [UInt8] {
    ethernet(
      from: hardware,
      to: destination,
      type: 0x0806,
      hex("0001 0800 06 04") + bytes(operation) + bytes(hardware)
        + bytes(address) + bytes(targetHardware) + bytes(target)
    )
  }

  /// An IPv4 datagram with a right checksum; `change` may spoil the header
  /// before the checksum is made.
  static func ipv4(
    protocol number: UInt8,
    from source: IPv4Address = Hosts.peerAddress,
    to destination: IPv4Address = Hosts.ourAddress,
    options: [UInt8] = [],
    change: (inout [UInt8]) -> Void = { _ in },
    _ payload: [UInt8]
  ) -> [UInt8] {
    let length = 20 + options.count
    var header: [UInt8] = [0x40 | UInt8(length / 4), 0]
    header += bytes(UInt16(length + payload.count))
    header += [0x12, 0x34, 0, 0, 64, number, 0, 0]
    header += bytes(source) + bytes(destination) + options
    change(&header)
    let sum = checksum(header)
    return header.replacing(at: 10, with: bytes(sum)) + payload
  }

  static func icmp(
    type: UInt8,
    code: UInt8 = 0,
    rest: UInt32 = 0,
    _ data: [UInt8]
  ) -> [UInt8] {
    let message = [type, code, 0, 0] + bytes(rest) + data
    return message.replacing(at: 2, with: bytes(checksum(message)))
  }

  static func udp(
    from source: IPv4Address = Hosts.peerAddress,
    port sourcePort: UInt16,
    to destination: IPv4Address = Hosts.ourAddress,
    port destinationPort: UInt16,
    _ payload: [UInt8]
  ) -> [UInt8] {
    let length = UInt16(8 + payload.count)
    let datagram =
      bytes(sourcePort) + bytes(destinationPort) + bytes(length) + [0, 0]
      + payload
    let pseudo = bytes(source) + bytes(destination) + [0, 17] + bytes(length)
    let sum = checksum(pseudo + datagram)
    return datagram.replacing(at: 6, with: bytes(sum == 0 ? 0xFFFF : sum))
  }

  /// A whole frame with a TCP segment without options.
  static func tcpFrame(
    from source: IPv4Address = Hosts.peerAddress,
    sourcePort: UInt16 = 40000,
    to destination: IPv4Address = Hosts.ourAddress,
    port: UInt16,
    sequence: UInt32,
    acknowledgement: UInt32 = 0,
    flags: UInt8,
    _ payload: [UInt8] = []
  ) -> [UInt8] {
    var segment = bytes(sourcePort) + bytes(port)
    segment += bytes(sequence) + bytes(acknowledgement)
    segment += [0x50, flags] + bytes(64000 as UInt16) + [0, 0, 0, 0]
    segment += payload
    let pseudo =
      bytes(source) + bytes(destination) + [0, 6]
      + bytes(UInt16(segment.count))
    let sum = checksum(pseudo + segment)
    return ethernet(
      ipv4(
        protocol: 6,
        from: source,
        to: destination,
        segment.replacing(at: 16, with: bytes(sum))
      )
    )
  }

  /// A whole frame with a UDP datagram.
  static func udpFrame(
    from source: IPv4Address = Hosts.peerAddress,
    sourcePort: UInt16 = 40000,
    to destination: IPv4Address = Hosts.ourAddress,
    port destinationPort: UInt16,
    hardware: MACAddress = Hosts.our,
    _ payload: [UInt8]
  ) -> [UInt8] {
    ethernet(
      to: hardware,
      ipv4(
        protocol: 17,
        from: source,
        to: destination,
        udp(
          from: source,
          port: sourcePort,
          to: destination,
          port: destinationPort,
          payload
        )
      )
    )
  }

  /// A whole frame with an echo request.
  static func echoRequest(
    from source: IPv4Address = Hosts.peerAddress,
    to destination: IPv4Address = Hosts.ourAddress,
    hardware: MACAddress = Hosts.our,
    _ data: [UInt8]
  ) -> [UInt8] {
    ethernet(
      to: hardware,
      ipv4(
        protocol: 1,
        from: source,
        to: destination,
        icmp(type: 8, rest: 0x0007_0001, data)
      )
    )
  }
}
