import CPU

/// The first serial port, on which the machine says what it does. 16550 UART;
/// QEMU connects it to the standard output of `run-qemu.sh`.
///
/// Lines that people and programs rely on are listed in `docs/console.md`.
enum Console {
  private static var port: UInt16 { 0x3F8 }
  private static var lineStatus: UInt16 { 0x3FD }
  private static var transmitterEmpty: UInt8 { 1 << 5 }

  /// Sets 8 bits, no parity, one stop bit, FIFOs on, no interrupts.
  static func initialize() {
    cpu_out8(port + 1, 0x00)
    cpu_out8(port + 3, 0x03)
    cpu_out8(port + 2, 0x07)
  }

  /// Writes one byte; a line feed gets no carriage return.
  static func write(byte: UInt8) {
    while cpu_in8(lineStatus) & transmitterEmpty == 0 {}
    cpu_out8(port, byte)
  }

  /// Writes `text`. Needs no heap.
  static func write(_ text: StaticString) {
    let bytes = unsafe text.utf8Start
    for index in 0..<text.utf8CodeUnitCount {
      // SAFETY: A static string has as many bytes, for ever.
      unsafe write(byte: bytes[index])
    }
  }

  /// Writes `text`.
  static func write(_ text: String) {
    for byte in text.utf8 { write(byte: byte) }
  }

  /// Writes `text` and ends the line.
  static func print(_ text: String) {
    write(text)
    write(byte: 0x0A)
  }

  /// Writes a line of bytes and ends it.
  static func print(_ line: [UInt8]) {
    for byte in line { write(byte: byte) }
    write(byte: 0x0A)
  }

  /// Writes `text` and ends the line. Needs no heap.
  static func print(_ text: StaticString) {
    write(text)
    write(byte: 0x0A)
  }

  /// Writes `value` in 16 hexadecimal digits. Needs no heap.
  static func write(hexadecimal value: UInt64) {
    write("0x")
    for shift in stride(from: UInt64(60), through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: value >> shift & 0xF)
      write(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// Writes `value` in decimal. Needs no heap.
  static func write(decimal value: UInt64) {
    if value >= 10 { write(decimal: value / 10) }
    write(byte: 0x30 + UInt8(value % 10))
  }
}
