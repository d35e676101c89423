import Testing

@testable import Net

/// A sender's window, algorithm and recovery, as a connection has them.
struct Congestion {
  var window: CongestionWindow
  var controller = CongestionController.newReno(NewReno())
  var recovery = LossRecovery(initialSequenceNumber: SequenceNumber(0))

  init(isSYNLost: Bool = false) {
    window = CongestionWindow(segmentSize: 1000, isSYNLost: isSYNLost)
  }

  /// How much may be under way.
  var limit: Int { recovery.limit(window) }

  private func summary(
    _ number: UInt32,
    _ bytes: Int,
    inFlight: Int,
    next: UInt32
  ) -> AcknowledgementSummary {
    AcknowledgementSummary(
      number: SequenceNumber(number),
      previous: SequenceNumber(number) - bytes,
      next: SequenceNumber(next),
      acknowledged: bytes,
      inFlight: inFlight,
      now: Instant(nanoseconds: 0)
    )
  }

  @discardableResult
  mutating func acknowledged(
    _ bytes: Int,
    upTo number: UInt32,
    inFlight: Int = 0
  ) -> LossRecovery.Advice {
    var summary = summary(number, bytes, inFlight: inFlight, next: number)
    let wasRecovering = recovery.isRecovering
    let advice = recovery.acknowledged(summary, &window)
    summary.isAfterTimeout = recovery.isAfterTimeout
    if !wasRecovering { controller.acknowledged(summary, &window) }
    return advice
  }

  mutating func duplicate(
    of number: UInt32,
    inFlight: Int,
    next: UInt32
  ) -> Bool {
    let summary = summary(number, 0, inFlight: inFlight, next: next)
    guard recovery.duplicate(summary, window) else { return false }
    controller.reduce(
      for: .loss,
      inFlight: inFlight,
      &window,
      at: summary.now
    )
    return true
  }

  mutating func timedOut(inFlight: Int, next: UInt32) {
    controller.reduce(
      for: .timeout,
      inFlight: inFlight,
      &window,
      at: Instant(nanoseconds: 0)
    )
    recovery.timedOut(next: SequenceNumber(next))
  }
}

@Suite struct CongestionWindowTests {
  @Test(arguments: [
    (536, 5360), (1000, 10_000), (1460, 14_600), (2190, 14_600),
    (8960, 17_920),
  ])
  func initialWindow_isRFC6928(segmentSize: Int, window: Int) {
    #expect(CongestionWindow.initialWindow(segmentSize) == window)
    #expect(CongestionWindow(segmentSize: segmentSize).size == window)
  }

  @Test func lostSYN_beginsWithOneSegment() {
    #expect(Congestion(isSYNLost: true).limit == 1000)
  }

  @Test func slowStart_growsByWhatIsAcknowledged() {
    var congestion = Congestion()
    congestion.acknowledged(1000, upTo: 1001)
    #expect(congestion.limit == 11_000)
    // By no more than was acknowledged.
    congestion.acknowledged(5000, upTo: 6001)
    #expect(congestion.limit == 16_000)
    congestion.acknowledged(10, upTo: 6011)
    #expect(congestion.limit == 16_010)
    // By eight segments at the most.
    congestion.acknowledged(9000, upTo: 15_011)
    #expect(congestion.limit == 24_010)
  }

  /// RFC 3465 §2.3: by one while what was sent before a timeout comes in.
  @Test func slowStartAfterTimeout_growsByASegment() {
    var congestion = Congestion()
    congestion.timedOut(inFlight: 30_000, next: 30_001)
    congestion.acknowledged(9000, upTo: 9001)
    #expect(congestion.limit == 2000)
    congestion.acknowledged(21_000, upTo: 30_001)
    #expect(congestion.limit == 10_000)
  }

  @Test func idle_beginsWithTheFirstWindow() {
    var window = CongestionWindow(segmentSize: 1000)
    window.size = 50_000
    window.restartAfterIdle()
    #expect(window.size == 10_000)
    window.size = 3000
    window.restartAfterIdle()
    #expect(window.size == 3000)
  }

  @Test func size_staysWithinAWindowsRange() {
    var window = CongestionWindow(segmentSize: 1000)
    window.size = .max
    #expect(window.size == Int(Int32.max))
    window.size = -1
    #expect(window.size == 0)
    window.threshold = .max
    #expect(window.threshold == Int(Int32.max))
  }
}

@Suite struct NewRenoTests {
  @Test func avoidance_growsByASegmentAWindow() {
    var congestion = Congestion()
    congestion.timedOut(inFlight: 8000, next: 8001)
    #expect(congestion.limit == 1000)
    #expect(congestion.window.threshold == 4000)
    var number: UInt32 = 1
    for _ in 0..<3 {
      number += 1000
      congestion.acknowledged(1000, upTo: number)
    }
    #expect(congestion.limit == 4000)
    for _ in 0..<4 {
      #expect(congestion.limit == 4000)
      number += 1000
      congestion.acknowledged(1000, upTo: number)
    }
    #expect(congestion.limit == 5000)
  }

  /// RFC 7661 §4.3: what did not fill the window says nothing of the path.
  @Test(arguments: [(true, 4000), (false, 5000)])
  func limitedByApp_standsStill(isLimited: Bool, size: Int) {
    var window = CongestionWindow(segmentSize: 1000)
    window.size = 4000
    window.threshold = 4000
    var algorithm = NewReno()
    for number in 1...4 as ClosedRange<UInt32> {
      let summary = AcknowledgementSummary(
        number: SequenceNumber(number * 1000),
        previous: SequenceNumber(number * 1000 - 1000),
        next: SequenceNumber(9000),
        acknowledged: 1000,
        isLimitedByApp: isLimited,
        now: Instant(nanoseconds: 0)
      )
      algorithm.acknowledged(summary, &window)
    }
    #expect(window.size == size)
  }

  @Test func threshold_isTwoSegmentsAtLeast() {
    var congestion = Congestion()
    congestion.timedOut(inFlight: 1000, next: 1001)
    #expect(congestion.window.threshold == 2000)
  }
}

@Suite struct LossRecoveryTests {
  @Test func firstPartialAcknowledgement_restartsTheTimer() {
    var congestion = Congestion()
    for _ in 0..<2 {
      let isLoss = congestion.duplicate(of: 1, inFlight: 10_000, next: 10_001)
      #expect(!isLoss)
    }
    #expect(congestion.limit == 12_000)
    let isLoss = congestion.duplicate(of: 1, inFlight: 10_000, next: 10_001)
    #expect(isLoss && congestion.recovery.isRecovering)
    #expect(congestion.limit == 8000)
    let advice = ([2001, 3001, 10_001] as [UInt32]).map { number in
      congestion.acknowledged(1000, upTo: number, inFlight: 1000)
    }
    #expect(advice == [.retransmitAndRestartTimer, .retransmit, .none])
    #expect(!congestion.recovery.isRecovering)
  }

  /// RFC 6582 §3.2 step 3: less what was acknowledged, and a segment more where
  /// that was one.
  @Test func partialAcknowledgement_deflates() {
    var congestion = Congestion()
    for _ in 0..<5 {
      _ = congestion.duplicate(of: 1, inFlight: 20_000, next: 20_001)
    }
    #expect(congestion.limit == 15_000)
    congestion.acknowledged(4000, upTo: 4001, inFlight: 16_000)
    #expect(congestion.limit == 12_000)
    congestion.acknowledged(500, upTo: 4501, inFlight: 15_500)
    #expect(congestion.limit == 11_500)
    // Never below a segment.
    congestion.acknowledged(15_000, upTo: 19_501, inFlight: 500)
    #expect(congestion.limit == 1000)
    #expect(congestion.window.size == 10_000)
  }

  /// RFC 6582 §3.2 step 1.
  @Test func duplicatesOfWhatRecoveryCovered_areNoLoss() {
    var congestion = Congestion()
    congestion.timedOut(inFlight: 10_000, next: 10_001)
    for _ in 0..<4 {
      let isLoss = congestion.duplicate(of: 5001, inFlight: 5000, next: 10_001)
      #expect(!isLoss)
    }
    congestion.acknowledged(6000, upTo: 11_001)
    var losses = 0
    for _ in 0..<4
    where congestion.duplicate(of: 11_001, inFlight: 5000, next: 16_001) {
      losses += 1
    }
    #expect(losses == 1)
  }
}

/// What an app says of its connections goes before ``TCPLimits``.
@Suite struct CongestionChoiceTests {
  /// RFC 5681 §3.1 (4): half of what is in flight; RFC 9438 §4.6: seven tenths.
  @Test(
    arguments: [(nil, 5000), (.newReno, 5000), (.cubic, 7000)]
      as [(CongestionControl?, Int)]
  )
  func algorithm_isTheAppsChoice(
    choice: CongestionControl?,
    threshold: Int
  ) throws {
    let harness = TCPHarness()
    var options = ConnectionOptions()
    options.congestionControl = choice
    let listener = try harness.tcp.listen(
      port: TCPHarness.port,
      backlog: 1,
      options: options
    )
    harness.receive(Segment(.syn, 0, mss: 1000))
    _ = harness.learnInitial()
    harness.receive(Segment([], 1, ack: 1))
    let id = try #require(harness.accept(listener))
    _ = try harness.write(id, pattern(10_000))
    #expect(harness.drain().count == 10)
    for _ in 0..<3 { harness.receive(Segment([], 1, ack: 1)) }
    #expect(harness.tcp.information(id)?.slowStartThreshold == threshold)
  }

  /// RFC 3168 §6.1.1.
  @Test(
    arguments: [
      (nil, false, false), (nil, true, true), (false, true, false),
      (true, false, true),
    ] as [(Bool?, Bool, Bool)]
  )
  func requestForMarks_isTheAppsChoice(
    choice: Bool?,
    byDefault: Bool,
    asks: Bool
  ) throws {
    var limits = TCPHarness.limits
    limits.requestsECN = byDefault
    let harness = TCPHarness(limits: limits)
    harness.remotePort = 7
    var options = ConnectionOptions()
    options.requestsECN = choice
    _ = try harness.tcp.connect(
      from: TCPHarness.ours,
      to: Endpoint(address: TCPHarness.theirs, port: 7),
      maximumSegmentSize: 1460,
      options: options,
      at: harness.now
    )
    let syn = try #require(harness.learnInitial())
    #expect(
      syn.flags == (asks ? [.syn, .congestionEcho, .windowReduced] : .syn)
    )
  }
}
