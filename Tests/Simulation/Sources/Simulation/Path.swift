import Net

/// What a way from one machine to another does to what goes along it. Chances
/// are in parts of a million.
package struct PathSettings: Sendable, CustomStringConvertible {
  /// Frames that are lost, each for itself.
  package var loss = 0
  /// Times at which everything is lost begin at a frame with this chance, and
  /// last up to ``burstLength``.
  package var burst = 0
  package var burstLength = Interval.milliseconds(20)
  /// Frames that come twice.
  package var duplication = 0
  /// Frames that take up to ``reorderingDelay`` longer, so that others overtake
  /// them.
  package var reordering = 0
  package var reorderingDelay = Interval.milliseconds(2)
  /// Frames of which a bit changes, behind the Ethernet header.
  package var corruption = 0
  /// How long a frame is under way.
  package var delay = Interval.microseconds(100)
  /// How much longer at the most; frames stay in order.
  package var jitter = Interval.zero
  /// Bits a second; 0 when the way is as fast as the machines are.
  package var rate: Int64 = 0
  /// The bytes that may wait where the rate is the limit. A frame that finds no
  /// room is lost.
  package var queue = 1 << 20
  /// From how many waiting bytes on frames that are capable of it are marked.
  /// RFC 3168 §5.
  package var markAbove: Int?
  /// The largest IP datagram.
  package var mtu = 1500
  /// Whether who sends a larger one that may not be cut is told. RFC 1191.
  package var tellsTooBig = true
  /// Whether larger ones that may be cut are, and not dropped. RFC 2923 §2.1.
  package var cutsTooBig = true

  package init() {}

  package var description: String {
    var words = ["delay \(delay.nanoseconds / 1000) us"]
    for (name, value) in [
      ("loss", loss), ("burst", burst), ("duplication", duplication),
      ("reordering", reordering), ("corruption", corruption),
    ] where value > 0 {
      words.append("\(name) \(value) ppm")
    }
    if jitter > .zero { words.append("jitter \(jitter.milliseconds) ms") }
    if rate > 0 { words.append("\(rate / 1000) kbit/s queue \(queue)") }
    if let markAbove { words.append("marks above \(markAbove)") }
    if mtu != 1500 { words.append("mtu \(mtu)") }
    return words.joined(separator: ", ")
  }
}

/// What became of what went along a path.
package struct PathCounts: Sendable {
  package var carried = 0
  package var lost = 0
  package var overflowed = 0
  package var marked = 0
  package var corrupted = 0
  package var duplicated = 0
  package var reordered = 0
  package var tooBig = 0
  package var cut = 0
}

/// Where frames wait because the next part of the way is slow. Several paths
/// may go through one.
package final class Bottleneck {
  /// When what waits now will have gone.
  private var freeAt = Instant(nanoseconds: 0)
  /// The most bytes that have ever waited.
  package private(set) var deepest = 0

  package init() {}

  enum Passage {
    case passes(at: Instant, marked: Bool)
    case overflows
  }

  func pass(
    _ size: Int,
    _ settings: PathSettings,
    isCapable: Bool,
    at now: Instant
  ) -> Passage {
    let start = max(freeAt, now)
    let waiting = Int(
      (start - now).nanoseconds * settings.rate / 8 / 1_000_000_000
    )
    guard waiting + size <= settings.queue else { return .overflows }
    deepest = max(deepest, waiting + size)
    freeAt =
      start
      + Interval(nanoseconds: Int64(size) * 8_000_000_000 / settings.rate)
    let isMarked = isCapable && settings.markAbove.map { waiting > $0 } ?? false
    return .passes(at: freeAt, marked: isMarked)
  }
}

/// A way from one machine to another.
package struct Path {
  /// May be changed at any time.
  package var settings = PathSettings()
  package private(set) var counts = PathCounts()
  /// Another path's, when they share it.
  package var bottleneck = Bottleneck()
  private var dice: Dice
  private var burstEnd = Instant(nanoseconds: 0)
  private var lastArrival = Instant(nanoseconds: 0)

  package init(seed: UInt64, _ stream: UInt64) {
    dice = Dice(seed: seed, stream)
  }

  /// What comes of `frame`: calls `deliver` for each that arrives, and `tell`
  /// with what the sender is told instead.
  package mutating func carry(
    _ frame: consuming Frame,
    at now: Instant,
    deliver: (Frame, Instant) -> Void,
    tell: (Frame, Instant) -> Void
  ) {
    counts.carried += 1
    guard frame.bytes.count - Frame.ethernetSize > settings.mtu,
      frame.isIPv4
    else { return pass(frame, at: now, deliver) }
    guard !frame.mayNotFragment, settings.cutsTooBig else {
      counts.tooBig += 1
      if settings.tellsTooBig, frame.mayNotFragment {
        tell(frame.tooBig(settings.mtu), now + settings.delay)
      }
      return
    }
    counts.cut += 1
    for part in frame.fragments(settings.mtu) { pass(part, at: now, deliver) }
  }

  private mutating func pass(
    _ frame: consuming Frame,
    at now: Instant,
    _ deliver: (Frame, Instant) -> Void
  ) {
    var departure = now
    if settings.rate > 0 {
      let passage = bottleneck.pass(
        frame.bytes.count,
        settings,
        isCapable: frame.isIPv4 && frame.ecn != 0,
        at: now
      )
      guard case .passes(let at, let isMarked) = passage else {
        counts.overflowed += 1
        return
      }
      departure = at
      if isMarked {
        counts.marked += 1
        frame.ecn = 3
      }
    }
    guard !isLost(at: departure) else {
      counts.lost += 1
      return
    }
    // An Ethernet frame has a checksum of its own, which nothing here has, so
    // only what has others is changed.
    if frame.isIPv4, dice.happens(settings.corruption) {
      counts.corrupted += 1
      let bits = (frame.bytes.count - Frame.ethernetSize) * 8
      let bit = dice.number(below: bits)
      frame.bytes[Frame.ethernetSize + bit / 8] ^= 1 << UInt8(bit % 8)
    }
    if dice.happens(settings.duplication) {
      counts.duplicated += 1
      deliver(copy frame, arrival(departure))
    }
    deliver(frame, arrival(departure))
  }

  private mutating func isLost(at now: Instant) -> Bool {
    if now < burstEnd { return true }
    if dice.happens(settings.burst) {
      burstEnd = now + dice.interval(upTo: settings.burstLength)
      return true
    }
    return dice.happens(settings.loss)
  }

  private mutating func arrival(_ departure: Instant) -> Instant {
    let arrival =
      departure + settings.delay + dice.interval(upTo: settings.jitter)
    if dice.happens(settings.reordering) {
      counts.reordered += 1
      return arrival + dice.interval(upTo: settings.reorderingDelay)
    }
    lastArrival = max(arrival, lastArrival)
    return lastArrival
  }
}
