import CPU
import Net

/// Random bits that nobody outside can guess: from the processor's generator
/// where it has one, otherwise from the noise in how long things take.
enum RandomSource {
  /// Where the bits come from.
  enum Origin {
    /// RDSEED: the entropy source itself. SDM 1 §7.3.17.
    case rdseed
    /// RDRAND: a generator that the source seeds.
    case rdrand
    /// Neither: the low bits of the time-stamp counter around slow accesses.
    case timing

    /// How the console calls it.
    var name: StaticString {
      switch self {
      case .rdseed: "RDSEED"
      case .rdrand: "RDRAND"
      case .timing: "timing noise (the processor has no RDRAND)"
      }
    }
  }

  /// Tries of an instruction that says it has nothing ready; SDM 1 §7.3.17.1
  /// advises ten.
  private static var mostTries: Int { 10 }
  /// Samples hashed into a word of timing noise: one bit each is a cautious
  /// guess, twice over for 64 bits.
  private static var timingSamples: Int { 128 }

  /// The run that everything but the seeds draws from.
  ///
  /// SAFETY: set once at boot, then used on the only core.
  nonisolated(unsafe) private static var numbers = RandomNumbers(
    seed: SipHash.Key(0, 0)
  )

  /// Finds the best origin and seeds the numbers from it.
  static func initialize() -> Origin {
    let origin = bestOrigin()
    // SAFETY: See `numbers`.
    unsafe numbers = RandomNumbers(seed: seed(from: origin))
    return origin
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
  static func next() -> UInt64 { unsafe numbers.next() }

  /// 128 random bits for a key of their own.
  static func key() -> SipHash.Key { SipHash.Key(next(), next()) }

  private static func bestOrigin() -> Origin {
    // SDM 2A, CPUID: leaf 7 EBX bit 18, leaf 1 ECX bit 30.
    let extended = cpu_id(0, 0).a >= 7 ? cpu_id(7, 0).b : 0
    if extended & 1 << 18 != 0, word(from: .rdseed) != nil { return .rdseed }
    let hasGenerator = cpu_id(1, 0).c & 1 << 30 != 0
    if hasGenerator, word(from: .rdrand) != nil { return .rdrand }
    return .timing
  }

  private static func seed(from origin: Origin) -> SipHash.Key {
    // The timing goes in always: it costs little, and a generator that is
    // worse than it says is then no worse than none.
    let low = timingWord()
    let high = timingWord()
    return SipHash.Key(
      low ^ (word(from: origin) ?? 0),
      high ^ (word(from: origin) ?? 0)
    )
  }

  private static func word(from origin: Origin) -> UInt64? {
    for _ in 0..<mostTries {
      var value: UInt64 = 0
      let isReady =
        switch origin {
        case .rdseed: unsafe cpu_rdseed(&value)
        case .rdrand: unsafe cpu_rdrand(&value)
        case .timing: false
        }
      if isReady { return value }
      cpu_pause()
    }
    return nil
  }

  private static func timingWord() -> UInt64 {
    var hash = SipHash(
      key: SipHash.Key(cpu_timestamp(), boot_entry_timestamp())
    )
    for _ in 0..<timingSamples {
      // A port access leaves the guest: how long that takes depends on all the
      // host does.
      _ = cpu_in8(0x61)
      hash.combine(cpu_timestamp())
    }
    return hash.finalize()
  }
}
