import Packets

/// A message about who of the link listens to which group. RFC 1112 app. I, RFC
/// 2236 §2, RFC 3376 §4.
///
///     0      1                2          4       8
///     | type | max. response  | checksum | group | version 3: more
///
/// A report of version 3 has, in place of the group, two bytes of zero and how
/// many records follow; the stack makes one each:
///
///     8             9             10                 12
///     | record type | data length | sources: 0       | group |
struct IGMPMessage: Equatable, Sendable {
  private enum Field {
    static let type = 0
    static let responseTime = 1
    static let checksum = 2
    static let group = 4
    static let recordCount = 6
    static let recordType = 8
    static let recordGroup = 12
  }

  /// What a message says.
  enum MessageType {
    static let query: UInt8 = 0x11
    static let reportVersion1: UInt8 = 0x12
    static let reportVersion2: UInt8 = 0x16
    static let leave: UInt8 = 0x17
    static let reportVersion3: UInt8 = 0x22
  }

  /// What a record of version 3 says of its group. RFC 3376 §4.2.12; without
  /// sources, "exclude" is to listen to all, and "include" to none.
  enum RecordType: UInt8, Sendable {
    case isExclude = 2
    case becomesInclude = 3
    case becomesExclude = 4
  }

  /// The size of all but version 3.
  static let size = 8
  /// The size of a report of version 3 with one record.
  static let reportSize = 16
  /// A query of version 3 is at least so long. RFC 3376 §7.1.
  private static let queryVersion3Size = 12

  let type: UInt8
  /// Which version the message is of.
  let version: Int
  /// How long answers to a query may take.
  let responseTime: Interval
  /// The group that is asked about or spoken of; 0: all.
  let group: IPv4Address

  /// Reads a message, and checks its checksum.
  init(parsing message: RawSpan) throws(DropReason) {
    guard message.byteCount >= Self.size else {
      throw DropReason.igmpMalformed
    }
    var checksum = InternetChecksum()
    checksum.add(message)
    guard checksum.value == 0 else { throw DropReason.igmpMalformed }
    type = message.byte(at: Field.type)
    group = message.ipv4Address(at: Field.group)
    let code = message.byte(at: Field.responseTime)
    switch type {
    case MessageType.query where message.byteCount >= Self.queryVersion3Size:
      version = 3
      responseTime = .milliseconds(100) * Self.tenths(code)
    case MessageType.query where message.byteCount > Self.size:
      // RFC 3376 §7.1: of no version, and MUST be ignored.
      throw DropReason.igmpMalformed
    case MessageType.query where code == 0:
      // RFC 3376 §7.1: a query of version 1. RFC 1112: 10 seconds.
      version = 1
      responseTime = .seconds(10)
    case MessageType.query:
      version = 2
      responseTime = .milliseconds(100) * Int64(code)
    case MessageType.reportVersion1, MessageType.reportVersion2:
      version = type == MessageType.reportVersion1 ? 1 : 2
      responseTime = .zero
    default:
      throw DropReason.igmpIgnored
    }
  }

  /// A tenth of a second each; from 128 on a number with an exponent. RFC 3376
  /// §4.1.1.
  private static func tenths(_ code: UInt8) -> Int64 {
    guard code >= 128 else { return Int64(code) }
    return Int64(code & 0xF | 0x10) << Int64((code >> 4 & 7) + 3)
  }

  /// Writes a message of version 1 or 2 to `bytes`, which has its size.
  static func write(
    type: UInt8,
    group: IPv4Address,
    to bytes: inout MutableRawSpan
  ) {
    bytes.storeBigEndian(type, at: Field.type)
    bytes.storeBigEndian(UInt8(0), at: Field.responseTime)
    bytes.store(group, at: Field.group)
    complete(&bytes)
  }

  /// Writes a report of version 3 with one record to `bytes`, which has its
  /// size.
  static func write(
    _ record: RecordType,
    group: IPv4Address,
    to bytes: inout MutableRawSpan
  ) {
    bytes.storeBigEndian(MessageType.reportVersion3, at: Field.type)
    bytes.storeBigEndian(UInt8(0), at: Field.responseTime)
    bytes.storeBigEndian(UInt16(0), at: Field.group)
    bytes.storeBigEndian(UInt16(1), at: Field.recordCount)
    bytes.storeBigEndian(UInt32(0), at: Field.recordType)
    bytes.storeBigEndian(record.rawValue, at: Field.recordType)
    bytes.store(group, at: Field.recordGroup)
    complete(&bytes)
  }

  private static func complete(_ bytes: inout MutableRawSpan) {
    bytes.storeBigEndian(UInt16(0), at: Field.checksum)
    var checksum = InternetChecksum()
    checksum.add(bytes.bytes)
    bytes.storeBigEndian(checksum.value, at: Field.checksum)
  }
}
