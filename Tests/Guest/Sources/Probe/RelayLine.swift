/// One direction of a line that is not good, as a seed has it. What is not TCP
/// goes its way: an ARP packet has no checksum that would tell that it was
/// changed, which on a real link that of Ethernet does.
struct RelayLine {
  /// What befalls how many segments of a thousand.
  struct Rules {
    var lost = 0
    var doubled = 0
    var late = 0
    var changed = 0
    /// How long all take.
    var delay = Duration.zero
  }

  typealias Instant = ContinuousClock.Instant

  /// How much longer those take that others overtake.
  private static let lateness = 1...20

  private let rules: Rules
  private var random: SeededBytes
  /// What is under way, the first to arrive last.
  private var frames: [(due: Instant, bytes: [UInt8])] = []

  private(set) var passed = 0
  private(set) var lost = 0
  private(set) var doubled = 0
  private(set) var late = 0
  private(set) var changed = 0

  init(_ rules: Rules, seed: UInt64) {
    self.rules = rules
    random = SeededBytes(seed: seed)
  }

  /// When the next frame arrives.
  var due: Instant? { frames.last?.due }

  /// The next frame, if it arrives by `now`.
  mutating func next(at now: Instant) -> [UInt8]? {
    guard let due, due <= now else { return nil }
    return frames.removeLast().bytes
  }

  /// A frame begins its way at `now`.
  mutating func take(_ frame: [UInt8], at now: Instant) {
    passed += 1
    guard Self.isTCP(frame) else { return add(frame, due: now + rules.delay) }
    if happens(rules.lost) {
      lost += 1
      return
    }
    var frame = frame
    if happens(rules.changed) {
      changed += 1
      // A single bit behind the Ethernet header: every checksum sees it.
      let bit = UInt64((frame.count - 14) * 8)
      let place = Int(random.nextWord() % bit)
      frame[14 + place / 8] ^= 1 << UInt8(place % 8)
    }
    var due = now + rules.delay
    if happens(rules.late) {
      late += 1
      let span = UInt64(Self.lateness.count)
      let more = Self.lateness.lowerBound + Int(random.nextWord() % span)
      due += .milliseconds(more)
    }
    add(frame, due: due)
    if happens(rules.doubled) {
      doubled += 1
      add(frame, due: due)
    }
  }

  private mutating func happens(_ share: Int) -> Bool {
    Int(random.nextWord() % 1000) < share
  }

  private mutating func add(_ frame: [UInt8], due: Instant) {
    let place = frames.firstIndex { $0.due <= due } ?? frames.count
    frames.insert((due, frame), at: place)
  }

  private static func isTCP(_ frame: [UInt8]) -> Bool {
    frame.count >= 34 && frame[12] == 8 && frame[13] == 0 && frame[23] == 6
  }
}
