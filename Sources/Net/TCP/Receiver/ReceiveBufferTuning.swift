/// How large the receive buffer is to be: it grows while the app reads what
/// comes as fast as it comes, to twice what it read in a round trip, so that the
/// window never is what holds the peer back; and begins small again when nothing
/// was read for long. Dynamic right-sizing, as of Fisk and Feng, 2001.
///
///     read in a round trip
///     up to capacity / 2        the capacity stays
///     more                      twice as much as was read
struct ReceiveBufferTuning: Equatable {
  /// Since when ``taken`` counts.
  private var since = Instant(nanoseconds: 0)
  /// The bytes that the app has read since.
  private var taken: UInt32 = 0
  /// In milliseconds.
  private var lastRead: UInt32 = 0

  /// What was learnt is void when nothing was read for so many milliseconds.
  private static let rest: UInt32 = 10_000
  /// What a round trip is taken to be before one was measured.
  private static let defaultRoundTrip = Interval.milliseconds(100)
  /// The least that is taken for one: an app does not read evenly, but when it
  /// has its turn.
  private static let leastRoundTrip = Interval.milliseconds(10)

  /// The app read `count` bytes. Returns the capacity that is to be, which is
  /// `capacity` unless a round trip is over and it was too small.
  mutating func read(
    _ count: Int,
    capacity: Int,
    roundTrip: Interval?,
    largest: Int,
    at now: Instant
  ) -> Int {
    lastRead = now.milliseconds
    guard capacity < largest else { return capacity }
    taken = taken &+ UInt32(truncatingIfNeeded: count)
    let roundTrip = max(
      roundTrip ?? Self.defaultRoundTrip,
      Self.leastRoundTrip
    )
    guard now - since >= roundTrip else { return capacity }
    let bytes = Int(taken)
    // What was read over a time without traffic says nothing.
    let isContinuous = now - since < roundTrip * 2
    since = now
    taken = 0
    guard isContinuous, 2 * bytes > capacity else { return capacity }
    return min(2 * bytes, largest)
  }

  /// Text comes, with nothing unread before it. Returns the capacity that is to
  /// be: `smallest` when the last was read long ago.
  func begins(capacity: Int, smallest: Int, at now: Instant) -> Int {
    now.milliseconds &- lastRead > Self.rest
      ? min(capacity, smallest) : capacity
  }
}
