import Testing

@testable import Net

/// RFC 9438. The windows were computed apart from the code, in floating point
/// and with the formulas as they stand in the RFC.
@Suite struct CubicTests {
  static func time(_ milliseconds: Int) -> Instant {
    Instant(nanoseconds: Int64(milliseconds) * 1_000_000)
  }

  static func summary(
    _ bytes: Int,
    at milliseconds: Int,
    roundTrip: Int = 100,
    isLimitedByApp: Bool = false
  ) -> AcknowledgementSummary {
    var summary = AcknowledgementSummary(
      number: SequenceNumber(UInt32(bytes)),
      previous: SequenceNumber(0),
      next: SequenceNumber(UInt32(bytes)),
      now: time(milliseconds)
    )
    summary.acknowledged = bytes
    summary.smoothed = .milliseconds(Int64(roundTrip))
    summary.isLimitedByApp = isLimitedByApp
    return summary
  }

  /// A window of `segments` segments, all of it under way, that has lost one.
  static func reduced(
    _ segments: Int,
    segmentSize: Int = 1000
  ) -> (Cubic, CongestionWindow) {
    var window = CongestionWindow(segmentSize: segmentSize)
    window.size = segments * segmentSize
    var cubic = Cubic()
    let inFlight = window.size
    cubic.reduce(for: .loss, inFlight: inFlight, &window, at: time(0))
    return (cubic, window)
  }

  /// The windows at the end of each second when all of the window is
  /// acknowledged every round trip, in ten parts.
  static func windows(
    _ cubic: inout Cubic,
    _ window: inout CongestionWindow,
    roundTrip: Int,
    seconds: Int
  ) -> [Int] {
    var windows: [Int] = []
    for round in 0..<seconds * 1000 / roundTrip {
      let size = window.size
      for part in 0..<10 {
        let now = round * roundTrip + part * roundTrip / 10
        cubic.acknowledged(
          summary(size / 10, at: now, roundTrip: roundTrip),
          &window
        )
      }
      if (round + 1) * roundTrip % 1000 == 0 { windows.append(window.size) }
    }
    return windows
  }

  @Test(arguments: [
    // Up to W_max, flat there after K = 4.2 s, and beyond.
    (
      1000, 100, 100,
      [86634, 95613, 99265, 99993, 100200, 103128, 113086, 123048]
    ),
    // A short round trip: as Reno, with 9/17 of a segment up to cwnd_prior.
    (
      1000, 100, 10,
      [142978, 242740, 342584, 442469, 542378, 642302, 742236, 842180]
    ),
    // A long fat one.
    (
      1448, 2000, 50,
      [
        2_235_516, 2_407_601, 2_546_852, 2_656_746, 2_740_758, 2_802_365,
        2_845_040, 2_872_261, 2_887_502, 2_894_239, 2_895_946, 2_896_100,
      ]
    ),
  ])
  func window_isAsTheFormulasSay(
    segmentSize: Int,
    segments: Int,
    roundTrip: Int,
    expected: [Int]
  ) {
    var (cubic, window) = Self.reduced(segments, segmentSize: segmentSize)
    let windows = Self.windows(
      &cubic,
      &window,
      roundTrip: roundTrip,
      seconds: expected.count
    )
    for (got, wanted) in zip(windows, expected) {
      #expect(abs(got - wanted) <= max(wanted / 200, segmentSize / 2))
    }
  }

  /// The same, to the byte: what a change of the arithmetic would show in.
  @Test func windows_areGolden() {
    var (cubic, window) = Self.reduced(100)
    let windows = Self.windows(&cubic, &window, roundTrip: 100, seconds: 8)
    #expect(
      windows == [
        86634, 95609, 99260, 99987, 100_193, 103_125, 113_083, 123_045,
      ]
    )
  }

  @Test func loss_leavesSevenTenths() {
    let (_, window) = Self.reduced(100)
    #expect(window.size == 70_000)
    #expect(window.threshold == 70_000)
  }

  /// RFC 9438 §4.6: seven tenths of what is under way, at least two segments.
  @Test func loss_countsWhatIsUnderWay() {
    var window = CongestionWindow(segmentSize: 1000)
    window.size = 100_000
    var cubic = Cubic()
    cubic.reduce(for: .loss, inFlight: 20_000, &window, at: Self.time(0))
    #expect(window.size == 14_000)
    cubic.reduce(for: .loss, inFlight: 1000, &window, at: Self.time(0))
    #expect(window.size == 2000)
  }

  /// RFC 9438 §4.7: a second loss below the first one's window aims lower.
  @Test func secondLossBelowTheFirst_convergesFast() {
    var (cubic, window) = Self.reduced(120)
    window.size = 100_000
    cubic.reduce(for: .loss, inFlight: 100_000, &window, at: Self.time(0))
    let windows = Self.windows(&cubic, &window, roundTrip: 100, seconds: 8)
    let expected = [
      79798, 84006, 85834, 91113, 96394, 103125, 113083, 125283,
    ]
    for (got, wanted) in zip(windows, expected) {
      #expect(abs(got - wanted) <= 600)
    }
  }

  /// RFC 9438 §4.8: after a timeout nothing is aimed at.
  @Test func timeout_isOneSegment_andTheCurveBeginsAnew() {
    var window = CongestionWindow(segmentSize: 1000)
    window.size = 100_000
    var cubic = Cubic()
    cubic.reduce(for: .timeout, inFlight: 100_000, &window, at: Self.time(0))
    #expect(window.size == 1000)
    #expect(window.threshold == 70_000)
    window.size = 70_000
    let windows = Self.windows(&cubic, &window, roundTrip: 100, seconds: 4)
    // With K = 0 it grows at once, by a segment or more a round trip soon.
    #expect(windows[0] < 80_000)
    #expect(windows[3] > 92_000)
  }

  /// RFC 9438 §5.8: time in which the app sends little does not count.
  @Test func limitedByApp_standsStill() {
    var (cubic, window) = Self.reduced(100)
    var (other, otherWindow) = Self.reduced(100)
    for step in 0..<50 {
      cubic.acknowledged(
        Self.summary(100, at: step * 100, isLimitedByApp: true),
        &window
      )
    }
    #expect(window.size == 70_000)
    // As if these five seconds had not been.
    for step in 0..<40 {
      cubic.acknowledged(Self.summary(7000, at: 4900 + step * 10), &window)
      other.acknowledged(Self.summary(7000, at: step * 10), &otherWindow)
    }
    #expect(window.size == otherWindow.size)
    #expect(window.size > 70_000)
  }

  @Test func idle_standsStill() {
    var (cubic, window) = Self.reduced(100)
    var (other, otherWindow) = Self.reduced(100)
    cubic.acknowledged(Self.summary(1000, at: 0), &window)
    other.acknowledged(Self.summary(1000, at: 0), &otherWindow)
    cubic.resume(at: Self.time(60_000))
    for step in 1..<40 {
      cubic.acknowledged(Self.summary(7000, at: 60_000 + step * 10), &window)
      other.acknowledged(Self.summary(7000, at: step * 10), &otherWindow)
    }
    #expect(window.size == otherWindow.size)
  }

  /// However much time goes by, nothing overflows, and the window grows by no
  /// more than half in a round trip.
  @Test(arguments: [1, 48, 1448, 65_535])
  func farAway_isBounded(segmentSize: Int) {
    var window = CongestionWindow(segmentSize: segmentSize)
    window.size = 1 << 30
    var cubic = Cubic()
    cubic.reduce(for: .loss, inFlight: 1 << 30, &window, at: Self.time(0))
    let before = window.size
    cubic.acknowledged(Self.summary(1, at: 0), &window)
    cubic.acknowledged(
      Self.summary(before, at: 1_000_000_000_000),
      &window
    )
    #expect(window.size <= before * 3 / 2 + segmentSize)
    #expect(window.size > before)
  }
}
