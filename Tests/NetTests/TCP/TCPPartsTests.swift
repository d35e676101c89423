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
    let sample = estimator.sample(
      upTo: end,
      at: Instant(nanoseconds: 0) + .milliseconds(milliseconds)
    )
    estimator.measured(sample!)
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
    let early = estimator.sample(
      upTo: SequenceNumber(9),
      at: start + .milliseconds(60)
    )
    #expect(early == nil)
    let sample = estimator.sample(
      upTo: SequenceNumber(20),
      at: start + .milliseconds(100)
    )
    #expect(sample == .milliseconds(100))
  }

  @Test func retransmission_spoilsTheMeasurement() {
    var estimator = Self.estimator()
    estimator.sent(upTo: SequenceNumber(10), at: Instant(nanoseconds: 0))
    estimator.retransmitted()
    let sample = estimator.sample(
      upTo: SequenceNumber(10),
      at: Instant(nanoseconds: 5)
    )
    #expect(sample == nil)
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
