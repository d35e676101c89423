import CPU

/// A counter whose rate is known without measuring.
enum ClockReference: Equatable {
  /// The 8254, whose rate every PC has.
  case intervalTimer
  /// The time-stamp counter, where the hypervisor says its rate, in Hz.
  case timestampCounter(UInt64)
  /// The local APIC's timer, where its rate is the hypervisor's own, in Hz.
  case localTimer(UInt64)

  /// The best that there is. The 8254 comes first, because nobody has to be
  /// believed: it is there and counts, or not.
  static func find() -> ClockReference? {
    if IntervalTimer.isThere { return .intervalTimer }
    return hypervisors(cpu_id)
  }

  /// What a hypervisor says, or is known to do.
  ///
  /// - Parameter identify: CPUID: a leaf and a subleaf.
  static func hypervisors(
    _ identify: (UInt32, UInt32) -> cpuid
  ) -> ClockReference? {
    // SDM 2A, CPUID: leaf 1 ECX bit 31 is what no processor sets.
    guard identify(1, 0).c & 1 << 31 != 0 else { return nil }
    let base = identify(Leaf.hypervisor, 0)
    if base.a >= Leaf.timing, base.a < Leaf.hypervisor + 0x1_0000 {
      // In kHz; from 100 MHz to 40 GHz it is believed.
      let kilohertz = UInt64(identify(Leaf.timing, 0).a)
      if 100_000...40_000_000 ~= kilohertz {
        return .timestampCounter(kilohertz * 1000)
      }
    }
    // "KVMKVMKVM" and "TCGTCGTCGTCG": both count the timer in nanoseconds.
    switch (base.b, base.c, base.d) {
    case (0x4B4D_564B, 0x564B_4D56, 0x0000_004D),
      (0x5447_4354, 0x4354_4743, 0x4743_5447):
      return .localTimer(1_000_000_000)
    default:
      return nil
    }
  }

  private enum Leaf {
    static var hypervisor: UInt32 { 0x4000_0000 }
    /// VMware's leaf, which KVM has too where it is sure of the rate.
    static var timing: UInt32 { 0x4000_0010 }
  }

  /// How the console calls it.
  var name: StaticString {
    switch self {
    case .intervalTimer: "measured against the 8254"
    case .timestampCounter: "the rate that the hypervisor says (no 8254)"
    case .localTimer:
      "measured against the local APIC's timer, 1 GHz by KVM and TCG (no 8254)"
    }
  }

  /// Ticks a second.
  var frequency: UInt64 {
    switch self {
    case .intervalTimer: IntervalTimer.frequency
    case .timestampCounter(let frequency), .localTimer(let frequency):
      frequency
    }
  }

  /// Begins to count.
  func start() {
    if self == .intervalTimer { IntervalTimer.start() }
  }

  /// Whether it does not count any more.
  var hasEnded: Bool { self == .intervalTimer && IntervalTimer.hasEnded }

  /// How far it counted from one sample to another.
  func ticks(_ first: Sample, _ last: Sample) -> UInt64 {
    switch self {
    case .intervalTimer: UInt64(first.remaining &- last.remaining)
    case .timestampCounter: last.timestamp &- first.timestamp
    case .localTimer: UInt64(first.countdown &- last.countdown)
    }
  }
}

/// What all counters were at nearly the same time.
struct Sample {
  /// The time-stamp counter.
  var timestamp: UInt64 = 0
  /// What the local APIC's timer had left.
  var countdown: UInt32 = 0
  /// What the 8254 had left, when that is the reference.
  var remaining: UInt16 = 0

  /// Of several tries the one that was least disturbed, for a host may take the
  /// core away in between.
  init(_ reference: ClockReference) {
    var shortest = UInt64.max
    for _ in 0..<4 {
      let before = cpu_timestamp()
      let remaining =
        reference == .intervalTimer ? IntervalTimer.remaining : 0
      let countdown = LocalAPIC.remainingCount
      let took = cpu_timestamp() - before
      guard took < shortest else { continue }
      shortest = took
      timestamp = before + took / 2
      self.countdown = countdown
      self.remaining = remaining
    }
  }
}

/// Channel 0 of the 8254, whose interrupt is masked: counts down once from
/// 65,535. Channel 2 would interrupt nobody, but needs a port of the speaker's
/// that not every machine has.
private enum IntervalTimer {
  /// Ticks a second.
  static var frequency: UInt64 { 1_193_182 }

  private static var data: UInt16 { 0x40 }
  private static var command: UInt16 { 0x43 }
  /// Channel 0, low byte then high byte, mode 0, binary.
  private static var once: UInt8 { 0b00_11_000_0 }
  private static var latchCount: UInt8 { 0b00_00_000_0 }
  /// Read back the status of channel 0 and not its count.
  private static var latchStatus: UInt8 { 0b11_10_001_0 }

  /// Starts the count.
  static func start() {
    cpu_out8(command, once)
    cpu_out8(data, 0xFF)
    cpu_out8(data, 0xFF)
  }

  /// Whether there is one: it says the mode that it was given, where nothing
  /// answers with ones.
  static var isThere: Bool {
    start()
    return status & 0x3F == once
  }

  /// Whether the count has run out. 8254 data sheet, mode 0: the output, bit 7,
  /// is low until then.
  static var hasEnded: Bool { status & 1 << 7 != 0 }

  private static var status: UInt8 {
    cpu_out8(command, latchStatus)
    return cpu_in8(data)
  }

  /// The ticks that are left.
  static var remaining: UInt16 {
    cpu_out8(command, latchCount)
    let low = UInt16(cpu_in8(data))
    return low | UInt16(cpu_in8(data)) << 8
  }
}
