/// The interrupt vectors in use; 0 to 31 are the processor's exceptions. What
/// has the higher number is the more urgent, in steps of 16: a line that is not
/// acknowledged yet keeps back neither the timer nor messages. SDM 3A §11.8.3.
enum Vector {
  /// The first of the sixteen that the 8259s use.
  static let legacy: UInt8 = 32
  /// Those that lines of the IOAPICs use.
  static let pins: ClosedRange<UInt8> = 48...63
  /// The local APIC's timer.
  static let timer: UInt8 = 64
  /// Those that devices' message-signalled interrupts use.
  static let messages: ClosedRange<UInt8> = 65...254
  /// What the local APIC sends when an interrupt went away.
  static let spurious: UInt8 = 255
}
