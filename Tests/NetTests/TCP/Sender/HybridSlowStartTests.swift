import Testing

@testable import Net

/// RFC 9406.
@Suite struct HybridSlowStartTests {
  /// A connection in its first slow start, each of whose rounds is `samples`
  /// acknowledgements.
  final class Connection {
    var slowStart = HybridSlowStart()
    private var number: UInt32 = 0

    /// Returns what the acknowledgements of a round meant.
    func round(
      _ milliseconds: Int64,
      samples: Int = 10
    ) -> [HybridSlowStart.Advice] {
      let end = number + 10
      return (0..<samples).map { index in
        var summary = AcknowledgementSummary(
          number: SequenceNumber(number + UInt32(index)),
          previous: SequenceNumber(number),
          next: SequenceNumber(end),
          now: Instant(nanoseconds: 0)
        )
        summary.newestRoundTrip = .milliseconds(milliseconds)
        if index == samples - 1 { number = end }
        return slowStart.acknowledged(summary)
      }
    }
  }

  @Test func steadyRoundTrip_goesOn() {
    let connection = Connection()
    for _ in 0..<20 {
      #expect(connection.round(40).allSatisfy { $0 == .grow })
    }
  }

  /// The threshold is an eighth, here 5 ms.
  @Test func longerRoundTrip_growsSlowlyForFiveRounds_andEnds() {
    let connection = Connection()
    _ = connection.round(40)
    #expect(connection.round(44).allSatisfy { $0 == .grow })
    let round = connection.round(50)
    // With the eighth sample it is believed.
    #expect(
      round.map { $0 == .growSlowly } == [
        false, false, false, false, false, false, false, true, true, true,
      ]
    )
    for _ in 0..<4 {
      #expect(connection.round(50).allSatisfy { $0 == .growSlowly })
    }
    #expect(connection.round(50).first == .end)
  }

  @Test func roundTripThatShrinksAgain_goesOn() {
    let connection = Connection()
    _ = connection.round(40)
    _ = connection.round(50)
    let round = connection.round(41)
    #expect(round[6] == .growSlowly)
    #expect(round[7] == .grow)
    #expect(connection.round(41).allSatisfy { $0 == .grow })
  }

  @Test func fewSamples_tellNothing() {
    let connection = Connection()
    _ = connection.round(40, samples: 7)
    for _ in 0..<10 {
      #expect(
        connection.round(90, samples: 7).allSatisfy { $0 == .grow }
      )
    }
  }

  /// At least 4 ms, at most 16: RFC 9406 §4.3.
  @Test(arguments: [
    (1, 4, false), (1, 5, true), (400, 415, false),
    (400, 416, true),
  ])
  func threshold_hasBounds(before: Int64, after: Int64, isLonger: Bool) {
    let connection = Connection()
    _ = connection.round(before)
    #expect((connection.round(after).last == .growSlowly) == isLonger)
  }

  @Test func window_growsByAQuarter_andThenSlowStartIsOver() {
    var window = CongestionWindow(segmentSize: 1000)
    var number: UInt32 = 0
    func round(_ milliseconds: Int64) {
      let end = number + 10
      for index in 0..<10 as Range<UInt32> {
        var summary = AcknowledgementSummary(
          number: SequenceNumber(number + index),
          previous: SequenceNumber(number),
          next: SequenceNumber(end),
          acknowledged: 400,
          now: Instant(nanoseconds: 0)
        )
        summary.newestRoundTrip = .milliseconds(milliseconds)
        if window.isSlowStart { window.growSlowly(by: summary) }
      }
      number = end
    }
    round(40)
    #expect(window.size == 14_000)
    round(60)
    #expect(window.size == 14_000 + 7 * 400 + 3 * 100)
    for _ in 0..<4 { round(60) }
    #expect(window.size == 17_100 + 4 * 1000)
    #expect(window.isSlowStart)
    round(60)
    #expect(!window.isSlowStart)
    #expect(window.threshold == 21_100)
  }

  /// RFC 9406 §4.1: a threshold that a loss has set is known.
  @Test func laterSlowStart_isPlain() {
    var window = CongestionWindow(segmentSize: 1000)
    window.threshold = 1_000_000
    for number in 0..<300 as Range<UInt32> {
      var summary = AcknowledgementSummary(
        number: SequenceNumber(number),
        previous: SequenceNumber(number),
        next: SequenceNumber(number / 10 * 10 + 10),
        acknowledged: 100,
        now: Instant(nanoseconds: 0)
      )
      summary.newestRoundTrip = .milliseconds(Int64(number))
      window.growSlowly(by: summary)
    }
    #expect(window.size == 40_000)
  }

  /// RFC 7661 §4.3.
  @Test func windowThatWasNotFull_doesNotGrow() {
    var window = CongestionWindow(segmentSize: 1000)
    let first = SequenceNumber(1000)
    #expect(window.isLimitedByApp(first))
    window.filled(next: SequenceNumber(5000))
    #expect(!window.isLimitedByApp(first))
    #expect(!window.isLimitedByApp(SequenceNumber(4999)))
    #expect(window.isLimitedByApp(SequenceNumber(5000)))
    var summary = AcknowledgementSummary(
      number: SequenceNumber(6000),
      previous: SequenceNumber(5000),
      next: SequenceNumber(6000),
      acknowledged: 1000,
      now: Instant(nanoseconds: 0)
    )
    summary.isLimitedByApp = true
    window.growSlowly(by: summary)
    #expect(window.size == 10_000)
  }
}
