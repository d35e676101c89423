import Packets

/// The header of an ICMP message. RFC 792.
///
///     0      1      2          4
///     | type | code | checksum | rest: by the type
///     8
///     | data: by the type
///
/// The rest of an echo is its identifier and sequence number, and its data come
/// back as they were. The rest of a destination unreachable is zero (for "would
/// fragment", RFC 1191 §4, its lower half is the MTU), and its data are the
/// beginning of the datagram that could not be delivered.
struct ICMPv4Message: Equatable, Sendable {
  private enum Field {
    static let type = 0
    static let code = 1
    static let checksum = 2
    static let rest = 4
  }

  /// What a message says. RFC 792.
  enum MessageType {
    static let echoReply: UInt8 = 0
    static let destinationUnreachable: UInt8 = 3
    static let echoRequest: UInt8 = 8
    static let timeExceeded: UInt8 = 11
    static let parameterProblem: UInt8 = 12
  }

  /// Why a destination is unreachable. RFC 792, RFC 1122 §3.2.2.1.
  enum UnreachableCode {
    static let protocolUnreachable: UInt8 = 2
    static let portUnreachable: UInt8 = 3
    static let fragmentationNeeded: UInt8 = 4
  }

  /// Which time is exceeded. RFC 792.
  enum TimeExceededCode {
    static let reassembly: UInt8 = 1
  }

  /// The MTU of the next link in a "would fragment"; 0 from old routers. RFC
  /// 1191 §4.
  var nextMTU: Int { Int(rest & 0xFFFF) }

  /// The header's size in bytes.
  static let headerSize = 8

  var type: UInt8
  var code: UInt8
  /// The last four bytes of the header.
  var rest: UInt32

  init(type: UInt8, code: UInt8, rest: UInt32) {
    self.type = type
    self.code = code
    self.rest = rest
  }

  /// Reads the header of `message`, and checks the checksum over all of it.
  init(parsing message: RawSpan) throws(DropReason) {
    guard message.byteCount >= Self.headerSize else {
      throw DropReason.icmpTruncated
    }
    var checksum = InternetChecksum()
    checksum.add(message)
    guard checksum.value == 0 else { throw DropReason.icmpChecksum }
    self.init(unchecked: message)
  }

  /// Reads the header of `message`, whatever its checksum.
  ///
  /// - Precondition: It has one.
  init(unchecked message: RawSpan) {
    type = message.byte(at: Field.type)
    code = message.byte(at: Field.code)
    rest = message.bigEndian(at: Field.rest)
  }

  /// Writes the header to the front of `message`, with the checksum over all
  /// of it: the data must be there already.
  func write(to message: inout MutableRawSpan) {
    message.storeBigEndian(type, at: Field.type)
    message.storeBigEndian(code, at: Field.code)
    message.storeBigEndian(UInt16(0), at: Field.checksum)
    message.storeBigEndian(rest, at: Field.rest)
    var checksum = InternetChecksum()
    checksum.add(message.bytes)
    message.storeBigEndian(checksum.value, at: Field.checksum)
  }
}
