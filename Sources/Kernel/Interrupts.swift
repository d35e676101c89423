import CPU

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

/// Interrupts end a halt and are counted; nothing else happens in them. They
/// are enabled inside ``wait()`` and ``glance()`` alone.
enum Interrupts {
  /// SAFETY: one core; so is the other.
  nonisolated(unsafe) private static var messages = VectorTable(Vector.messages)
  nonisolated(unsafe) private static var pins = VectorTable(Vector.pins)

  /// Halts until an interrupt comes. The caller has looked for work after it
  /// enabled the devices' interrupts: one that came since ends the halt at
  /// once.
  static func wait() { cpu_halt() }

  /// Lets one interrupt in that is waiting, without halting: for a machine
  /// that is too busy to halt.
  static func glance() { cpu_glance() }

  /// How often `vector` came, modulo 256.
  static func count(_ vector: UInt8) -> UInt8 {
    cpu_load8(boot_address_of_interrupt_counts() + UInt(vector))
  }

  /// Whether `message` came since it was last asked. Only its one device asks.
  static func take(message: UInt8) -> Bool {
    let count = boot_address_of_interrupt_counts() + UInt(message)
    guard cpu_load8(count) != 0 else { return false }
    cpu_store8(count, 0)
    return true
  }

  /// `count` vectors in a row for a device's messages; `nil` when there are not
  /// so many left.
  static func takeMessages(_ count: Int) -> UInt8? {
    unsafe messages.take(count)
  }

  /// Gives back what ``takeMessages(_:)`` gave, or a part of it.
  static func giveBackMessages(_ first: UInt8, _ count: Int) {
    unsafe messages.giveBack(first, count)
  }

  /// A vector for a line of an IOAPIC; `nil` when there is none left.
  static func takePin() -> UInt8? { unsafe pins.take(1) }

  /// Gives back what ``takePin()`` gave.
  static func giveBackPin(_ vector: UInt8) { unsafe pins.giveBack(vector, 1) }

  /// Whether the interrupts of a line's vector are ended by who watches it. If
  /// not, Boot ends them as they come.
  ///
  /// - Precondition: `vector` is one of a line.
  static func setWatched(_ vector: UInt8, _ isWatched: Bool) {
    precondition(Vector.legacy...Vector.pins.upperBound ~= vector)
    let flag = boot_address_of_lines_watched() + UInt(vector - Vector.legacy)
    cpu_store8(flag, isWatched ? 1 : 0)
  }
}

/// A vector, and how often it had come when it was last asked. Whoever shares
/// the vector has a watch of its own, so that nobody takes an interrupt from
/// another.
struct InterruptWatch {
  /// What is watched.
  let vector: UInt8
  private var seen: UInt8

  /// Watches `vector` from now on.
  init(_ vector: UInt8) {
    self.vector = vector
    seen = Interrupts.count(vector)
  }

  /// Whether the vector came since this was last asked. That is asked after
  /// each wait, which lets one interrupt in, so no 256 of them can pass as none.
  mutating func hasCome() -> Bool {
    let count = Interrupts.count(vector)
    guard count != seen else { return false }
    seen = count
    return true
  }
}
