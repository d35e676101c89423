/// The least round trip of the last minutes: what the path takes without a
/// queue. RFC 8985 §6.2 step 1.
///
/// Of two periods, so that a longer path is believed after one to two of them.
struct LeastRoundTrip {
  private static let none = UInt32.max
  /// How long a period is, in seconds.
  private static let period: UInt32 = 150

  /// In microseconds.
  private var before = Self.none
  private var current = Self.none
  /// In seconds.
  private var since: UInt32 = 0

  /// The least; no time at all before there was a measurement.
  var value: Interval {
    let least = min(before, current)
    return least == Self.none ? .zero : .microseconds(Int64(least))
  }

  mutating func take(_ sample: Interval, at now: Instant) {
    let elapsed = now.seconds &- since
    if elapsed >= Self.period {
      before = elapsed >= Self.period * 2 ? Self.none : current
      current = Self.none
      since = now.seconds
    }
    current = min(current, sample.clampedMicroseconds)
  }
}
