import Net

/// How long each part of booting took, a console line each:
///
///     boot: pci 310 us, total 6021 us
///
/// Both count from the machine's first instruction.
struct BootPhases {
  private var last = Instant(nanoseconds: 0)

  /// The phases before the clock was known are told afterwards.
  init() {}

  /// Says that the phase `name` ends at `end`.
  mutating func finish(_ name: StaticString, at end: Instant) {
    Console.write("boot: ")
    Console.write(name)
    Console.write(byte: 0x20)
    Console.write(decimal: UInt64((end - last).nanoseconds / 1000))
    Console.write(" us, total ")
    Console.write(decimal: UInt64(end.nanoseconds / 1000))
    Console.print(" us")
    last = end
  }

  /// Says that the phase `name` ends now.
  mutating func finish(_ name: StaticString) { finish(name, at: Clock.now) }
}
