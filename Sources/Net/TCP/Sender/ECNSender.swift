/// What a sender does when routers mark its segments. RFC 3168 §6.1.2.
struct ECNSender {
  /// SND.NXT at the last reduction: another is only for what was sent since.
  private var reducedEnd: SequenceNumber
  /// CWR is to stand in the next new segment.
  private(set) var owesReduced = false

  init(initialSequenceNumber: SequenceNumber) {
    reducedEnd = initialSequenceNumber
  }

  /// Whether an acknowledgement with ECE asks for a reduction: once a window.
  func isReductionDue(_ summary: AcknowledgementSummary) -> Bool {
    summary.hasCongestionEcho && summary.previous >= reducedEnd
  }

  /// The window was reduced, for whatever reason, with all before `next` sent.
  mutating func reduced(next: SequenceNumber) {
    reducedEnd = next
    owesReduced = true
  }

  /// A new segment has gone out.
  mutating func sentNew() { owesReduced = false }
}
