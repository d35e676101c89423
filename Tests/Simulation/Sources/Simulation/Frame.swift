import Net

/// An Ethernet frame as a wire carries it: of one piece, its checksums complete.
///
/// What the tests know of headers is here and in ``FrameCheck``, and was
/// written apart from the code that they test.
package struct Frame: Sendable {
  package var bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  static let ethernetSize = 14
  static let broadcast: UInt64 = 0xFFFF_FFFF_FFFF

  // MARK: Numbers

  package func word(_ offset: Int) -> Int {
    Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
  }

  package func long(_ offset: Int) -> UInt32 {
    UInt32(word(offset)) << 16 | UInt32(word(offset + 2))
  }

  func hardware(_ offset: Int) -> UInt64 {
    UInt64(word(offset)) << 32 | UInt64(long(offset + 2))
  }

  package mutating func setWord(_ offset: Int, _ value: Int) {
    bytes[offset] = UInt8(truncatingIfNeeded: value >> 8)
    bytes[offset + 1] = UInt8(truncatingIfNeeded: value)
  }

  package mutating func setLong(_ offset: Int, _ value: UInt32) {
    setWord(offset, Int(value >> 16))
    setWord(offset + 2, Int(value & 0xFFFF))
  }

  // MARK: Ethernet

  var destination: UInt64 { hardware(0) }
  var source: UInt64 { hardware(6) }
  var etherType: Int { word(12) }
  var isForAll: Bool { bytes[0] & 1 != 0 }

  // MARK: IPv4, RFC 791 §3.1

  static let ip = ethernetSize
  var isIPv4: Bool {
    bytes.count >= Self.ip + 20 && etherType == 0x0800
      && bytes[Self.ip] >> 4 == 4
  }
  var ipHeaderSize: Int { Int(bytes[Self.ip] & 15) * 4 }
  var ipTotalLength: Int { word(Self.ip + 2) }
  var ipProtocol: UInt8 { bytes[Self.ip + 9] }
  var ipSource: UInt32 { long(Self.ip + 12) }
  var ipDestination: UInt32 { long(Self.ip + 16) }
  var mayNotFragment: Bool { bytes[Self.ip + 6] & 0x40 != 0 }
  package var isFragment: Bool { word(Self.ip + 6) & 0x3FFF != 0 }

  /// The two bits of congestion notification. RFC 3168 §5.
  package var ecn: UInt8 {
    get { bytes[Self.ip + 1] & 3 }
    set {
      bytes[Self.ip + 1] = bytes[Self.ip + 1] & ~3 | newValue
      completeIPChecksum()
    }
  }

  package mutating func completeIPChecksum() {
    setWord(Self.ip + 10, 0)
    setWord(Self.ip + 10, checksum(Self.ip..<Self.ip + ipHeaderSize))
  }

  // MARK: TCP, RFC 9293 §3.1

  var isTCP: Bool {
    isIPv4 && ipProtocol == 6 && !isFragment
      && bytes.count >= Self.ip + ipHeaderSize + 20
  }
  package var tcp: Int { Self.ip + ipHeaderSize }
  var tcpHeaderSize: Int { Int(bytes[tcp + 12] >> 4) * 4 }
  var tcpFlags: TCPFlags { TCPFlags(rawValue: bytes[tcp + 13]) }
  var tcpPayloadSize: Int { ipTotalLength - ipHeaderSize - tcpHeaderSize }

  // MARK: Checksums

  /// The sum that makes the `range` of the bytes, which it is part of, add up
  /// to nothing; `start` is added to it. RFC 1071.
  func checksum(_ range: Range<Int>, _ start: UInt64 = 0) -> Int {
    let span = bytes.span
    var sum = start
    var index = range.lowerBound
    while index + 1 < range.upperBound {
      sum &+= UInt64(span[index]) << 8 | UInt64(span[index + 1])
      index += 2
    }
    if index < range.upperBound { sum &+= UInt64(span[index]) << 8 }
    while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
    return Int(~sum & 0xFFFF)
  }

  /// The sum of the pseudo-header of TCP and UDP. RFC 9293 §3.1.
  var pseudoHeaderSum: UInt64 {
    let size = ipTotalLength - ipHeaderSize
    return UInt64(ipSource >> 16) + UInt64(ipSource & 0xFFFF)
      + UInt64(ipDestination >> 16) + UInt64(ipDestination & 0xFFFF)
      + UInt64(ipProtocol) + UInt64(size)
  }

  /// Whether the checksum of the TCP or UDP header holds.
  var isTransportChecksumRight: Bool {
    checksum(tcp..<Self.ip + ipTotalLength, pseudoHeaderSum) == 0
  }

  package mutating func completeTCPChecksum() {
    setWord(tcp + 16, 0)
    setWord(
      tcp + 16,
      checksum(tcp..<Self.ip + ipTotalLength, pseudoHeaderSum)
    )
  }
}

/// The control bits. RFC 9293 §3.1.
struct TCPFlags: OptionSet {
  let rawValue: UInt8

  static let fin = TCPFlags(rawValue: 0x01)
  static let syn = TCPFlags(rawValue: 0x02)
  static let rst = TCPFlags(rawValue: 0x04)
  static let psh = TCPFlags(rawValue: 0x08)
  static let ack = TCPFlags(rawValue: 0x10)
  static let urg = TCPFlags(rawValue: 0x20)
  static let ece = TCPFlags(rawValue: 0x40)
  static let cwr = TCPFlags(rawValue: 0x80)
}
