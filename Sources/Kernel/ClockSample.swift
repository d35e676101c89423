import CPU

/// What all counters were at nearly the same time.
struct ClockSample {
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
