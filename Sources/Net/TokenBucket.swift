/// Allows something so many times a second, and a burst after a rest.
struct TokenBucket: Sendable {
  private let cost: Int64
  private let capacity: Int64
  /// What is in the bucket, in nanoseconds of filling.
  private var level: Int64
  private var filled: Instant

  /// A full bucket of `burst` tokens; `perSecond` more come every second.
  ///
  /// - Precondition: Both are positive; `burst` is at most a million.
  init(perSecond: Int64, burst: Int64, at start: Instant) {
    precondition(perSecond > 0 && burst > 0 && burst <= 1_000_000)
    cost = 1_000_000_000 / perSecond
    capacity = cost * burst
    level = capacity
    filled = start
  }

  /// Takes a token out, or says that there is none.
  mutating func take(at now: Instant) -> Bool {
    let elapsed = (now - filled).nanoseconds
    level = elapsed >= capacity - level ? capacity : level + max(elapsed, 0)
    filled = now
    guard level >= cost else { return false }
    level -= cost
    return true
  }
}
