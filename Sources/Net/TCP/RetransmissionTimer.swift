/// The one timer of the sending side: for data that waits for its
/// acknowledgement, or for a window that is shut.
struct RetransmissionTimer {
  enum Purpose {
    /// Something is unacknowledged. RFC 6298 §5.
    case retransmission
    /// Something cannot be sent, and nothing under way would tell when it can.
    /// RFC 9293 §3.8.6.1.
    case persistence
    /// Nothing came back for the last that was sent. RFC 8985 §7.2.
    case tailLoss
    /// What is late has had its time. RFC 8985 §6.2 step 5.
    case reordering
  }

  /// When it expires for ``purpose``; ``Instant/never`` while it does not run.
  private var timeoutAt = Instant.never
  /// What comes before that while something is under way, and when.
  private var earlyAt = Instant.never
  /// Since when the peer has left us without an answer that counts.
  private(set) var unansweredSince = Instant(nanoseconds: 0)
  private var early = Purpose.tailLoss
  private(set) var purpose = Purpose.retransmission
  /// How many probes this shut window has had; more than 255 count as that.
  private var probeCount: UInt8 = 0

  /// How many probes this shut window has had.
  var probes: Int { Int(probeCount) }

  var isRunning: Bool { timeoutAt != .never }

  func isRunning(for purpose: Purpose) -> Bool {
    isRunning && self.purpose == purpose
  }

  /// When it next expires.
  var deadline: Instant? { next == .never ? nil : next }
  /// ``deadline``, or ``Instant/never``.
  var next: Instant { min(timeoutAt, earlyAt) }

  /// What it expires for, if it does. RFC 8985 §7.2: a probe that is due at the
  /// same time comes before the timeout.
  mutating func expired(at now: Instant) -> Purpose? {
    if earlyAt <= now, earlyAt <= timeoutAt {
      earlyAt = .never
      return early
    }
    guard timeoutAt <= now else { return nil }
    earlyAt = .never
    return purpose
  }

  /// Expires for a probe at `time`; but no later than for the timeout, in whose
  /// place it is sent. RFC 8985 §7.2.
  mutating func setTailLoss(at time: Instant) {
    early = .tailLoss
    earlyAt = min(time, timeoutAt)
  }

  /// Expires for what is late at `time`, if the timeout does not come before.
  mutating func setReordering(at time: Instant) {
    early = .reordering
    earlyAt = time
  }

  /// Whether it will expire for what is late.
  var awaitsReordering: Bool { earlyAt != .never && early == .reordering }

  /// Expires for the timeout only.
  mutating func clear() { earlyAt = .never }

  /// RFC 6298 §5.1: starts the timer unless it runs for the same purpose. One
  /// that runs for another goes on counting since when the peer is silent.
  mutating func ensure(
    _ purpose: Purpose,
    for timeout: Interval,
    at now: Instant
  ) {
    if isRunning(for: purpose) { return }
    if !isRunning { unansweredSince = now }
    self.purpose = purpose
    probeCount = 0
    earlyAt = .never
    timeoutAt = now + timeout
  }

  /// RFC 6298 §5.3: new data was acknowledged, and some is left; §5.6: the
  /// timer expired.
  mutating func restart(for timeout: Interval, at now: Instant) {
    timeoutAt = now + timeout
  }

  /// A probe is on its way; the next comes later. RFC 9293 §3.8.6.1: the
  /// interval grows exponentially.
  mutating func probed(
    timeout: Interval,
    maximum: Interval,
    at now: Instant
  ) {
    if probeCount < UInt8.max { probeCount += 1 }
    timeoutAt =
      now + RoundTripEstimator.doubled(timeout, probes, atMost: maximum)
  }

  /// The peer gave an answer that counts.
  mutating func answered(at now: Instant) { unansweredSince = now }

  /// RFC 6298 §5.2.
  mutating func stop() {
    timeoutAt = .never
    earlyAt = .never
  }
}
