/// What a sender does when routers mark its segments. RFC 3168 §6.1.2.
struct ECNSender {
  /// SND.NXT at the last reduction: another is only for what was sent since.
  private var reducedEnd: SequenceNumber
  /// Both ends use it. RFC 3168 §6.1.1.
  private(set) var isOn = false
  /// CWR is to stand in the next new segment.
  private(set) var owesReduced = false

  init(initialSequenceNumber: SequenceNumber) {
    reducedEnd = initialSequenceNumber
  }

  /// Both SYNs asked for it.
  mutating func turnOn() { isOn = true }

  /// Whether an acknowledgement says that a router marked something: the window
  /// does not grow for it. RFC 3168 §6.1.2.
  func isEchoed(_ summary: AcknowledgementSummary) -> Bool {
    isOn && summary.hasCongestionEcho
  }

  /// Whether it asks for a reduction, too: once a window.
  func isReductionDue(_ summary: AcknowledgementSummary) -> Bool {
    isEchoed(summary) && summary.previous >= reducedEnd
  }

  /// The window was reduced, for whatever reason, with all before `next` sent.
  mutating func reduced(next: SequenceNumber) {
    reducedEnd = next
    owesReduced = isOn
  }

  /// All before `number` is acknowledged: a reduction before that hinders none.
  mutating func forgetReduction(before number: SequenceNumber) {
    if reducedEnd < number { reducedEnd = number }
  }

  /// A new segment has gone out.
  mutating func sentNew() { owesReduced = false }
}
