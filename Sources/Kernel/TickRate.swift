import Net

/// How fast a counter counts, as measured against one whose rate is known.
struct TickRate {
  /// Ticks a second.
  let frequency: UInt64
  /// Nanoseconds a tick, times 2^32: wrong by less than one part in 10^8 for a
  /// counter of up to 40 GHz.
  private let nanosecondsPerTick: UInt64

  /// The rate of a counter that counted `ticks` while one of
  /// `referenceFrequency` ticks a second counted `referenceTicks`; `nil` when
  /// either stood still, or was too slow to say anything.
  init?(
    ticks: UInt64,
    referenceTicks: UInt64,
    referenceFrequency: UInt64
  ) {
    guard referenceTicks > 0 else { return nil }
    let (product, overflow) = ticks.multipliedReportingOverflow(
      by: referenceFrequency
    )
    guard !overflow, product >= referenceTicks else { return nil }
    frequency = product / referenceTicks
    nanosecondsPerTick = (1_000_000_000 << 32) / frequency
  }

  /// How long `ticks` take; right for 292 years.
  func interval(ofTicks ticks: UInt64) -> Interval {
    let product = ticks.multipliedFullWidth(by: nanosecondsPerTick)
    return Interval(
      nanoseconds: Int64(
        truncatingIfNeeded: product.high << 32 | product.low >> 32
      )
    )
  }

  /// How many ticks `interval` takes, rounded down, and at the
  /// most what 64 bits hold; none when it is negative.
  func ticks(in interval: Interval) -> UInt64 {
    guard interval > .zero else { return 0 }
    let second: UInt64 = 1_000_000_000
    let (seconds, rest) = interval.nanoseconds.magnitude
      .quotientAndRemainder(dividingBy: second)
    // In two parts, since 128 bits cannot be divided without a C library.
    let (gigahertz, hertz) = frequency.quotientAndRemainder(dividingBy: second)
    let ofRest = rest * gigahertz + rest * hertz / second
    let (whole, overflow1) = seconds.multipliedReportingOverflow(by: frequency)
    let (sum, overflow2) = whole.addingReportingOverflow(ofRest)
    return overflow1 || overflow2 ? .max : sum
  }
}
