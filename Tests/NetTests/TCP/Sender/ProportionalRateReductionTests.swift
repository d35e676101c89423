import Testing

@testable import Net

/// RFC 9937. Segments of 1,000 bytes; the threshold is 7 of 10.
@Suite struct ProportionalRateReductionTests {
  var window = CongestionWindow(segmentSize: 1000)
  var reduction = ProportionalRateReduction()

  init() {
    window.size = 7000
    window.threshold = 7000
    reduction.begin(inFlight: 10_000, sacked: 0)
  }

  private mutating func delivered(
    _ bytes: Int,
    pipe: Int,
    isSafe: Bool = true
  ) -> Int {
    reduction.window(delivered: bytes, pipe: pipe, isSafe: isSafe, window)
  }

  /// Seven go out for ten that arrive: at first the one that is lost, then
  /// nothing until as many are under way as shall be, then one for each.
  @Test mutating func oneLoss_isSpreadOverTheRoundTrip() {
    var pipe = 9000
    var sent = 0
    var sentAt: [Int] = []
    for step in 0..<9 {
      pipe -= 1000
      let window = delivered(1000, pipe: pipe)
      while pipe + 1000 <= window {
        pipe += 1000
        sent += 1
        sentAt.append(step)
        reduction.sent(1000)
      }
    }
    #expect(sentAt == [0, 3, 4, 5, 6, 7, 8])
    #expect(sent == 7)
    #expect(pipe == 7000)
  }

  private mutating func expect(
    _ bytes: Int,
    pipe: Int,
    isSafe: Bool = true,
    window expected: Int,
    location: SourceLocation = #_sourceLocation
  ) {
    let window = delivered(bytes, pipe: pipe, isSafe: isSafe)
    #expect(window == expected, sourceLocation: location)
  }

  @Test mutating func first_isNeverHeldBack() {
    expect(0, pipe: 9000, isSafe: false, window: 10_000)
    expect(100, pipe: 6900, isSafe: false, window: 7900)
    reduction.sent(1000)
    expect(100, pipe: 8900, window: 8900)
  }

  /// Much was lost: what arrives is replaced, and in good progress a segment
  /// more, up to the threshold.
  @Test mutating func belowTheThreshold_growsAsInSlowStart() {
    reduction.sent(1000)
    expect(1000, pipe: 3000, isSafe: true, window: 5000)
    reduction.sent(2000)
    expect(1000, pipe: 4000, isSafe: false, window: 5000)
    reduction.sent(1000)
    expect(1000, pipe: 6500, isSafe: true, window: 7000)
    // What was delivered and not sent in its place is caught up with.
    expect(4000, pipe: 1000, isSafe: false, window: 5000)
  }

  /// What had come before is no part of what is reduced.
  @Test mutating func sackedBefore_isLeftOut() {
    reduction.begin(inFlight: 10_000, sacked: 4000)
    // 7 of 6 would be more than what arrives; it is bounded by the threshold.
    expect(600, pipe: 8000, isSafe: true, window: 9000)
    reduction.sent(1000)
    expect(5400, pipe: 8000, isSafe: true, window: 14_000)
  }

  @Test mutating func nothingUnderWay_isNoDivisionByZero() {
    reduction.begin(inFlight: 1000, sacked: 1000)
    expect(0, pipe: 0, isSafe: false, window: 1000)
  }
}
