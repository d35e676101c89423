/// Why a DNS message, or a name in it, is not taken.
public enum DNSError: Int, Error, CaseIterable, Sendable {
  /// It ends before its header, its counts or its lengths say so.
  case truncated
  /// A name has more than 255 bytes, a label of a kind there is not, or a
  /// pointer that does not lead back, or too many. RFC 1035 §4.1.4.
  case nameMalformed
  /// The data of a record is not what its type asks for.
  case recordMalformed
  /// More records than any name has.
  case tooManyRecords
  /// A query where a response is awaited, or an operation that is none.
  case notAResponse
  /// Not from the server, or the port, that was asked. RFC 5452 §9.1.
  case sourceWrong
  /// Another number than the query's. RFC 5452 §9.1.
  case identifierWrong
  /// Another question than the query's. RFC 5452 §9.1.
  case questionWrong
  /// No answer is awaited.
  case unexpected
}

extension DNSError {
  /// The name under which the count is shown.
  public var name: StaticString {
    switch self {
    case .truncated: "dns: truncated"
    case .nameMalformed: "dns: malformed name"
    case .recordMalformed: "dns: malformed record"
    case .tooManyRecords: "dns: too many records"
    case .notAResponse: "dns: not a response"
    case .sourceWrong: "dns: wrong source"
    case .identifierWrong: "dns: wrong identifier"
    case .questionWrong: "dns: wrong question"
    case .unexpected: "dns: unexpected"
    }
  }
}
