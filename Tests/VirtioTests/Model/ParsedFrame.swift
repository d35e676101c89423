/// What the device must know of a frame to complete, cut, hash and filter it.
struct ParsedFrame {
  enum Transport: UInt8 {
    case tcp = 6
    case udp = 17
  }

  let bytes: [UInt8]
  /// The 802.1Q tag's identifier, if the frame has one.
  let vlan: UInt16?
  /// Where the network header begins.
  let networkStart: Int
  /// 4 or 6, if it is IP and as long as it says at least.
  let version: Int?
  /// Where the transport header begins.
  let transportStart: Int
  /// `nil` for others, and for fragments.
  let transport: Transport?

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    func short(_ offset: Int) -> Int {
      guard offset + 1 < bytes.count else { return 0 }
      return Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }
    let isTagged = short(12) == 0x8100
    vlan = isTagged ? UInt16(short(14) & 0xFFF) : nil
    let start = isTagged ? 18 : 14
    networkStart = start
    let kind = short(start - 2)
    func byte(_ offset: Int) -> UInt8 {
      start + offset < bytes.count ? bytes[start + offset] : 0
    }
    var version: Int?
    var transport: Transport?
    var transportStart = start
    if kind == 0x0800, byte(0) >> 4 == 4, bytes.count >= start + 20 {
      version = 4
      transportStart = start + 4 * Int(byte(0) & 0xF)
      // Neither more fragments nor an offset.
      if short(start + 6) & 0x3FFF == 0 {
        transport = Transport(rawValue: byte(9))
      }
    } else if kind == 0x86DD, byte(0) >> 4 == 6, bytes.count >= start + 40 {
      version = 6
      transportStart = start + 40
      transport = Transport(rawValue: byte(6))
    }
    let needed = transport == .tcp ? 20 : 8
    if bytes.count < transportStart + needed { transport = nil }
    self.version = version
    self.transport = transport
    self.transportStart = transportStart
  }

  var destination: [UInt8] { Array(bytes.prefix(6)) }
  var isBroadcast: Bool { destination == [UInt8](repeating: 0xFF, count: 6) }
  var isMulticast: Bool { (bytes.first ?? 0) & 1 != 0 && !isBroadcast }

  /// Both addresses, source first.
  var addresses: [UInt8] {
    switch version {
    case 4: Array(bytes[(networkStart + 12)..<(networkStart + 20)])
    case 6: Array(bytes[(networkStart + 8)..<(networkStart + 40)])
    default: []
    }
  }

  /// Both ports, source first.
  var ports: [UInt8] {
    transport == nil
      ? [] : Array(bytes[transportStart..<(transportStart + 4)])
  }

  /// The flow as the other direction has it.
  var reversed: [UInt8] {
    let half = addresses.count / 2
    return Array(addresses[half...]) + Array(addresses[..<half])
      + Array(ports.dropFirst(2)) + Array(ports.prefix(2))
  }

  var transportHeaderLength: Int {
    switch transport {
    case .tcp: 4 * Int(bytes[transportStart + 12] >> 4)
    case .udp: 8
    case nil: 0
    }
  }

  /// Where the payload begins.
  var payloadStart: Int { transportStart + transportHeaderLength }

  /// Where the checksum is within the transport header.
  var checksumOffset: Int { transport == .tcp ? 16 : 6 }

  /// TCP: sequence number and flags.
  var sequenceNumber: UInt32 {
    bytes[(transportStart + 4)..<(transportStart + 8)].reduce(0) {
      $0 << 8 | UInt32($1)
    }
  }
  var tcpFlags: UInt8 { bytes[transportStart + 13] }

  /// The end of the IP packet by its own length; padding comes behind.
  var networkEnd: Int {
    let place = networkStart + (version == 4 ? 2 : 4)
    let length = Int(bytes[place]) << 8 | Int(bytes[place + 1])
    return networkStart + length + (version == 4 ? 0 : 40)
  }

  /// The sum of the pseudo-header for what lies behind the network header.
  func pseudoHeaderSum(end: Int) -> UInt16 {
    Checksum.pseudoHeader(
      addresses,
      protocolNumber: transport?.rawValue ?? 0,
      length: end - transportStart
    )
  }

  /// The right checksum of the transport, computed as if the field held 0.
  func fullChecksum(end: Int) -> UInt16 {
    var part = Array(bytes[transportStart..<end])
    part[checksumOffset] = 0
    part[checksumOffset + 1] = 0
    let sum = ~Checksum.sum(part, from: UInt64(pseudoHeaderSum(end: end)))
    // RFC 768: 0 would say that there is none.
    return transport == .udp && sum == 0 ? 0xFFFF : sum
  }

  /// The field as it is.
  var checksumField: UInt16 {
    let place = transportStart + checksumOffset
    return UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])
  }
}
