import Packets

/// The layout and the numbers of DNS messages. RFC 1035 §4.
///
///     0    2       4         6         8         10        12
///     | id | flags | QDCOUNT | ANCOUNT | NSCOUNT | ARCOUNT | questions ...
///
/// Behind the questions come the answers, the records that name authorities,
/// and additional ones.
enum DNSMessage {
  /// The port of a server. RFC 1035 §4.2.1.
  static let port: UInt16 = 53

  /// The types of records that somebody here has use for. RFC 1035 §3.2.2.
  enum Kind {
    static let address: UInt16 = 1
    static let nameServer: UInt16 = 2
    static let canonicalName: UInt16 = 5
    static let startOfAuthority: UInt16 = 6
    /// RFC 3596 §2.1.
    static let ipv6Address: UInt16 = 28
    /// RFC 4034 §4.
    static let nextSecure: UInt16 = 47
    /// RFC 1035 §3.2.3: a question for records of every type.
    static let any: UInt16 = 255
  }

  /// The class of the internet. RFC 1035 §3.2.4.
  static let internet: UInt16 = 1
  /// Every class. RFC 1035 §3.2.5.
  static let anyClass: UInt16 = 255

  /// The bits of the flags. RFC 1035 §4.1.1.
  enum Flag {
    static let response: UInt16 = 1 << 15
    static let operation: UInt16 = 0xF << 11
    static let authoritative: UInt16 = 1 << 10
    static let truncated: UInt16 = 1 << 9
    static let recursionDesired: UInt16 = 1 << 8
    static let recursionAvailable: UInt16 = 1 << 7
    static let responseCode: UInt16 = 0xF
  }

  /// What came of a query. RFC 1035 §4.1.1.
  enum ResponseCode {
    static let noError: UInt16 = 0
    static let nameError: UInt16 = 3
  }
}

/// What stands before the questions. RFC 1035 §4.1.1.
struct DNSHeader: Equatable, Sendable {
  /// The size in bytes.
  static let size = 12

  /// Tells which query a response answers.
  var identifier: UInt16
  /// See ``DNSMessage/Flag``.
  var flags: UInt16
  /// How many of each follow.
  var questions: UInt16 = 0
  var answers: UInt16 = 0
  var authorities: UInt16 = 0
  var additionals: UInt16 = 0

  init(identifier: UInt16, flags: UInt16) {
    self.identifier = identifier
    self.flags = flags
  }

  /// Reads the header at the front of `message`.
  init(parsing message: RawSpan) throws(DNSError) {
    guard message.byteCount >= Self.size else { throw DNSError.truncated }
    identifier = message.bigEndian(at: 0)
    flags = message.bigEndian(at: 2)
    questions = message.bigEndian(at: 4)
    answers = message.bigEndian(at: 6)
    authorities = message.bigEndian(at: 8)
    additionals = message.bigEndian(at: 10)
  }

  /// Whether this is a response.
  var isResponse: Bool { flags & DNSMessage.Flag.response != 0 }
  /// Whether more did not fit.
  var isTruncated: Bool { flags & DNSMessage.Flag.truncated != 0 }
  /// What came of the query.
  var responseCode: UInt16 { flags & DNSMessage.Flag.responseCode }
}

/// What is asked. RFC 1035 §4.1.2.
struct DNSQuestion: Equatable, Sendable {
  var name: DNSName
  /// See ``DNSMessage/Kind``.
  var kind: UInt16
  /// With RFC 6762 §5.4, its top bit asks for an answer to the asker alone.
  var recordClass: UInt16 = DNSMessage.internet

  init(name: DNSName, kind: UInt16) {
    self.name = name
    self.kind = kind
  }

  /// Reads the question at `offset` and moves `offset` behind it.
  init(parsing message: RawSpan, at offset: inout Int) throws(DNSError) {
    name = try DNSName(parsing: message, at: &offset)
    guard offset + 4 <= message.byteCount else { throw DNSError.truncated }
    kind = message.bigEndian(at: offset)
    recordClass = message.bigEndian(at: offset + 2)
    offset += 4
  }
}

/// A record, whose data stays in the message. RFC 1035 §4.1.3.
struct DNSRecord: Sendable {
  let name: DNSName
  /// See ``DNSMessage/Kind``.
  let kind: UInt16
  /// With RFC 6762 §10.2, its top bit says that no other records are true.
  let recordClass: UInt16
  /// For how many seconds it may be believed.
  let timeToLive: UInt32
  /// Where in the message its data is.
  let data: Range<Int>

  /// Reads the record at `offset` and moves `offset` behind it.
  init(parsing message: RawSpan, at offset: inout Int) throws(DNSError) {
    name = try DNSName(parsing: message, at: &offset)
    guard offset + 10 <= message.byteCount else { throw DNSError.truncated }
    kind = message.bigEndian(at: offset)
    recordClass = message.bigEndian(at: offset + 2)
    let seconds: UInt32 = message.bigEndian(at: offset + 4)
    // RFC 2181 §8: a time with the top bit set is as good as none.
    timeToLive = seconds >> 31 == 0 ? seconds : 0
    let length: UInt16 = message.bigEndian(at: offset + 8)
    data = (offset + 10)..<(offset + 10 + Int(length))
    guard data.upperBound <= message.byteCount else {
      throw DNSError.truncated
    }
    offset = data.upperBound
  }

  /// The address that an A record holds. RFC 1035 §3.4.1.
  func address(in message: RawSpan) throws(DNSError) -> IPv4Address {
    guard data.count == 4 else { throw DNSError.recordMalformed }
    return message.ipv4Address(at: data.lowerBound)
  }

  /// The name that a CNAME record holds. RFC 1035 §3.3.1.
  func canonicalName(in message: RawSpan) throws(DNSError) -> DNSName {
    var offset = data.lowerBound
    let name = try DNSName(parsing: message, at: &offset)
    guard offset == data.upperBound else { throw DNSError.recordMalformed }
    return name
  }

  /// For how many seconds a "there is none" may be believed: the lesser of the
  /// record's own time and its last field. RFC 2308 §5.
  func negativeTimeToLive(in message: RawSpan) throws(DNSError) -> UInt32 {
    var offset = data.lowerBound
    _ = try DNSName(parsing: message, at: &offset)
    _ = try DNSName(parsing: message, at: &offset)
    // RFC 1035 §3.3.13: SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM.
    guard offset + 20 == data.upperBound else {
      throw DNSError.recordMalformed
    }
    let minimum: UInt32 = message.bigEndian(at: offset + 16)
    return min(timeToLive, minimum >> 31 == 0 ? minimum : 0)
  }
}
