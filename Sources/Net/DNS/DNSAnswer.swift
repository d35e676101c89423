/// What the DNS says of a name, and for how long that may be believed.
public enum DNSAnswer: Hashable, Sendable {
  /// Its addresses; at least one.
  case addresses([IPAddress], seconds: UInt32)
  /// There is no such name. RFC 2308 §2.1.
  case noName(seconds: UInt32)
  /// There is the name, but it has no address. RFC 2308 §2.2.
  case noAddress(seconds: UInt32)

  /// For how long it may be believed.
  var seconds: UInt32 {
    switch self {
    case .addresses(_, let seconds): seconds
    case .noName(let seconds): seconds
    case .noAddress(let seconds): seconds
    }
  }
}

/// Why a name has no address for who asked.
public enum ResolveError: Error, Hashable, Sendable {
  /// The text is no name: an empty label, one of more than 63 bytes, more than
  /// 255 in all, or what is not printable ASCII.
  case invalidName
  /// There is no such name.
  case noName
  /// There is the name, but it has no address.
  case noAddress
  /// No DNS server is known: the lease named none, or no address is bound.
  case noServers
  /// Every server refused, or what they say makes no sense.
  case serverFailure
  /// No server answered in time.
  case timedOut
  /// As many questions are under way as may; see ``DNSLimits``.
  case limitReached
  /// The task that asked was cancelled.
  case cancelled
}
