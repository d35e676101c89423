import CPU

/// The two 8259 interrupt controllers: for devices without MSI-X. Intel 8259A
/// data sheet; ports as in every PC.
enum LegacyInterruptController {
  private static var command1: UInt16 { 0x20 }
  private static var data1: UInt16 { 0x21 }
  private static var command2: UInt16 { 0xA0 }
  private static var data2: UInt16 { 0xA1 }
  /// The second controller hangs on this line of the first.
  private static var cascade: UInt8 { 2 }
  /// OCW2, the non-specific one.
  private static var endOfInterrupt: UInt8 { 0x20 }

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

  /// Whether there are any: a mask that is written can be read.
  static var isThere: Bool {
    let before = cpu_in8(data1)
    cpu_out8(data1, ~(1 << cascade))
    defer { cpu_out8(data1, before) }
    return cpu_in8(data1) == ~(1 << cascade)
  }

  /// Whether `line` is one that a device can have: 0 is the timer's.
  static func hasLine(_ line: UInt8) -> Bool {
    1..<16 ~= line && line != cascade
  }

  /// Says that the interrupt of `line` has been handled: only now, when its
  /// device has let go of the line, since one that is still up would interrupt
  /// again. There is no other under way: they come one a wait.
  static func endInterrupt(_ line: UInt8) {
    if line >= 8 { cpu_out8(command2, endOfInterrupt) }
    cpu_out8(command1, endOfInterrupt)
  }

  /// Holds interrupt line `line` back.
  ///
  /// - Precondition: As for ``unmask(_:)``.
  static func mask(_ line: UInt8) {
    precondition(hasLine(line))
    if line < 8 {
      cpu_out8(data1, cpu_in8(data1) | 1 << line)
    } else {
      cpu_out8(data2, cpu_in8(data2) | 1 << (line - 8))
    }
  }

  /// Lets interrupt line `line` through.
  ///
  /// - Precondition: ``hasLine(_:)``.
  static func unmask(_ line: UInt8) {
    precondition(hasLine(line))
    if line < 8 {
      cpu_out8(data1, cpu_in8(data1) & ~(1 << line))
    } else {
      cpu_out8(data2, cpu_in8(data2) & ~(1 << (line - 8)))
      cpu_out8(data1, cpu_in8(data1) & ~(1 << cascade))
    }
  }
}
