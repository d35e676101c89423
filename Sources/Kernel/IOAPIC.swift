import CPU

/// An interrupt controller for lines, on machines that have more than the two
/// 8259s or none of them. Intel 82093AA data sheet.
///
/// Each pin has an entry of 64 bits that says to which core and as which vector
/// it is sent; pins of all controllers are numbered through (the global system
/// interrupts of ACPI 6.4 §5.2.13).
struct IOAPIC: Equatable {
  /// The address of its registers.
  let base: UInt
  /// The number of its first pin.
  let firstInterrupt: UInt32
  /// How many pins it has.
  let pinCount: UInt32

  /// Where it is when nobody says otherwise.
  static var defaultBase: UInt64 { 0xFEC0_0000 }

  /// §3.1: what is written to the first selects what the second shows.
  private enum Register {
    static var select: UInt { 0x00 }
    static var window: UInt { 0x10 }
    /// The registers behind it, by number.
    static var version: UInt32 { 0x01 }
    static var entries: UInt32 { 0x10 }
  }

  /// §3.2.4, the low half of an entry.
  private enum Entry {
    static var activeLow: UInt32 { 1 << 13 }
    static var level: UInt32 { 1 << 15 }
    static var masked: UInt32 { 1 << 16 }
  }

  /// The controller at `base`, which must be mapped, with every pin masked;
  /// `nil` when what answers there is none.
  init?(at base: UInt64, firstInterrupt: UInt32) {
    self.base = UInt(base)
    self.firstInterrupt = firstInterrupt
    cpu_store32(self.base + Register.select, Register.version)
    let version = cpu_load32(self.base + Register.window)
    guard let count = Self.pinCount(version: version) else { return nil }
    pinCount = count
    for pin in 0..<pinCount { mask(pin) }
  }

  /// The pins of a controller whose version register says `version`; `nil` when
  /// no controller says that. §3.2.2: bits 7 to 0 the version, 0x11 at first and
  /// 0x20 at the last, bits 23 to 16 the number of the last pin.
  static func pinCount(version: UInt32) -> UInt32? {
    let last = version >> 16 & 0xFF
    guard 0x10...0x2F ~= version & 0xFF, last < 240, version >> 24 == 0
    else { return nil }
    return last + 1
  }

  /// The pin that has the number `interrupt`, if it is one of these.
  func pin(_ interrupt: UInt32) -> UInt32? {
    guard interrupt >= firstInterrupt, interrupt - firstInterrupt < pinCount
    else { return nil }
    return interrupt - firstInterrupt
  }

  /// Sends `pin` to this core as `vector`.
  func route(_ pin: UInt32, _ signal: InterruptSignal, vector: UInt8) {
    mask(pin)
    write(Register.entries + 2 * pin + 1, LocalAPIC.identifier << 24)
    write(
      Register.entries + 2 * pin,
      UInt32(vector) | (signal.isLevel ? Entry.level : 0)
        | (signal.isActiveLow ? Entry.activeLow : 0)
    )
  }

  /// Holds `pin` back.
  func mask(_ pin: UInt32) {
    write(Register.entries + 2 * pin, Entry.masked)
  }

  private func write(_ register: UInt32, _ value: UInt32) {
    cpu_store32(base + Register.select, register)
    cpu_store32(base + Register.window, value)
  }
}
