/// Why the congestion window is made smaller.
enum CongestionSignal {
  /// A segment was lost, and others behind it came.
  case loss
  /// The peer says that a router would have dropped a segment. RFC 3168 §6.1.2.
  case echo
  /// Nothing came back until the timer expired.
  case timeout
}

/// How the window grows beyond slow start, and what is left of it after a loss.
/// What was lost, and when it goes out again, is ``LossRecovery``'s.
protocol CongestionAlgorithm {
  /// New data was acknowledged, outside slow start and recovery.
  mutating func acknowledged(
    _ summary: AcknowledgementSummary,
    _ window: inout CongestionWindow
  )

  /// There is congestion, and `inFlight` bytes are unacknowledged: sets
  /// ssthresh, and cwnd.
  mutating func reduce(
    for signal: CongestionSignal,
    inFlight: Int,
    _ window: inout CongestionWindow,
    at now: Instant
  )

  /// Nothing was under way, and the app has something to send again.
  mutating func resume(at now: Instant)
}
