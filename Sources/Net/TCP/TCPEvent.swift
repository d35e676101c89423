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
}
