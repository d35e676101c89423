import CPU
import Net

/// Time since the machine's first instruction, from the time-stamp counter.
///
/// The rates of that counter and of the local APIC's timer are measured once,
/// against a ``ClockReference``.
enum Clock {
  /// The rate of the time-stamp counter.
  ///
  /// SAFETY: set once at boot, on the only core; so is the other.
  nonisolated(unsafe) private static var rate: TickRate?
  /// The rate of the local APIC's timer, at the divisor it is used with.
  nonisolated(unsafe) private(set) static var timerRate: TickRate?

  /// The time now.
  static var now: Instant { at(timestamp: cpu_timestamp()) }

  /// The time at which the counter had the value `timestamp`.
  ///
  /// - Precondition: ``calibrate()`` was called.
  static func at(timestamp: UInt64) -> Instant {
    let ticks = timestamp &- boot_entry_timestamp()
    return unsafe Instant(nanoseconds: 0) + rate!.interval(ofTicks: ticks)
  }

  /// How often a measurement that was disturbed is made again.
  private static var mostTries: Int { 20 }

  /// Measures both counters' rates, which takes about 5 ms, and returns what
  /// they were measured against.
  ///
  /// - Precondition: The local APIC is on.
  static func calibrate() -> ClockReference {
    guard let reference = ClockReference.find() else {
      panic("no clock of a known rate: neither an 8254 nor KVM or TCG")
    }
    for _ in 0..<mostTries where measure(reference) { return reference }
    panic("the time-stamp counter could not be measured")
  }

  /// One measurement; whether it is good.
  private static func measure(_ reference: ClockReference) -> Bool {
    reference.start()
    let first = ClockSample(reference)
    var last = first
    while reference.ticks(first, last) < reference.frequency / 200 {
      // A host that takes the core away for 55 ms lets the 8254 run out, and
      // then it says nothing any more.
      if reference.hasEnded { return false }
      last = ClockSample(reference)
    }
    if reference.hasEnded { return false }
    let elapsed = reference.ticks(first, last)
    unsafe rate = TickRate(
      ticks: last.timestamp &- first.timestamp,
      referenceTicks: elapsed,
      referenceFrequency: reference.frequency
    )
    unsafe timerRate = TickRate(
      ticks: UInt64(first.countdown &- last.countdown),
      referenceTicks: elapsed,
      referenceFrequency: reference.frequency
    )
    return unsafe rate != nil && timerRate != nil
  }
}
