import Packets

/// Bounds the acknowledgements that a segment outside the rules gets in reply,
/// all kinds together: each could be an attacker's. RFC 5961 §7.
struct ChallengeLimit {
  private var periodEnd = Instant(nanoseconds: .min)
  private var count: UInt16 = 0

  /// Whether one more may be sent; counts it.
  mutating func allows(
    _ limit: Int,
    every period: Interval,
    at now: Instant
  ) -> Bool {
    if now < periodEnd {
      guard Int(count) < limit, count < .max else { return false }
      count += 1
      return true
    }
    periodEnd = now + period
    count = 1
    return limit > 0
  }
}

extension Connection {
  /// Answers with where we stand, if the limit lets it. RFC 5961 §7.
  mutating func challenge(
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) {
    if challenges.allows(
      limits.value.challenges,
      every: limits.value.challengePeriod,
      at: now
    ) {
      acknowledgement.require()
      counters.challengesSent &+= 1
    } else {
      counters.challengesSuppressed &+= 1
    }
  }
}
