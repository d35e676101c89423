import CPU

/// How often the core halted, and how long it did not: what the machine's work
/// costs.
struct Halts {
  /// How often it halted.
  private(set) var count: UInt64 = 0
  private var ticks: UInt64 = 0

  /// Halts until an interrupt comes.
  mutating func wait() {
    let start = cpu_timestamp()
    Interrupts.wait()
    ticks &+= cpu_timestamp() &- start
    count &+= 1
  }

  /// The ticks of the time-stamp counter since the machine's first instruction
  /// in which the core did not halt. An interrupt that ends a halt is part of
  /// it. Where the counter counts instructions, as with `-icount shift=0` of
  /// QEMU, this is their number.
  var busyTicks: UInt64 {
    cpu_timestamp() &- boot_entry_timestamp() &- ticks
  }
}
