/// HyStart++: ends slow start when the round trip grows, before anything is
/// lost. RFC 9406.
///
///     slow start -> round trip grew -> conservative slow start, 5 rounds
///          ^                               |                |
///          +--- it was but a wave ---------+                v
///                                            congestion avoidance
struct HybridSlowStart {
  /// What an acknowledgement means for slow start.
  enum Advice {
    /// Go on.
    case grow
    /// Go on, but with a quarter of the growth. RFC 9406 §4.2.
    case growSlowly
    /// It is over.
    case end
  }

  private static let never = UInt32.max

  /// windowEnd: the round is over when this is acknowledged.
  private var roundEnd = SequenceNumber(0)
  /// The least round trip of the last round, of this one, and of the one before
  /// conservative slow start; in microseconds.
  private var last = Self.never
  private var current = Self.never
  private var baseline = Self.never
  /// Whether there is a round.
  private var hasRound = false
  private var samples: UInt8 = 0
  /// The rounds that conservative slow start has had, and this one; zero in
  /// slow start.
  private var conservativeRounds: UInt8 = 0

  /// RFC 9406 §4.3.
  private static let neededSamples: UInt8 = 8
  private static let mostRounds: UInt8 = 5
  private static let leastThreshold: UInt32 = 4000
  private static let mostThreshold: UInt32 = 16000

  /// The round trip of an acknowledgement, if it has one. RFC 9406 §4.2.
  mutating func acknowledged(_ summary: AcknowledgementSummary) -> Advice {
    if hasRound, summary.number < roundEnd {
      return take(summary.newestRoundTrip)
    }
    // A round is over.
    let isFirst = !hasRound
    hasRound = true
    roundEnd = summary.next
    if !isFirst {
      last = current
      if conservativeRounds > 0 {
        conservativeRounds += 1
        if conservativeRounds > Self.mostRounds { return .end }
      }
    }
    current = Self.never
    samples = 0
    return take(summary.newestRoundTrip)
  }

  private mutating func take(_ roundTrip: Interval?) -> Advice {
    if let roundTrip {
      current = min(current, roundTrip.clampedMicroseconds)
      if samples < Self.neededSamples { samples += 1 }
      compare()
    }
    return conservativeRounds > 0 ? .growSlowly : .grow
  }

  private mutating func compare() {
    guard samples >= Self.neededSamples, current != Self.never else { return }
    if conservativeRounds > 0 {
      // The round trip is less than when it seemed to grow: it was no queue.
      if current < baseline {
        baseline = Self.never
        conservativeRounds = 0
      }
    } else if last != Self.never {
      let threshold = max(
        Self.leastThreshold,
        min(last / 8, Self.mostThreshold)
      )
      if current >= last + threshold {
        baseline = current
        conservativeRounds = 1
      }
    }
  }
}
