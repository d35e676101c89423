/// Measures the round trip and computes the retransmission timeout from it.
/// RFC 6298.
///
/// Times are kept in microseconds, which 32 bits hold for over an hour; SRTT
/// and RTTVAR in eighths and quarters of them, so that their means lose nothing.
struct RoundTripEstimator {
  private static let none = UInt32.max

  /// The segment that is being timed, if one is: its end, and when it was sent.
  private var timedAt = Instant(nanoseconds: 0)
  private var timedEnd = SequenceNumber(0)
  /// SRTT in eighths, once there was a measurement. RFC 6298 §2.
  private var smoothedEighths = Self.none
  /// RTTVAR in quarters.
  private var variationQuarters: UInt32 = 0
  /// RTO before backing off.
  private var base: UInt32
  private let minimum: UInt32
  private let maximum: UInt32
  /// The least of the last minutes.
  var least = LeastRoundTrip()
  private var isTiming = false
  /// How often the timer expired since the last measurement; more often than
  /// the timeout can be doubled does not count.
  private(set) var backoffs: UInt8 = 0

  init(initial: Interval, minimum: Interval, maximum: Interval) {
    // RFC 6298 §2.1: until there is a measurement, 1 s.
    base = initial.clampedMicroseconds
    self.minimum = minimum.clampedMicroseconds
    self.maximum = maximum.clampedMicroseconds
  }

  /// SRTT, once there was a measurement.
  var smoothed: Interval? {
    smoothedEighths == Self.none
      ? nil : .microseconds(Int64(smoothedEighths)) / 8
  }

  /// RTTVAR.
  var variation: Interval { .microseconds(Int64(variationQuarters)) / 4 }

  /// RTO: how long to wait for an acknowledgement.
  var timeout: Interval {
    if backoffs == 0 { return .microseconds(Int64(min(base, maximum))) }
    return Self.doubled(
      .microseconds(Int64(base)),
      Int(backoffs),
      atMost: .microseconds(Int64(maximum))
    )
  }

  /// RFC 6298 §5.5: double it at each expiry; §2.5: up to a bound.
  mutating func backOff() {
    if timeout < .microseconds(Int64(maximum)), backoffs < UInt8.max {
      backoffs += 1
    }
  }

  /// RFC 6298 §5.7: the SYN was lost, so 1 s may have been too short.
  mutating func restart(with timeout: Interval) {
    base = timeout.clampedMicroseconds
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
    // A sixteenth of what 32 bits hold: over four minutes.
    let sample = min(sample.clampedMicroseconds, Self.none >> 4)
    if smoothedEighths == Self.none {
      // RFC 6298 §2.2.
      smoothedEighths = sample * 8
      variationQuarters = sample * 2
    } else {
      // RFC 6298 §2.3: beta is 1/4, alpha 1/8, and the variation is computed
      // with the old SRTT.
      let old = smoothedEighths / 8
      let error = old > sample ? old - sample : sample - old
      variationQuarters = variationQuarters - variationQuarters / 4 + error
      smoothedEighths = smoothedEighths - old + sample
    }
    // RFC 6298 §2.3: RTO is SRTT + max(G, K * RTTVAR) with K 4; the clock's
    // granularity G is a microsecond.
    base = smoothedEighths / 8 + max(1, variationQuarters)
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

extension Interval {
  /// The length in microseconds, as far as 32 bits hold it: over an hour.
  var clampedMicroseconds: UInt32 { UInt32(clamping: nanoseconds / 1000) }
}
