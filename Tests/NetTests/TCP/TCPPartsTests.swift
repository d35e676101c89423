import Packets
import Testing

@testable import Net

@Suite struct SequenceNumberTests {
  @Test(
    arguments: [
      (0, 1), (0xFFFF_FFFF, 0), (0xFFFF_FF00, 0x100), (0, 0x7FFF_FFFF),
      (0x8000_0000, 0xFFFF_FFFF),
    ] as [(UInt32, UInt32)]
  )
  func order_isModular(earlier: UInt32, later: UInt32) {
    let (earlier, later) = (SequenceNumber(earlier), SequenceNumber(later))
    #expect(earlier < later && !(later < earlier))
    #expect(later > earlier && later >= earlier && earlier <= later)
    #expect(SequenceNumber.later(earlier, later) == later)
    #expect(earlier + (later - earlier) == later)
    #expect(later - (later - earlier) == earlier)
  }

  @Test func equal_isNeither() {
    let number = SequenceNumber(7)
    #expect(!(number < number) && !(number > number))
    #expect(number <= number && number >= number)
  }
}

@Suite struct RoundTripEstimatorTests {
  static func estimator() -> RoundTripEstimator {
    RoundTripEstimator(
      initial: .seconds(1),
      minimum: .milliseconds(200),
      maximum: .seconds(60)
    )
  }

  private func measure(
    _ estimator: inout RoundTripEstimator,
    _ milliseconds: Int64
  ) {
    let end = SequenceNumber(1)
    estimator.sent(upTo: end, at: Instant(nanoseconds: 0))
    estimator.acknowledged(
      upTo: end,
      at: Instant(nanoseconds: 0) + .milliseconds(milliseconds)
    )
  }

  /// RFC 6298 §2.2 and §2.3, by hand.
  @Test func measurements_smooth() {
    var estimator = Self.estimator()
    #expect(estimator.timeout == .seconds(1))
    measure(&estimator, 400)
    #expect(estimator.smoothed == .milliseconds(400))
    #expect(estimator.variation == .milliseconds(200))
    #expect(estimator.timeout == .milliseconds(1200))
    measure(&estimator, 800)
    // RTTVAR = 3/4 * 200 + 1/4 * 400, SRTT = 7/8 * 400 + 1/8 * 800.
    #expect(estimator.variation == .milliseconds(250))
    #expect(estimator.smoothed == .milliseconds(450))
    #expect(estimator.timeout == .milliseconds(1450))
  }

  @Test func timeout_isBounded() {
    var estimator = Self.estimator()
    measure(&estimator, 1)
    #expect(estimator.timeout == .milliseconds(200))
    measure(&estimator, 1_000_000)
    #expect(estimator.timeout == .seconds(60))
  }

  @Test func backOff_doublesUntilTheNextMeasurement() {
    var estimator = Self.estimator()
    for seconds: Int64 in [2, 4, 8, 16, 32, 60, 60] {
      estimator.backOff()
      #expect(estimator.timeout == .seconds(seconds))
    }
    measure(&estimator, 100)
    #expect(estimator.timeout == .milliseconds(300))
  }

  @Test func oneSegmentIsTimedAtATime() {
    var estimator = Self.estimator()
    let start = Instant(nanoseconds: 0)
    estimator.sent(upTo: SequenceNumber(10), at: start)
    estimator.sent(upTo: SequenceNumber(20), at: start + .milliseconds(50))
    estimator.acknowledged(
      upTo: SequenceNumber(9),
      at: start + .milliseconds(60)
    )
    #expect(estimator.smoothed == nil)
    estimator.acknowledged(
      upTo: SequenceNumber(20),
      at: start + .milliseconds(100)
    )
    #expect(estimator.smoothed == .milliseconds(100))
  }

  @Test func retransmission_spoilsTheMeasurement() {
    var estimator = Self.estimator()
    estimator.sent(upTo: SequenceNumber(10), at: Instant(nanoseconds: 0))
    estimator.retransmitted()
    estimator.acknowledged(
      upTo: SequenceNumber(10),
      at: Instant(nanoseconds: 5)
    )
    #expect(estimator.smoothed == nil)
  }
}

@Suite struct NewRenoTests {
  @Test(arguments: [
    (536, 5360), (1000, 10_000), (1460, 14_600), (2190, 14_600),
    (8960, 17_920),
  ])
  func initialWindow_isRFC6928(segmentSize: Int, window: Int) {
    #expect(NewReno.initialWindow(segmentSize) == window)
  }

  static func congestion(isSYNLost: Bool = false) -> NewReno {
    NewReno(
      segmentSize: 1000,
      initialSequenceNumber: SequenceNumber(0),
      isSYNLost: isSYNLost
    )
  }

  @Test func lostSYN_beginsWithOneSegment() {
    #expect(Self.congestion(isSYNLost: true).window == 1000)
  }

  @Test func slowStart_growsByWhatIsAcknowledged() {
    var congestion = Self.congestion()
    _ = congestion.acknowledged(1000, upTo: SequenceNumber(1001), inFlight: 0)
    #expect(congestion.window == 11_000)
    // By no more than was acknowledged.
    _ = congestion.acknowledged(5000, upTo: SequenceNumber(6001), inFlight: 0)
    #expect(congestion.window == 16_000)
    _ = congestion.acknowledged(10, upTo: SequenceNumber(6011), inFlight: 0)
    #expect(congestion.window == 16_010)
    // By eight segments at the most.
    _ = congestion.acknowledged(
      9000,
      upTo: SequenceNumber(15_011),
      inFlight: 0
    )
    #expect(congestion.window == 24_010)
  }

  /// RFC 3465 §2.3: by one while what was sent before a timeout comes in.
  @Test func slowStartAfterTimeout_growsByASegment() {
    var congestion = Self.congestion()
    congestion.timedOut(inFlight: 30_000, next: SequenceNumber(30_001))
    _ = congestion.acknowledged(9000, upTo: SequenceNumber(9001), inFlight: 0)
    #expect(congestion.window == 2000)
    _ = congestion.acknowledged(
      21_000,
      upTo: SequenceNumber(30_001),
      inFlight: 0
    )
    #expect(congestion.window == 10_000)
  }

  @Test func avoidance_growsByASegmentAWindow() {
    var congestion = Self.congestion()
    congestion.timedOut(inFlight: 8000, next: SequenceNumber(8001))
    #expect(congestion.window == 1000)
    #expect(congestion.slowStartThreshold == 4000)
    var number = 1
    for _ in 0..<3 {
      number += 1000
      _ = congestion.acknowledged(
        1000,
        upTo: SequenceNumber(UInt32(number)),
        inFlight: 0
      )
    }
    #expect(congestion.window == 4000)
    for _ in 0..<4 {
      #expect(congestion.window == 4000)
      number += 1000
      _ = congestion.acknowledged(
        1000,
        upTo: SequenceNumber(UInt32(number)),
        inFlight: 0
      )
    }
    #expect(congestion.window == 5000)
  }

  @Test func threshold_isTwoSegmentsAtLeast() {
    var congestion = Self.congestion()
    congestion.timedOut(inFlight: 1000, next: SequenceNumber(1001))
    #expect(congestion.slowStartThreshold == 2000)
  }

  @Test func firstPartialAcknowledgement_restartsTheTimer() {
    var congestion = Self.congestion()
    let first = SequenceNumber(1)
    for _ in 0..<2 {
      let isLoss = congestion.duplicate(
        of: first,
        inFlight: 10_000,
        next: SequenceNumber(10_001)
      )
      #expect(!isLoss)
    }
    #expect(congestion.window == 12_000)
    let isLoss = congestion.duplicate(
      of: first,
      inFlight: 10_000,
      next: SequenceNumber(10_001)
    )
    #expect(isLoss && congestion.isRecovering)
    #expect(congestion.window == 8000)
    let advice = [2001, 3001, 10_001].map { number in
      congestion.acknowledged(
        1000,
        upTo: SequenceNumber(number),
        inFlight: 1000
      )
    }
    #expect(advice == [.retransmitAndRestartTimer, .retransmit, .none])
    #expect(!congestion.isRecovering)
  }
}

@Suite struct DelayedAcknowledgementTests {
  @Test func second_isDueAtOnce() {
    var acknowledgement = DelayedAcknowledgement()
    let now = Instant(nanoseconds: 0)
    acknowledgement.received(at: now, delay: .milliseconds(40))
    #expect(!acknowledgement.isDue)
    acknowledgement.received(at: now, delay: .milliseconds(40))
    #expect(acknowledgement.isDue)
    acknowledgement.done()
    #expect(!acknowledgement.isDue && acknowledgement.deadline == nil)
  }

  @Test func wait_endsAtTheDeadline() {
    var acknowledgement = DelayedAcknowledgement()
    let now = Instant(nanoseconds: 0)
    acknowledgement.received(at: now, delay: .milliseconds(40))
    let isEarly = acknowledgement.poll(at: now + .milliseconds(39))
    #expect(!isEarly)
    let isOver = acknowledgement.poll(at: now + .milliseconds(40))
    #expect(isOver && acknowledgement.isDue)
    let isOverAgain = acknowledgement.poll(at: now + .milliseconds(41))
    #expect(!isOverAgain)
  }
}

@Suite struct InitialSequenceNumberTests {
  static let local = Endpoint(address: IPv4Address(10, 0, 0, 1), port: 80)
  static let remote = Endpoint(address: IPv4Address(10, 0, 0, 2), port: 5000)

  static func generate(
    remote: Endpoint = remote,
    secret: SipHash.Key = SipHash.Key(1, 2),
    at milliseconds: Int64
  ) -> SequenceNumber {
    InitialSequenceNumber.generate(
      local: local,
      remote: remote,
      secret: secret,
      at: Instant(nanoseconds: 0) + .milliseconds(milliseconds)
    )
  }

  /// RFC 9293 §3.4.1: one every 4 microseconds.
  @Test func number_growsWithTheClock() {
    #expect(Self.generate(at: 1000) - Self.generate(at: 0) == 250_000)
  }

  @Test func number_dependsOnEndsAndSecret() {
    let other = Endpoint(address: IPv4Address(10, 0, 0, 2), port: 5001)
    let number = Self.generate(at: 0)
    #expect(Self.generate(remote: other, at: 0) != number)
    #expect(Self.generate(secret: SipHash.Key(1, 3), at: 0) != number)
    #expect(Self.generate(at: 0) == number)
  }
}
