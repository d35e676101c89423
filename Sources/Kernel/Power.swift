import CPU

/// The end of the machine: QEMU's `isa-debug-exit` turns what is written to its
/// port into an exit code, `value << 1 | 1`, which `run-qemu.sh` translates.
enum Power {
  /// How the machine ended.
  enum End: UInt8 {
    /// The app's `run` returned.
    case orderly = 0x10
    /// A panic: a trap, a broken contract, no memory.
    case panic = 0x11
  }

  /// Ends the machine. Where there is no such port, halts for ever.
  static func off(_ end: End) -> Never {
    cpu_out8(0xF4, end.rawValue)
    while true { cpu_halt_for_ever() }
  }
}
