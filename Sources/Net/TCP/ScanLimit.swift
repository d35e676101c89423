/// Bounds how often in a second something is done that costs as much as there are
/// connections.
struct ScanLimit {
  private var periodEnd = Instant(nanoseconds: .min)
  private var count = 0

  /// Whether it may be done once more; counts it.
  mutating func allows(_ limit: Int, at now: Instant) -> Bool {
    if now >= periodEnd {
      periodEnd = now + .seconds(1)
      count = 0
    }
    guard count < limit else { return false }
    count += 1
    return true
  }
}
