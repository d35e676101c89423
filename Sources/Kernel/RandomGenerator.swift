import Net
import Packets

/// What a processor has that is random, or nearly.
protocol RandomProcessor {
  /// Whether it has RDSEED.
  var hasSeedInstruction: Bool { get }
  /// Whether it has RDRAND.
  var hasRandomInstruction: Bool { get }
  /// One try of RDSEED; `nil` when it has nothing ready.
  func tryToSeed() -> UInt64?
  /// One try of RDRAND; `nil` when it has nothing ready.
  func tryForRandom() -> UInt64?
  /// Gives it a moment.
  func pause()
  /// The time-stamp counter.
  var timestamp: UInt64 { get }
  /// The time-stamp counter at the machine's first instruction.
  var firstTimestamp: UInt64 { get }
  /// Does something whose duration depends on all that the host does.
  func accessSlowly()
}

/// A run of random numbers from everything that there is to make one of.
///
/// Sources are combined and never replace each other: with what comes in and a
/// secret of the run so far, a keyed hash makes the key of what follows. Who
/// knows the one and not the other knows nothing of it, so a source that lies
/// cannot make it worse. And as the hash cannot be turned round, the numbers
/// given before stay secret when the key becomes known.
struct RandomGenerator {
  /// Where the first key came from.
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
  static var mostTries: Int { 10 }
  /// Samples hashed into a word of timing noise: one bit each is a cautious
  /// guess, twice over for 64 bits.
  static var timingSamples: Int { 128 }

  /// Where the first key came from; `nil` before there is one.
  private(set) var origin: Origin?
  private var numbers = RandomNumbers(seed: SipHash.Key(0, 0))

  /// A generator that is not random yet.
  init() {}

  /// The next 64 bits.
  mutating func next() -> UInt64 { numbers.next() }

  // MARK: Sources

  /// Finds the best origin and takes the first key from it.
  mutating func seed<P: RandomProcessor>(from processor: P) {
    let origin = Self.bestOrigin(of: processor)
    self.origin = origin
    // The timing goes in always: it costs little, and a generator that is
    // worse than it says is then no worse than none.
    mix(
      Self.timingWord(processor),
      Self.timingWord(processor),
      Self.word(from: origin, of: processor) ?? 0,
      Self.word(from: origin, of: processor) ?? 0
    )
  }

  /// Takes in what the processor has now, without the slow accesses.
  mutating func refresh<P: RandomProcessor>(from processor: P) {
    let origin = origin ?? .timing
    mix(
      processor.timestamp,
      processor.timestamp,
      Self.word(from: origin, of: processor) ?? 0,
      Self.word(from: origin, of: processor) ?? 0
    )
  }

  /// Takes in bytes from elsewhere.
  mutating func mix(_ bytes: RawSpan) {
    let secret = SipHash.Key(numbers.next(), numbers.next())
    numbers = RandomNumbers(
      seed: SipHash.Key(
        Self.hash(0, bytes, secret),
        Self.hash(1, bytes, secret)
      )
    )
  }

  private mutating func mix(
    _ first: UInt64,
    _ second: UInt64,
    _ third: UInt64,
    _ fourth: UInt64
  ) {
    let words: InlineArray<4, UInt64> = [first, second, third, fourth]
    // SAFETY: Integers have no padding between them.
    unsafe mix(words.span.bytes)
  }

  /// The two halves of a key differ by `half`.
  private static func hash(
    _ half: UInt64,
    _ bytes: RawSpan,
    _ secret: SipHash.Key
  ) -> UInt64 {
    var hash = SipHash(key: secret)
    hash.combine(half)
    hash.combine(UInt64(bytes.byteCount))
    var offset = 0
    while bytes.byteCount - offset >= 8 {
      hash.combine(bytes.littleEndian(at: offset))
      offset += 8
    }
    while offset < bytes.byteCount {
      hash.combine(UInt64(bytes.byte(at: offset)))
      offset += 1
    }
    return hash.finalize()
  }

  // MARK: The processor

  private static func bestOrigin<P: RandomProcessor>(
    of processor: P
  ) -> Origin {
    if processor.hasSeedInstruction, word(from: .rdseed, of: processor) != nil {
      return .rdseed
    }
    if processor.hasRandomInstruction,
      word(from: .rdrand, of: processor) != nil
    {
      return .rdrand
    }
    return .timing
  }

  private static func word<P: RandomProcessor>(
    from origin: Origin,
    of processor: P
  ) -> UInt64? {
    for _ in 0..<mostTries {
      let value: UInt64? =
        switch origin {
        case .rdseed: processor.tryToSeed()
        case .rdrand: processor.tryForRandom()
        case .timing: nil
        }
      if let value { return value }
      processor.pause()
    }
    return nil
  }

  private static func timingWord<P: RandomProcessor>(
    _ processor: P
  ) -> UInt64 {
    var hash = SipHash(
      key: SipHash.Key(processor.timestamp, processor.firstTimestamp)
    )
    for _ in 0..<timingSamples {
      processor.accessSlowly()
      hash.combine(processor.timestamp)
    }
    return hash.finalize()
  }
}
