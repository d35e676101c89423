import Net
import Packets
import Virtio

/// What random bytes of the host come from.
protocol EntropyProvider: ~Copyable {
  /// Asks for bytes, if none are asked for.
  mutating func request()
  /// Lends what has come to `use`, once.
  mutating func take(_ use: (RawSpan) -> Void) -> EntropyAnswer
  /// The same, but waits for it until `isOver` says so.
  mutating func take(
    until isOver: () -> Bool,
    _ use: (RawSpan) -> Void
  ) -> EntropyAnswer
}

/// A generator with what feeds it: the processor, and an entropy device.
///
/// Whoever draws from it after a minute has it refreshed first: a machine that
/// was saved and is restored twice would otherwise give both copies the same
/// numbers for ever, and one whose memory was seen once would have no secrets
/// any more. That happens when somebody draws and not by a timer: nobody else
/// needs it. It waits for nothing: the processor's bits are there at once, and
/// the device is asked for some that a later draw takes.
struct RandomFeed<
  Processor: RandomProcessor,
  Device: EntropyProvider & ~Copyable
>: ~Copyable {
  /// After how long a draw refreshes.
  static var refreshInterval: Interval { .seconds(60) }

  private let processor: Processor
  private var device: Device?
  private var generator = RandomGenerator()
  /// `nil` before it is seeded.
  private var nextRefresh: Instant?
  /// Whether the device has lied and nobody was told yet.
  private var isLieUntold = false

  /// Numbers that are not random yet.
  init(_ processor: Processor) {
    self.processor = processor
    device = nil
  }

  /// Where the first key came from; `nil` before there is one.
  var origin: RandomGenerator.Origin? { generator.origin }

  /// Finds the best origin and takes the first key from it.
  mutating func seed(at now: Instant) {
    generator.seed(from: processor)
    nextRefresh = now + Self.refreshInterval
  }

  /// Has `device` add to the numbers, and waits for its first bytes until
  /// `isOver` says so.
  mutating func add(
    _ device: consuming Device,
    until isOver: () -> Bool
  ) -> EntropyAnswer {
    var fed = generator
    device.request()
    let answer = device.take(until: isOver) { fed.mix($0) }
    generator = fed
    if answer == .lie { isLieUntold = true }
    self.device = consume device
    return answer
  }

  /// The next 64 bits.
  mutating func next(at now: Instant) -> UInt64 {
    var fed = generator
    if device?.take({ fed.mix($0) }) == .lie { isLieUntold = true }
    generator = fed
    if let due = nextRefresh, now >= due {
      nextRefresh = now + Self.refreshInterval
      generator.refresh(from: processor)
      device?.request()
    }
    return generator.next()
  }

  /// Whether the device has lied since the last call.
  mutating func takeLie() -> Bool {
    defer { isLieUntold = false }
    return isLieUntold
  }
}
