import CPU
import Net
import Virtio

/// Random bits that nobody outside can guess: from the processor's generator
/// where it has one, otherwise from the noise in how long things take, and from
/// an entropy device if there is one.
enum RandomSource {
  /// How long the device's first bytes are waited for: a host gives them at
  /// once, or rations them.
  private static var longestWait: Interval { .milliseconds(100) }

  /// What everything draws from.
  ///
  /// SAFETY: used on the only core, and by no interrupt.
  nonisolated(unsafe) private static var feed = RandomFeed<
    Processor, EntropySource
  >(Processor())

  /// Finds the best origin and seeds the numbers from it.
  ///
  /// - Precondition: The clock is calibrated.
  static func initialize() {
    // SAFETY: See `feed`.
    unsafe feed.seed(at: Clock.now)
  }

  /// Has an entropy device, if there is one, add to the numbers, and waits a
  /// moment for its first bytes. Then says on the console where the bits come
  /// from.
  static func add(_ device: consuming EntropySource?) {
    Console.write("random: ")
    // SAFETY: See `feed`.
    if let origin = unsafe feed.origin { Console.write(origin.name) }
    if let device = consume device {
      let end = Clock.now + longestWait
      let answer = unsafe feed.add(device, until: { Clock.now >= end })
      switch answer {
      case .bytes: Console.write(", virtio entropy")
      case .none: Console.write(", virtio entropy to come")
      case .lie: break
      }
    }
    Console.write(byte: 0x0A)
    tellOfLie()
  }

  /// Gives the stack protector a canary that nobody outside knows. Its first
  /// byte stays zero, so that a text that overflows cannot write it.
  ///
  /// A function that is running must not return any more: its frame holds the
  /// old one.
  static func armStackProtector() {
    cpu_store64(boot_address_of_stack_protector_canary(), next() & ~0xFF)
  }

  /// 64 random bits.
  static func next() -> UInt64 {
    // Before it is seeded there may be no clock, and nothing is due.
    // SAFETY: See `feed`.
    let now = unsafe feed.origin == nil ? Instant(nanoseconds: 0) : Clock.now
    let word = unsafe feed.next(at: now)
    tellOfLie()
    return word
  }

  /// 128 random bits for a key of their own.
  static func key() -> SipHash.Key { SipHash.Key(next(), next()) }

  private static func tellOfLie() {
    // SAFETY: See `feed`.
    guard unsafe feed.takeLie() else { return }
    Console.print(
      "random: the entropy device is given up: it answered what it must not"
    )
  }
}

/// The processor that this runs on.
private struct Processor: RandomProcessor {
  // SDM 2A, CPUID: leaf 7 EBX bit 18, leaf 1 ECX bit 30.
  var hasSeedInstruction: Bool {
    cpu_id(0, 0).a >= 7 && cpu_id(7, 0).b & 1 << 18 != 0
  }
  var hasRandomInstruction: Bool { cpu_id(1, 0).c & 1 << 30 != 0 }

  func tryToSeed() -> UInt64? {
    var value: UInt64 = 0
    // SAFETY: It writes the one word.
    return unsafe cpu_rdseed(&value) ? value : nil
  }

  func tryForRandom() -> UInt64? {
    var value: UInt64 = 0
    // SAFETY: As above.
    return unsafe cpu_rdrand(&value) ? value : nil
  }

  func pause() { cpu_pause() }
  var timestamp: UInt64 { cpu_timestamp() }
  var firstTimestamp: UInt64 { boot_entry_timestamp() }

  /// A port access leaves the guest: how long that takes depends on the host.
  func accessSlowly() { _ = cpu_in8(0x61) }
}
