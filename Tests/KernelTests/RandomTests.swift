import Net
import Packets
import Testing
import Virtio

@testable import Kernel

/// A processor that has what the test gives it, and notes what it is asked.
private final class MadeUpProcessor: RandomProcessor {
  var hasSeedInstruction = false
  var hasRandomInstruction = false
  /// What the instructions answer, in order; then nothing is ready.
  var seeds: [UInt64?] = []
  var randoms: [UInt64?] = []
  /// How far the counter gets from one look to the next.
  var tick: UInt64 = 1000
  private(set) var seedTries = 0
  private(set) var randomTries = 0
  private(set) var slowAccesses = 0
  private var counter: UInt64 = 0

  func tryToSeed() -> UInt64? {
    seedTries += 1
    return seeds.isEmpty ? nil : seeds.removeFirst()
  }

  func tryForRandom() -> UInt64? {
    randomTries += 1
    return randoms.isEmpty ? nil : randoms.removeFirst()
  }

  func pause() {}

  var timestamp: UInt64 {
    counter += tick
    return counter
  }
  var firstTimestamp: UInt64 { 7 }

  func accessSlowly() { slowAccesses += 1 }
}

extension RandomGenerator {
  fileprivate static func seeded(_ processor: MadeUpProcessor) -> Self {
    var generator = Self()
    generator.seed(from: processor)
    return generator
  }

  /// The next words.
  fileprivate mutating func run(_ count: Int = 4) -> [UInt64] {
    (0..<count).map { _ in next() }
  }

  fileprivate mutating func mix(_ bytes: [UInt8]) { mix(bytes.rawBytes) }
}

@Suite struct RandomOriginTests {
  private func processor(
    seeds: [UInt64?]? = nil,
    randoms: [UInt64?]? = nil
  ) -> MadeUpProcessor {
    let processor = MadeUpProcessor()
    processor.hasSeedInstruction = seeds != nil
    processor.hasRandomInstruction = randoms != nil
    processor.seeds = seeds ?? []
    processor.randoms = randoms ?? []
    return processor
  }

  private static let many: [UInt64?] = [1, 2, 3, 4]

  @Test func seed_instruction_is_the_best() {
    let processor = processor(seeds: Self.many, randoms: Self.many)
    #expect(RandomGenerator.seeded(processor).origin == .rdseed)
    #expect(processor.randomTries == 0)
  }

  @Test func random_instruction_is_the_next() {
    let processor = processor(randoms: Self.many)
    #expect(RandomGenerator.seeded(processor).origin == .rdrand)
    #expect(processor.seedTries == 0)
  }

  @Test func instruction_that_is_not_there_is_not_tried() {
    let processor = processor()
    #expect(RandomGenerator.seeded(processor).origin == .timing)
    #expect(processor.seedTries == 0)
    #expect(processor.randomTries == 0)
  }

  @Test func seed_instruction_that_has_nothing_gives_way() {
    let processor = processor(seeds: [], randoms: Self.many)
    #expect(RandomGenerator.seeded(processor).origin == .rdrand)
    #expect(processor.seedTries == RandomGenerator.mostTries)
  }

  @Test func neither_has_anything() {
    let processor = processor(seeds: [], randoms: [])
    #expect(RandomGenerator.seeded(processor).origin == .timing)
    #expect(processor.randomTries == RandomGenerator.mostTries)
  }

  @Test func instruction_that_is_slow_is_tried_again() {
    let nothing = [UInt64?](
      repeating: nil,
      count: RandomGenerator.mostTries - 1
    )
    let processor = processor(randoms: nothing + [5] + nothing + [6, 7])
    #expect(RandomGenerator.seeded(processor).origin == .rdrand)
    #expect(processor.randoms == [])
  }

  @Test func timing_noise_goes_in_whatever_the_origin() {
    for randoms in [nil, Self.many] {
      let first = processor(randoms: randoms)
      let second = processor(randoms: randoms)
      second.tick = 1001
      var one = RandomGenerator.seeded(first)
      var other = RandomGenerator.seeded(second)
      #expect(one.run() != other.run())
      #expect(first.slowAccesses == 2 * RandomGenerator.timingSamples)
    }
  }

  /// The first answer shows that the instruction works; the two behind it are
  /// the key.
  @Test(arguments: [1, 2])
  func each_word_of_the_instruction_goes_in(_ index: Int) {
    var changed = Self.many
    changed[index] = 99
    var one = RandomGenerator.seeded(processor(randoms: Self.many))
    var other = RandomGenerator.seeded(processor(randoms: changed))
    #expect(one.run() != other.run())
  }

  @Test func same_again_is_the_same() {
    var one = RandomGenerator.seeded(processor(randoms: Self.many))
    var other = RandomGenerator.seeded(processor(randoms: Self.many))
    #expect(one.run() == other.run())
  }
}

@Suite struct RandomMixTests {
  private static func generator(_ seed: UInt64) -> RandomGenerator {
    let processor = MadeUpProcessor()
    processor.hasRandomInstruction = true
    processor.randoms = [0, UInt64?(seed), 1]
    return .seeded(processor)
  }

  /// A device that knows what it gives does not know what comes of it.
  @Test(arguments: [[], [0], [UInt8](repeating: 0, count: 64)])
  func same_bytes_leave_two_runs_apart(_ bytes: [UInt8]) {
    var one = Self.generator(1)
    var other = Self.generator(2)
    one.mix(bytes)
    other.mix(bytes)
    #expect(Set(one.run()).isDisjoint(with: other.run()))
  }

  @Test func mixing_changes_the_run_even_with_zeros() {
    for count in [1, 8, 64] {
      var one = Self.generator(1)
      var other = Self.generator(1)
      other.mix([UInt8](repeating: 0, count: count))
      #expect(Set(one.run(8)).isDisjoint(with: other.run(8)))
    }
  }

  @Test func every_byte_counts_and_so_does_their_number() {
    var runs: Set<[UInt64]> = []
    var count = 0
    for length in 0...17 {
      for changed in -1..<length {
        var bytes = [UInt8](repeating: 0, count: length)
        if changed >= 0 { bytes[changed] = 1 }
        var generator = Self.generator(1)
        generator.mix(bytes)
        runs.insert(generator.run())
        count += 1
      }
    }
    #expect(runs.count == count)
  }

  @Test func no_word_comes_twice() {
    var generator = Self.generator(1)
    var words: Set<UInt64> = []
    for round in 0..<100 as Range<UInt8> {
      generator.mix([round])
      words.formUnion(generator.run(10))
    }
    #expect(words.count == 1000)
  }
}

/// A device that answers as the test says.
private struct MadeUpDevice: EntropyProvider, ~Copyable {
  final class State {
    var isAsked = false
    var requests = 0
    /// What comes once it is asked for.
    var bytes: [UInt8]?
    var lies = false
    /// Looks before it comes.
    var delay = 0
  }

  let state: State

  mutating func request() {
    guard !state.isAsked else { return }
    state.isAsked = true
    state.requests += 1
  }

  mutating func take(_ use: (RawSpan) -> Void) -> EntropyAnswer {
    guard state.isAsked else { return .none }
    if state.lies {
      state.isAsked = false
      return .lie
    }
    if state.delay > 0 {
      state.delay -= 1
      return .none
    }
    guard let bytes = state.bytes else { return .none }
    state.isAsked = false
    state.bytes = nil
    use(bytes.rawBytes)
    return .bytes(bytes.count)
  }

  mutating func take(
    until isOver: () -> Bool,
    _ use: (RawSpan) -> Void
  ) -> EntropyAnswer {
    while true {
      let answer = take(use)
      if answer != .none || isOver() { return answer }
    }
  }
}

@Suite struct RandomFeedTests {
  private typealias Feed = RandomFeed<MadeUpProcessor, MadeUpDevice>

  private static func at(_ seconds: Int64) -> Instant {
    Instant(nanoseconds: 0) + .seconds(seconds)
  }

  private static func feed(
    _ processor: MadeUpProcessor = MadeUpProcessor()
  ) -> Feed {
    processor.hasRandomInstruction = true
    processor.randoms = [1, 2, 3]
    var feed = Feed(processor)
    feed.seed(at: at(0))
    return feed
  }

  private static func draw(_ feed: inout Feed, at seconds: Int64) -> UInt64 {
    feed.next(at: at(seconds))
  }

  @Test func unseeded_numbers_ask_nobody() {
    let processor = MadeUpProcessor()
    var feed = Feed(processor)
    _ = Self.draw(&feed, at: 1000)
    #expect(processor.randomTries == 0)
    let origin = feed.origin
    #expect(origin == nil)
  }

  @Test func first_bytes_are_waited_for_and_change_the_numbers() {
    let state = MadeUpDevice.State()
    state.bytes = [1, 2, 3]
    state.delay = 4
    var feed = Self.feed()
    var without = Self.feed()
    var looks = 0
    let answer = feed.add(
      MadeUpDevice(state: state),
      until: {
        looks += 1
        return looks == 100
      }
    )
    #expect(answer == .bytes(3))
    #expect(looks == 4)
    #expect(state.requests == 1)
    let (one, other) = (
      Self.draw(&feed, at: 1), Self.draw(&without, at: 1)
    )
    #expect(one != other)
  }

  @Test func bytes_that_come_late_are_taken_by_the_next_draw() {
    let state = MadeUpDevice.State()
    var feed = Self.feed()
    var without = Self.feed()
    let answer = feed.add(MadeUpDevice(state: state), until: { true })
    #expect(answer == .none)
    var one = Self.draw(&feed, at: 1)
    var other = Self.draw(&without, at: 1)
    #expect(one == other)
    state.bytes = [9]
    one = Self.draw(&feed, at: 2)
    other = Self.draw(&without, at: 2)
    #expect(one != other)
    #expect(state.bytes == nil)
    // Nothing more is asked for before the minute is over.
    #expect(state.requests == 1)
  }

  @Test func draw_after_a_minute_refreshes_and_asks_without_a_wait() {
    let state = MadeUpDevice.State()
    state.bytes = [1]
    let processor = MadeUpProcessor()
    var feed = Self.feed(processor)
    _ = feed.add(MadeUpDevice(state: state), until: { true })
    let tries = processor.randomTries
    _ = Self.draw(&feed, at: 59)
    #expect(processor.randomTries == tries)
    #expect(state.requests == 1)
    processor.randoms = [4, 5, 6]
    let slow = processor.slowAccesses
    _ = Self.draw(&feed, at: 60)
    #expect(processor.randoms == [6])
    #expect(processor.slowAccesses == slow)
    #expect(state.requests == 2)
    // And once a minute, not once a draw.
    _ = Self.draw(&feed, at: 61)
    #expect(processor.randoms == [6])
    #expect(state.requests == 2)
  }

  /// A machine restored twice from one image.
  @Test func copies_part_at_the_refresh_by_the_processor_alone() {
    let processors = (0..<2).map { _ in MadeUpProcessor() }
    var one = Self.feed(processors[0])
    var other = Self.feed(processors[1])
    var words = (Self.draw(&one, at: 1), Self.draw(&other, at: 1))
    #expect(words.0 == words.1)
    processors[0].randoms = [4, 5]
    processors[1].randoms = [4, 6]
    words = (Self.draw(&one, at: 60), Self.draw(&other, at: 60))
    #expect(words.0 != words.1)
  }

  @Test func lie_is_told_once_and_the_numbers_go_on() {
    let state = MadeUpDevice.State()
    state.lies = true
    var feed = Self.feed()
    let answer = feed.add(MadeUpDevice(state: state), until: { true })
    #expect(answer == .lie)
    var lies = [feed.takeLie(), feed.takeLie()]
    #expect(lies == [true, false])
    _ = Self.draw(&feed, at: 60)
    lies = [feed.takeLie()]
    #expect(lies == [false])
    // It lies again, a draw later.
    let words = (Self.draw(&feed, at: 61), Self.draw(&feed, at: 61))
    #expect(words.0 != words.1)
    lies = [feed.takeLie(), feed.takeLie()]
    #expect(lies == [true, false])
  }
}
