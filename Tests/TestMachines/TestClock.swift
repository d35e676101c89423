import Net

/// A clock that stands still until it is moved on.
final class TestClock {
  private(set) var now = Instant(nanoseconds: 1_000_000_000)

  func advance(to instant: Instant) { now = max(now, instant) }
}
