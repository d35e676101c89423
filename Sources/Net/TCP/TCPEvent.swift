/// Something that who uses TCP may have been waiting for.
///
/// Events only say that trying again is worth while: many happenings on one
/// connection become one event, so their number is bounded by that of the
/// connections and listeners.
public enum TCPEvent: Hashable, Sendable {
  /// The listener has a connection to accept.
  case acceptable(ListenerID)
  /// The connection has changed.
  case connection(ConnectionID, ConnectionChanges)
}

/// What has changed on a connection since the last event about it.
public struct ConnectionChanges: OptionSet, Hashable, Sendable {
  /// One bit a change.
  public let rawValue: UInt8

  /// The changes whose bits are set in `rawValue`.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The handshake is complete.
  public static let established = ConnectionChanges(rawValue: 1 << 0)
  /// There are bytes to read, or the peer sends no more.
  public static let readable = ConnectionChanges(rawValue: 1 << 1)
  /// There is room again after a write that was cut short.
  public static let writable = ConnectionChanges(rawValue: 1 << 2)
  /// Both ends have closed, and all that was written has been acknowledged.
  public static let closed = ConnectionChanges(rawValue: 1 << 3)
  /// The connection ended with an error, which a read or write tells.
  public static let failed = ConnectionChanges(rawValue: 1 << 4)
  /// The peer calls data urgent, or more than before; it is to be read as any.
  /// RFC 9293 §3.8.5.
  public static let urgent = ConnectionChanges(rawValue: 1 << 5)
  /// The peer has not answered several times, and is asked again (R1 of RFC 9293
  /// §3.8.3), or the network says that the way to it is broken: either may pass.
  public static let unanswered = ConnectionChanges(rawValue: 1 << 6)
}
