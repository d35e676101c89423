import CPU

/// Channel 0 of the 8254, whose interrupt is masked: counts down once from
/// 65,535. Channel 2 would interrupt nobody, but needs a port of the speaker's
/// that not every machine has.
enum IntervalTimer {
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
