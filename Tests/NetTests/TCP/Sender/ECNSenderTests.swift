import Testing

@testable import Net

/// RFC 3168 §6.1.2.
@Suite struct ECNSenderTests {
  static func summary(
    _ previous: UInt32,
    echo: Bool = true
  ) -> AcknowledgementSummary {
    var summary = AcknowledgementSummary(
      number: SequenceNumber(previous + 1000),
      previous: SequenceNumber(previous),
      next: SequenceNumber(10_000),
      now: Instant(nanoseconds: 0)
    )
    summary.hasCongestionEcho = echo
    return summary
  }

  @Test func echo_reducesOnceAWindow() {
    var sender = ECNSender(initialSequenceNumber: SequenceNumber(0))
    #expect(!sender.isReductionDue(Self.summary(0)))
    sender.turnOn()
    #expect(!sender.isReductionDue(Self.summary(0, echo: false)))
    #expect(sender.isReductionDue(Self.summary(0)))
    sender.reduced(next: SequenceNumber(10_000))
    #expect(!sender.isReductionDue(Self.summary(1000)))
    #expect(!sender.isReductionDue(Self.summary(9999)))
    #expect(sender.isReductionDue(Self.summary(10_000)))
  }

  @Test func reduction_isToldInTheNextNewSegment() {
    var sender = ECNSender(initialSequenceNumber: SequenceNumber(0))
    sender.reduced(next: SequenceNumber(10_000))
    #expect(!sender.owesReduced)
    sender.turnOn()
    sender.reduced(next: SequenceNumber(10_000))
    #expect(sender.owesReduced)
    sender.sentNew()
    #expect(!sender.owesReduced)
  }
}
