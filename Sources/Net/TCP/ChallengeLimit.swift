/// Bounds the acknowledgements that a segment outside the rules gets in reply,
/// all kinds together: each could be an attacker's. RFC 5961 §7.
struct ChallengeLimit {
  private var periodEnd: Instant?
  private var count = 0

  /// Whether one more may be sent; counts it.
  mutating func allows(
    _ limit: Int,
    every period: Interval,
    at now: Instant
  ) -> Bool {
    if let periodEnd, now < periodEnd {
      guard count < limit else { return false }
      count += 1
      return true
    }
    periodEnd = now + period
    count = 1
    return limit > 0
  }
}
