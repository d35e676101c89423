/// Why a message to port 5353 has no effect.
public enum MulticastDNSError: Int, Error, CaseIterable, Sendable {
  /// It is no DNS message, has less in it than it says, or is longer than one
  /// may be. RFC 6762 §17.
  case malformed
  /// It is neither a plain query nor a plain response. RFC 6762 §18.3, §18.11.
  case notPlain
  /// Its sender is not of this link. RFC 6762 §11.
  case offLink
  /// A response that does not come from the port of responders. RFC 6762 §6.
  case portWrong
  /// As many answers to single hosts wait to be sent as may.
  case tooMany
}

extension MulticastDNSError {
  /// The name under which the count is shown.
  public var name: StaticString {
    switch self {
    case .malformed: "mdns: malformed"
    case .notPlain: "mdns: not plain"
    case .offLink: "mdns: off link"
    case .portWrong: "mdns: wrong port"
    case .tooMany: "mdns: too many to answer"
    }
  }
}
