import Testing

@testable import Net

/// RFC 8985 §7.
@Suite struct TailLossProbeTests {
  static func summary(
    _ number: UInt32,
    delivered: Int = 0
  ) -> AcknowledgementSummary {
    var summary = AcknowledgementSummary(
      number: SequenceNumber(number),
      previous: SequenceNumber(0),
      next: SequenceNumber(5000),
      now: Instant(nanoseconds: 0)
    )
    summary.delivered = delivered
    return summary
  }

  /// Whether the probe made good for a loss.
  private func expect(
    _ expected: Bool,
    _ isRepair: Bool,
    location: SourceLocation = #_sourceLocation
  ) {
    #expect(isRepair == expected, sourceLocation: location)
  }

  static func sent(isRetransmission: Bool) -> TailLossProbe {
    var probe = TailLossProbe()
    probe.expired()
    probe.sent(
      next: SequenceNumber(1000),
      isRetransmission: isRetransmission
    )
    return probe
  }

  @Test(
    arguments: [
      (nil, true, 1000), (nil, false, 1000), (30, false, 60), (30, true, 260),
      (3, false, 10), (3, true, 210),
    ] as [(Int64?, Bool, Int64)]
  )
  func timeout_isTwoRoundTrips(
    smoothed: Int64?,
    isAlone: Bool,
    expected: Int64
  ) {
    let timeout = TailLossProbe.timeout(
      smoothed: smoothed.map { .milliseconds($0) },
      isAlone: isAlone,
      delay: .milliseconds(200),
      minimum: .milliseconds(10)
    )
    #expect(timeout == .milliseconds(expected))
  }

  @Test func probe_isUnansweredUntilItIsAcknowledged() {
    var probe = TailLossProbe()
    #expect(!probe.isUnanswered)
    probe.expired()
    #expect(probe.isOwed && probe.isUnanswered)
    probe.sent(next: SequenceNumber(1000), isRetransmission: false)
    #expect(!probe.isOwed && probe.isUnanswered)
    expect(false, probe.acknowledged(Self.summary(999, delivered: 1)))
    #expect(probe.isUnanswered)
    expect(false, probe.acknowledged(Self.summary(1000, delivered: 1)))
    #expect(!probe.isUnanswered)
  }

  @Test func answerBeforeItIsSent_makesItNeedless() {
    var probe = TailLossProbe()
    probe.expired()
    _ = probe.acknowledged(Self.summary(500, delivered: 500))
    #expect(!probe.isOwed)
  }

  /// §7.4.2: it made good for a loss.
  @Test func retransmission_acknowledgedWithMore_wasNeeded() {
    var probe = Self.sent(isRetransmission: true)
    expect(false, probe.acknowledged(Self.summary(1000)))
    #expect(probe.isUnanswered)
    expect(true, probe.acknowledged(Self.summary(1001)))
    #expect(!probe.isUnanswered)
  }

  @Test func retransmission_thatCameTwice_wasNot() {
    var probe = Self.sent(isRetransmission: true)
    var summary = Self.summary(1000)
    summary.duplicated = 1000
    expect(false, probe.acknowledged(summary))
    #expect(!probe.isUnanswered)
    probe = Self.sent(isRetransmission: true)
    summary = Self.summary(1000)
    summary.isDuplicate = true
    expect(false, probe.acknowledged(summary))
    #expect(!probe.isUnanswered)
    expect(false, probe.acknowledged(Self.summary(2000)))
  }

  @Test func duplicateWithBlocks_saysNothingOfTheProbe() {
    var probe = Self.sent(isRetransmission: true)
    var summary = Self.summary(1000)
    summary.isDuplicate = true
    summary.hasBlocks = true
    expect(false, probe.acknowledged(summary))
    #expect(probe.isUnanswered)
  }

  @Test func forgotten_isAsIfItHadNotBeen() {
    var probe = Self.sent(isRetransmission: true)
    probe.forget()
    expect(false, probe.acknowledged(Self.summary(2000)))
    #expect(!probe.isUnanswered)
  }
}
