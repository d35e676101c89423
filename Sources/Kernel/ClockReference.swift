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
  func ticks(_ first: ClockSample, _ last: ClockSample) -> UInt64 {
    switch self {
    case .intervalTimer: UInt64(first.remaining &- last.remaining)
    case .timestampCounter: last.timestamp &- first.timestamp
    case .localTimer: UInt64(first.countdown &- last.countdown)
    }
  }
}
