import CPU

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
