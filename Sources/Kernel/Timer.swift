import Net

/// The interrupt that ends a wait in time.
///
/// To set it is an exit from a virtual machine, so it is left alone when it is
/// early enough as it is: then it may end one wait too soon.
struct Timer {
  /// The longest wait: what the counter holds at its fastest, and no more than
  /// a second, so that a wait is never far off when clocks drift apart.
  private static var longest: Interval { .seconds(1) }

  /// When it interrupts, unless it has.
  private var end: Instant?
  private var watch = InterruptWatch(Vector.timer)

  /// Arms the timer for `deadline`, or for the longest wait before it. An
  /// interrupt that comes before the halt is held back until then.
  ///
  /// - Returns: Whether there is time to wait at all.
  mutating func arm(for deadline: Instant) -> Bool {
    let now = Clock.now
    guard deadline > now else { return false }
    // Whether it has interrupted it says itself: its clock is another.
    if watch.hasCome() { end = nil }
    if let end, end <= deadline { return true }
    let interval = min(Self.longest, deadline - now)
    let ticks = unsafe Clock.timerRate!.ticks(in: interval)
    LocalAPIC.interrupt(afterTicks: UInt32(clamping: max(ticks, 1)))
    end = now + interval
    return true
  }
}
