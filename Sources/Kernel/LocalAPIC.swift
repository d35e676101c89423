import CPU

/// The interrupt controller in the processor: takes message-signalled
/// interrupts, passes on those of the 8259s, and has the timer that ends a
/// halt. SDM 3A chapter 11.
enum LocalAPIC {
  private static var base: UInt { 0xFEE0_0000 }
  private static var baseMSR: UInt32 { 0x1B }
  private static var enableBit: UInt64 { 1 << 11 }

  /// SDM 3A table 11-1.
  private enum Register {
    static let identifier: UInt = 0x020
    static let endOfInterrupt: UInt = 0x0B0
    static let spurious: UInt = 0x0F0
    static let timer: UInt = 0x320
    static let localInterrupt0: UInt = 0x350
    static let localInterrupt1: UInt = 0x360
    static let initialCount: UInt = 0x380
    static let currentCount: UInt = 0x390
    static let divide: UInt = 0x3E0
  }

  private static var masked: UInt32 { 1 << 16 }
  private static var softwareEnable: UInt32 { 1 << 8 }
  /// Delivery mode ExtINT: the 8259 says which vector. SDM 3A §11.5.1.
  private static var externalInterrupt: UInt32 { 0b111 << 8 }
  private static var divideByOne: UInt32 { 0b1011 }

  /// Switches the controller on with everything masked but what the 8259s send
  /// and the timer.
  static func initialize() {
    cpu_write_msr(
      baseMSR,
      cpu_read_msr(baseMSR) & 0xFFF | UInt64(base) | enableBit
    )
    write(Register.spurious, softwareEnable | UInt32(Vector.spurious))
    write(Register.localInterrupt0, externalInterrupt)
    write(Register.localInterrupt1, masked)
    write(Register.timer, UInt32(Vector.timer))
    write(Register.divide, divideByOne)
    write(Register.initialCount, .max)
  }

  /// The address to which a device writes to interrupt this core. SDM 3A
  /// §11.11.1.
  static var messageAddress: UInt32 { UInt32(base) | identifier << 12 }

  /// By what number interrupt controllers and devices call this core.
  static var identifier: UInt32 { read(Register.identifier) >> 24 }

  /// Says that an interrupt of an IOAPIC's line has been handled. Those of other
  /// kinds are acknowledged where they arrive. SDM 3A §11.8.5.
  static func endInterrupt() { write(Register.endOfInterrupt, 0) }

  /// The ticks until the timer interrupts.
  static var remainingCount: UInt32 { read(Register.currentCount) }

  /// Interrupts once, after `ticks`, and not when it would have before.
  static func interrupt(afterTicks ticks: UInt32) {
    write(Register.initialCount, ticks)
  }

  private static func read(_ register: UInt) -> UInt32 {
    cpu_load32(base + register)
  }

  private static func write(_ register: UInt, _ value: UInt32) {
    cpu_store32(base + register, value)
  }
}
