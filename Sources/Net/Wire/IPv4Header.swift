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
    static let igmp: UInt8 = 2
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
    /// Router Alert, its length, and that routers are to look. RFC 2113 §2.1.
    static let routerAlert: UInt32 = 0x9404_0000
  }

  /// The size of the header as it is mostly sent: without options.
  static let size = 20
  /// The TTL that is sent. RFC 1122 §3.2.1.7: at least the internet's diameter.
  static let defaultTimeToLive: UInt8 = 64

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
  /// Where the payload belongs in that of the whole datagram, in bytes.
  let fragmentOffset: Int
  /// Whether parts follow this one.
  let hasMoreFragments: Bool
  /// How many more routers may pass it on.
  let timeToLive: UInt8
  /// Whether this is a part of a datagram.
  var isFragment: Bool { hasMoreFragments || fragmentOffset != 0 }
  /// Whether routers may cut it: "don't fragment" is clear. RFC 791 §2.3.
  let mayFragment: Bool
  /// What it says of congestion. RFC 3168 §5.
  let ecn: ECNCodepoint
  /// How routers are to treat it.
  let differentiatedServices: DifferentiatedServices

  /// A header for `payloadLength` bytes; without options, unless routers are to
  /// look at it (RFC 2113).
  init(
    protocolNumber: UInt8,
    identification: UInt16,
    source: IPv4Address,
    destination: IPv4Address,
    payloadLength: Int,
    ecn: ECNCodepoint = .notCapable,
    differentiatedServices: DifferentiatedServices = .standard,
    mayFragment: Bool = true,
    timeToLive: UInt8 = defaultTimeToLive,
    fragmentOffset: Int = 0,
    hasMoreFragments: Bool = false,
    hasRouterAlert: Bool = false
  ) {
    length = Self.size + (hasRouterAlert ? 4 : 0)
    totalLength = length + payloadLength
    self.protocolNumber = protocolNumber
    self.identification = identification
    self.source = source
    self.destination = destination
    self.timeToLive = timeToLive
    self.fragmentOffset = fragmentOffset
    self.hasMoreFragments = hasMoreFragments
    self.ecn = ecn
    self.differentiatedServices = differentiatedServices
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

  /// Reads the header of a datagram that was checked before.
  init(checked packet: borrowing PacketBuffer) throws(DropReason) {
    try self.init(quoted: packet.bytes)
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
    fragmentOffset = Int(fragment & Fragment.offset) * 8
    hasMoreFragments = fragment & Fragment.moreFragments != 0
    timeToLive = bytes.byte(at: Field.timeToLive)
    mayFragment = fragment & Fragment.dontFragment == 0
    let service = bytes.byte(at: Field.service)
    ecn = ECNCodepoint(service: service)
    differentiatedServices = DifferentiatedServices(service: service)
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

  /// Whether the datagram in `packet` is a part of one, and not the first.
  static func isLaterFragment(_ packet: borrowing PacketBuffer) -> Bool {
    isLaterFragment(packet.bytes)
  }

  /// The same of the datagram whose header is at the front of `bytes`.
  static func isLaterFragment(_ bytes: RawSpan) -> Bool {
    let field: UInt16 = bytes.bigEndian(at: Field.fragment)
    return field & Fragment.offset != 0
  }

  /// Whether the datagram in `packet` is a part of one, and not the last.
  static func isEarlierFragment(_ packet: borrowing PacketBuffer) -> Bool {
    let field: UInt16 = packet.bytes.bigEndian(at: Field.fragment)
    return field & Fragment.moreFragments != 0
  }

  /// Writes the header to the front of `bytes`, with its checksum.
  func write(to bytes: inout MutableRawSpan) {
    bytes.storeBigEndian(
      0x40 | UInt8(truncatingIfNeeded: length / 4),
      at: Field.versionAndLength
    )
    bytes.storeBigEndian(
      differentiatedServices.codepoint << 2 | ecn.rawValue,
      at: Field.service
    )
    bytes.storeBigEndian(
      UInt16(truncatingIfNeeded: totalLength),
      at: Field.totalLength
    )
    bytes.storeBigEndian(identification, at: Field.identification)
    let offset = UInt16(truncatingIfNeeded: fragmentOffset / 8)
    bytes.storeBigEndian(
      (mayFragment ? 0 : Fragment.dontFragment)
        | (hasMoreFragments ? Fragment.moreFragments : 0) | offset,
      at: Field.fragment
    )
    bytes.storeBigEndian(timeToLive, at: Field.timeToLive)
    bytes.storeBigEndian(protocolNumber, at: Field.protocolNumber)
    bytes.storeBigEndian(UInt16(0), at: Field.checksum)
    bytes.store(source, at: Field.source)
    bytes.store(destination, at: Field.destination)
    if length > Self.size {
      bytes.storeBigEndian(Option.routerAlert, at: Field.options)
    }
    var checksum = InternetChecksum()
    checksum.add(bytes.bytes.extracting(0..<length))
    bytes.storeBigEndian(checksum.value, at: Field.checksum)
  }

  /// Sets the length of the datagram at the front of `bytes`, whose checksum
  /// nobody looks at again.
  ///
  /// - Returns: The length of its header.
  static func setTotalLength(
    _ length: Int,
    of bytes: inout MutableRawSpan
  ) -> Int {
    bytes.storeBigEndian(
      UInt16(truncatingIfNeeded: length),
      at: Field.totalLength
    )
    return Int(bytes.bytes.byte(at: Field.versionAndLength) & 0xF) * 4
  }

  /// Makes of the header of a part, at the front of `bytes`, that of the whole
  /// datagram. Its checksum is not made anew: nobody looks at it again.
  static func makeWhole(
    _ bytes: inout MutableRawSpan,
    totalLength: Int,
    ecn: ECNCodepoint
  ) {
    bytes.storeBigEndian(
      UInt16(truncatingIfNeeded: totalLength),
      at: Field.totalLength
    )
    bytes.storeBigEndian(UInt16(0), at: Field.fragment)
    let service = bytes.bytes.byte(at: Field.service)
    bytes.storeBigEndian(service & ~3 | ecn.rawValue, at: Field.service)
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
