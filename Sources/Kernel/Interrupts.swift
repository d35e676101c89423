import CPU

/// The interrupt vectors in use; 0 to 31 are the processor's exceptions.
enum Vector {
  /// The first of the sixteen that the 8259s use.
  static let legacy: UInt8 = 32
  /// The local APIC's timer.
  static let timer: UInt8 = 48
  /// The first that a device's message-signalled interrupts may use.
  static let firstMessage: UInt8 = 49
  /// What the local APIC sends when an interrupt went away.
  static let spurious: UInt8 = 255
}

/// Interrupts end a halt and note that they came; nothing else happens in them.
/// They are enabled inside ``wait()`` and ``glance()`` alone.
enum Interrupts {
  /// Halts until an interrupt comes. The caller has looked for work after it
  /// enabled the devices' interrupts: one that came since ends the halt at
  /// once.
  static func wait() { cpu_halt() }

  /// Lets one interrupt in that is waiting, without halting: for a machine
  /// that is too busy to halt.
  static func glance() { cpu_glance() }

  /// Whether `vector` came since it was last asked.
  static func take(_ vector: UInt8) -> Bool {
    let flag = boot_address_of_interrupt_pending() + UInt(vector)
    guard cpu_load8(flag) != 0 else { return false }
    cpu_store8(flag, 0)
    return true
  }
}

/// The two 8259 interrupt controllers: for devices without MSI-X. Intel 8259A
/// data sheet; ports as in every PC.
enum LegacyInterruptController {
  private static var command1: UInt16 { 0x20 }
  private static var data1: UInt16 { 0x21 }
  private static var command2: UInt16 { 0xA0 }
  private static var data2: UInt16 { 0xA1 }
  /// The second controller hangs on this line of the first.
  private static var cascade: UInt8 { 2 }

  /// Moves their vectors behind the exceptions and masks every line.
  static func initialize() {
    // ICW1: edge by default (ELCR decides), cascade, ICW4 follows.
    cpu_out8(command1, 0x11)
    cpu_out8(command2, 0x11)
    // ICW2: the first vector. ICW3: the cascade. ICW4: 8086 mode.
    cpu_out8(data1, Vector.legacy)
    cpu_out8(data2, Vector.legacy + 8)
    cpu_out8(data1, 1 << cascade)
    cpu_out8(data2, cascade)
    cpu_out8(data1, 0x01)
    cpu_out8(data2, 0x01)
    cpu_out8(data1, 0xFF)
    cpu_out8(data2, 0xFF)
  }

  /// Lets interrupt line `line` through.
  ///
  /// - Precondition: `line` is 0 to 15 and not the cascade.
  static func unmask(_ line: UInt8) {
    precondition(line < 16 && line != cascade)
    if line < 8 {
      cpu_out8(data1, cpu_in8(data1) & ~(1 << line))
    } else {
      cpu_out8(data2, cpu_in8(data2) & ~(1 << (line - 8)))
      cpu_out8(data1, cpu_in8(data1) & ~(1 << cascade))
    }
  }
}
