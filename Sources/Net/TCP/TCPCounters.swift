/// What happened, and why segments were dropped: each counts from zero.
public struct TCPCounters: Hashable, Sendable {
  /// Segments that came in, good or bad.
  public var segmentsReceived: UInt64 = 0
  /// Segments that went out.
  public var segmentsSent: UInt64 = 0

  /// The default: nothing happened yet.
  public init() {}
}
