/// Measures the round trip and computes the retransmission timeout from it.
/// RFC 6298.
struct RoundTripEstimator {
  /// SRTT and RTTVAR, once there was a measurement. RFC 6298 §2.
  private(set) var smoothed: Interval?
  /// How often the timer expired since the last measurement; more often than
  /// the timeout can be doubled does not count.
  private var backoffs: UInt8 = 0
  /// The segment that is being timed, if one is: its end, and when it was sent.
  private var isTiming = false
  private var timedEnd = SequenceNumber(0)
  private var timedAt = Instant(nanoseconds: 0)
  private(set) var variation = Interval.zero
  /// The least of the last minutes.
  var least = LeastRoundTrip()
  /// RTO before backing off.
  private var base: Interval
  private let minimum: Interval
  private let maximum: Interval

  init(initial: Interval, minimum: Interval, maximum: Interval) {
    // RFC 6298 §2.1: until there is a measurement, 1 s.
    base = initial
    self.minimum = minimum
    self.maximum = maximum
  }

  /// RTO: how long to wait for an acknowledgement.
  var timeout: Interval { Self.doubled(base, Int(backoffs), atMost: maximum) }

  /// RFC 6298 §5.5: double it at each expiry; §2.5: up to a bound.
  mutating func backOff() {
    if timeout < maximum, backoffs < UInt8.max { backoffs += 1 }
  }

  /// RFC 6298 §5.7: the SYN was lost, so 1 s may have been too short.
  mutating func restart(with timeout: Interval) {
    base = timeout
    backoffs = 0
  }

  /// A segment up to `end` was sent for the first time. One is timed at a time:
  /// RFC 6298 §3 wants one measurement a round trip.
  mutating func sent(upTo end: SequenceNumber, at now: Instant) {
    guard !isTiming else { return }
    isTiming = true
    timedEnd = end
    timedAt = now
  }

  /// A segment was sent again. RFC 6298 §3, Karn's algorithm: who
  /// acknowledges it does not say which of the two; and a segment behind it
  /// that arrived is acknowledged late.
  mutating func retransmitted() { isTiming = false }

  /// Everything up to `number` was acknowledged: the measurement that is complete
  /// with it, if one is.
  mutating func sample(
    upTo number: SequenceNumber,
    at now: Instant
  ) -> Interval? {
    guard isTiming, number >= timedEnd else { return nil }
    isTiming = false
    return now - timedAt
  }

  /// Takes a measurement in. RFC 6298 §2.
  mutating func measured(_ sample: Interval) {
    if let smoothed {
      // RFC 6298 §2.3: beta is 1/4, alpha 1/8, and the variation is computed
      // with the old SRTT.
      let difference = smoothed - sample
      let error = max(difference, .zero - difference)
      variation = (variation * 3 + error) / 4
      self.smoothed = (smoothed * 7 + sample) / 8
    } else {
      // RFC 6298 §2.2.
      smoothed = sample
      variation = sample / 2
    }
    // RFC 6298 §2.3: RTO is SRTT + max(G, K * RTTVAR) with K 4; the clock's
    // granularity G is a nanosecond.
    base = smoothed! + max(Interval(nanoseconds: 1), variation * 4)
    base = min(max(base, minimum), maximum)
    backoffs = 0
  }

  /// `interval` doubled `times` times.
  static func doubled(
    _ interval: Interval,
    _ times: Int,
    atMost maximum: Interval
  ) -> Interval {
    var result = interval
    for _ in 0..<times {
      guard result < maximum else { break }
      result = result * 2
    }
    return min(result, maximum)
  }
}
