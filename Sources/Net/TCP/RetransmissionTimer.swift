/// The one timer of the sending side: for data that waits for its
/// acknowledgement, or for a window that is shut.
struct RetransmissionTimer {
  enum Purpose {
    /// Something is unacknowledged. RFC 6298 §5.
    case retransmission
    /// Something cannot be sent, and nothing under way would tell when it can.
    /// RFC 9293 §3.8.6.1.
    case persistence
  }

  private(set) var purpose = Purpose.retransmission
  private(set) var deadline: Instant?
  /// Since when the peer has left us without an answer that counts.
  private(set) var unansweredSince = Instant(nanoseconds: 0)
  /// How many probes this shut window has had.
  private(set) var probes = 0

  var isRunning: Bool { deadline != nil }

  /// RFC 6298 §5.1: starts the timer unless it runs for the same purpose.
  mutating func ensure(
    _ purpose: Purpose,
    for timeout: Interval,
    at now: Instant
  ) {
    if isRunning, self.purpose == purpose { return }
    // What the peer left unanswered while its window was shut counts no more.
    if !isRunning || purpose == .retransmission { unansweredSince = now }
    self.purpose = purpose
    probes = 0
    deadline = now + timeout
  }

  /// RFC 6298 §5.3: new data was acknowledged, and some is left; §5.6: the
  /// timer expired.
  mutating func restart(for timeout: Interval, at now: Instant) {
    deadline = now + timeout
  }

  /// A probe is on its way; the next comes later. RFC 9293 §3.8.6.1: the
  /// interval grows exponentially.
  mutating func probed(
    timeout: Interval,
    maximum: Interval,
    at now: Instant
  ) {
    probes += 1
    deadline =
      now + RoundTripEstimator.doubled(timeout, probes, atMost: maximum)
  }

  /// The peer gave an answer that counts.
  mutating func answered(at now: Instant) { unansweredSince = now }

  /// RFC 6298 §5.2.
  mutating func stop() { deadline = nil }
}
