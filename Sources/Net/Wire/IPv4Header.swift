import Packets

/// The header of an IPv4 datagram. RFC 791 §3.1.
///
///     0         1           2              4
///     | 4 | IHL | DSCP, ECN | total length |
///     | identification      | 0 DF MF | fragment offset |
///     | TTL     | protocol  | checksum     |
///     | source                             |
///     | destination                        |
///     | options, to 4 * IHL bytes          |
struct IPv4Header: Equatable, Sendable {
  private enum Field {
    static let versionAndLength = 0
    static let service = 1
    static let totalLength = 2
    static let identification = 4
    static let fragment = 6
    static let timeToLive = 8
    static let protocolNumber = 9
    static let checksum = 10
    static let source = 12
    static let destination = 16
    static let options = 20
  }

  /// Whose the payload is. IANA protocol numbers.
  enum ProtocolNumber {
    static let icmp: UInt8 = 1
    static let tcp: UInt8 = 6
    static let udp: UInt8 = 17
  }

  private enum Fragment {
    static let dontFragment: UInt16 = 0x4000
    static let moreFragments: UInt16 = 0x2000
    static let offset: UInt16 = 0x1FFF
  }

  /// Option types. RFC 791 §3.1; the copied bit is part of the type.
  private enum Option {
    static let end: UInt8 = 0
    static let noOperation: UInt8 = 1
    static let looseSourceRoute: UInt8 = 131
    static let strictSourceRoute: UInt8 = 137
  }

  /// The size of the header as it is sent: without options.
  static let size = 20
  /// The TTL that is sent. RFC 1122 §3.2.1.7: at least the internet's diameter.
  private static let defaultTimeToLive: UInt8 = 64

  /// The header's size in bytes, with its options.
  let length: Int
  /// The datagram's size in bytes, with its header.
  let totalLength: Int
  /// One of ``ProtocolNumber``, or another.
  let protocolNumber: UInt8
  /// What tells the fragments of a datagram from those of another.
  let identification: UInt16
  let source: IPv4Address
  let destination: IPv4Address
  /// Whether this is a part of a datagram.
  let isFragment: Bool
  /// Whether routers may cut it: "don't fragment" is clear. RFC 791 §2.3.
  let mayFragment: Bool
  /// What it says of congestion. RFC 3168 §5.
  let ecn: ECNCodepoint

  /// A header without options for `payloadLength` bytes.
  init(
    protocolNumber: UInt8,
    identification: UInt16,
    source: IPv4Address,
    destination: IPv4Address,
    payloadLength: Int,
    ecn: ECNCodepoint = .notCapable,
    mayFragment: Bool = true
  ) {
    length = Self.size
    totalLength = Self.size + payloadLength
    self.protocolNumber = protocolNumber
    self.identification = identification
    self.source = source
    self.destination = destination
    isFragment = false
    self.ecn = ecn
    self.mayFragment = mayFragment
  }

  /// Reads and checks the header at the front of `packet`, whose first slot has
  /// all of it. RFC 1122 §3.2.1.
  init(parsing packet: borrowing PacketBuffer) throws(DropReason) {
    let bytes = packet.bytes
    try self.init(quoted: bytes)
    guard totalLength <= packet.totalCount else {
      throw DropReason.ipv4Truncated
    }
    var checksum = InternetChecksum()
    checksum.add(bytes.extracting(0..<length))
    // RFC 1122 §3.2.1.2: verify it on every datagram.
    guard checksum.value == 0 else { throw DropReason.ipv4Checksum }
    try Self.checkOptions(bytes.extracting(Field.options..<length))
  }

  /// Reads the header at the front of `bytes`, the beginning of a datagram as
  /// an ICMP error quotes it: the rest is missing, and routers have changed
  /// what the checksum covers.
  init(quoted bytes: RawSpan) throws(DropReason) {
    guard bytes.byteCount >= Self.size else {
      throw DropReason.ipv4Truncated
    }
    let versionAndLength = bytes.byte(at: Field.versionAndLength)
    // RFC 1122 §3.2.1.1: a datagram of another version is dropped silently.
    guard versionAndLength >> 4 == 4 else { throw DropReason.ipv4Version }
    length = Int(versionAndLength & 0xF) * 4
    totalLength = Int(bytes.bigEndian(at: Field.totalLength, as: UInt16.self))
    guard length >= Self.size, length <= totalLength else {
      throw DropReason.ipv4HeaderLength
    }
    guard length <= bytes.byteCount else { throw DropReason.ipv4Truncated }
    let fragment = bytes.bigEndian(at: Field.fragment, as: UInt16.self)
    isFragment = fragment & (Fragment.moreFragments | Fragment.offset) != 0
    mayFragment = fragment & Fragment.dontFragment == 0
    ecn = ECNCodepoint(service: bytes.byte(at: Field.service))
    protocolNumber = bytes.byte(at: Field.protocolNumber)
    identification = bytes.bigEndian(at: Field.identification)
    source = bytes.ipv4Address(at: Field.source)
    destination = bytes.ipv4Address(at: Field.destination)
  }

  /// The destination in the header at the front of `bytes`.
  ///
  /// - Precondition: There is a whole one, as before what the stack sends.
  static func destination(of bytes: RawSpan) -> IPv4Address {
    bytes.ipv4Address(at: Field.destination)
  }

  /// Writes the header to the front of `bytes`, with its checksum.
  func write(to bytes: inout MutableRawSpan) {
    bytes.storeBigEndian(UInt8(0x45), at: Field.versionAndLength)
    bytes.storeBigEndian(ecn.rawValue, at: Field.service)
    bytes.storeBigEndian(
      UInt16(truncatingIfNeeded: totalLength),
      at: Field.totalLength
    )
    bytes.storeBigEndian(identification, at: Field.identification)
    bytes.storeBigEndian(
      mayFragment ? 0 : Fragment.dontFragment,
      at: Field.fragment
    )
    bytes.storeBigEndian(Self.defaultTimeToLive, at: Field.timeToLive)
    bytes.storeBigEndian(protocolNumber, at: Field.protocolNumber)
    bytes.storeBigEndian(UInt16(0), at: Field.checksum)
    bytes.store(source, at: Field.source)
    bytes.store(destination, at: Field.destination)
    var checksum = InternetChecksum()
    checksum.add(bytes.bytes.extracting(0..<Self.size))
    bytes.storeBigEndian(checksum.value, at: Field.checksum)
  }

  /// Walks the options, all of which a host may ignore (RFC 1122 §3.2.1.8)
  /// except that it must not take a source-routed datagram for an ordinary one.
  private static func checkOptions(_ options: RawSpan) throws(DropReason) {
    var offset = 0
    while offset < options.byteCount {
      switch options.byte(at: offset) {
      case Option.end: return
      case Option.noOperation: offset += 1
      case Option.looseSourceRoute, Option.strictSourceRoute:
        throw DropReason.ipv4SourceRoute
      default:
        guard offset + 1 < options.byteCount else {
          throw DropReason.ipv4OptionMalformed
        }
        let length = Int(options.byte(at: offset + 1))
        guard length >= 2, length <= options.byteCount - offset else {
          throw DropReason.ipv4OptionMalformed
        }
        offset += length
      }
    }
  }
}
