import CPU
import Net

/// Time since the machine's first instruction, from the time-stamp counter.
///
/// The counter's rate is measured once against the interval timer (8254), whose
/// rate every PC has: 1,193,182 Hz.
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

  /// Measures both counters' rates. Takes about 5 ms.
  ///
  /// - Precondition: The local APIC is on.
  static func calibrate() {
    for _ in 0..<mostTries where measure() { return }
    panic("the time-stamp counter could not be measured against the 8254")
  }

  /// One measurement; whether it is good.
  private static func measure() -> Bool {
    let timer = IntervalTimer()
    let first = sample(timer)
    var last = first
    while first.remaining - last.remaining < IntervalTimer.frequency / 200 {
      // A host that takes the core away for 55 ms lets the count run out, and
      // then it says nothing any more.
      if timer.hasEnded { return false }
      last = sample(timer)
    }
    if timer.hasEnded { return false }
    let elapsed = UInt64(first.remaining - last.remaining)
    let reference = UInt64(IntervalTimer.frequency)
    unsafe rate = TickRate(
      ticks: last.timestamp &- first.timestamp,
      referenceTicks: elapsed,
      referenceFrequency: reference
    )
    unsafe timerRate = TickRate(
      ticks: UInt64(first.countdown &- last.countdown),
      referenceTicks: elapsed,
      referenceFrequency: reference
    )
    return unsafe rate != nil && timerRate != nil
  }

  private struct Sample {
    var timestamp: UInt64
    var countdown: UInt32
    var remaining: Int
  }

  /// All three counters at nearly the same time: of several tries the one that
  /// was least disturbed, for a host may take the core away in between.
  private static func sample(_ timer: borrowing IntervalTimer) -> Sample {
    var best = Sample(timestamp: 0, countdown: 0, remaining: 0)
    var shortest = UInt64.max
    for _ in 0..<4 {
      let before = cpu_timestamp()
      let remaining = timer.remaining
      let countdown = LocalAPIC.remainingCount
      let took = cpu_timestamp() - before
      guard took < shortest else { continue }
      shortest = took
      best = Sample(
        timestamp: before + took / 2,
        countdown: countdown,
        remaining: remaining
      )
    }
    return best
  }
}

/// Channel 2 of the 8254, which drives the speaker and so interrupts nobody:
/// counts down once from 65,535.
private struct IntervalTimer: ~Copyable {
  /// Ticks a second.
  static let frequency = 1_193_182

  private static var data: UInt16 { 0x42 }
  private static var command: UInt16 { 0x43 }
  /// Bit 0 gates the channel, bit 1 lets it reach the speaker, bit 5 reads its
  /// output.
  private static var gate: UInt16 { 0x61 }

  /// Starts the count.
  init() {
    cpu_out8(Self.gate, cpu_in8(Self.gate) & ~0b10 | 0b01)
    // Channel 2, low byte then high byte, mode 0, binary.
    cpu_out8(Self.command, 0b10_11_000_0)
    cpu_out8(Self.data, 0xFF)
    cpu_out8(Self.data, 0xFF)
  }

  /// Whether the count has run out. 8254 data sheet, mode 0: the output is low
  /// until then.
  var hasEnded: Bool { cpu_in8(Self.gate) & 1 << 5 != 0 }

  /// The ticks that are left.
  var remaining: Int {
    cpu_out8(Self.command, 0b10_00_000_0)
    let low = Int(cpu_in8(Self.data))
    return low | Int(cpu_in8(Self.data)) << 8
  }
}
