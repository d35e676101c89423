/// Asks after the last that was sent when nothing comes back, before the
/// retransmission timer does and at no cost for the window. RFC 8985 §7.
struct TailLossProbe {
  /// TLP.end_seq: where SND.NXT was when the probe went out that has no answer.
  private var end = SequenceNumber(0)
  /// Whether there is one.
  private var isSent = false
  /// TLP.is_retrans: it sent something again.
  private var isRetransmission = false
  /// A probe is to be sent.
  private(set) var isOwed = false
  /// Something new was sent or acknowledged, and the time for a probe counts
  /// from now. RFC 8985 §7.2.
  var wantsTimer = false

  /// PTO without a measurement. RFC 8985 §7.2.
  private static let initialTimeout = Interval.seconds(1)

  /// Whether a probe has no answer: then there is no other. RFC 8985 §7.3.
  var isUnanswered: Bool { isSent || isOwed }

  /// PTO: how long to wait for an acknowledgement. RFC 8985 §7.2.
  ///
  /// - Parameters:
  ///   - isAlone: one segment is under way, which the peer may acknowledge late.
  ///   - delay: how late.
  ///   - minimum: the least that it is.
  static func timeout(
    smoothed: Interval?,
    isAlone: Bool,
    delay: Interval,
    minimum: Interval
  ) -> Interval {
    guard let smoothed else { return initialTimeout }
    return max(smoothed * 2, minimum) + (isAlone ? delay : .zero)
  }

  /// The timer expired.
  mutating func expired() { isOwed = true }

  /// The probe has gone out. RFC 8985 §7.3.
  mutating func sent(next: SequenceNumber, isRetransmission: Bool) {
    isOwed = false
    isSent = true
    end = next
    self.isRetransmission = isRetransmission
  }

  /// Forgets the probe that has no answer, and sends none.
  mutating func forget() {
    isOwed = false
    wantsTimer = false
    isSent = false
  }

  /// An acknowledgement came. Returns whether it shows that the probe made good
  /// for a loss, for which the window is to be reduced. RFC 8985 §7.4.2.
  mutating func acknowledged(_ summary: AcknowledgementSummary) -> Bool {
    if summary.delivered > 0 { isOwed = false }
    guard isSent, summary.number >= end else { return false }
    if !isRetransmission || summary.isDuplicated {
      // New data has no twin; or both have come.
      isSent = false
      return false
    }
    if summary.number > end {
      isSent = false
      return true
    }
    if summary.isDuplicate, !summary.hasBlocks { isSent = false }
    return false
  }
}
