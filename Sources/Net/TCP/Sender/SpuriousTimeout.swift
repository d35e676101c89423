/// Finds out whether a timeout was for nothing, because the path had become
/// slow and not lossy: F-RTO with selective acknowledgements, RFC 5682 §3.1.
///
///     timeout: the first goes again
///        |  something is acknowledged, and not all
///     two new segments, in the place of what would go again
///        |  something is acknowledged that was sent once, before the timeout
///     nothing was lost
struct SpuriousTimeout {
  private enum Step: UInt8 {
    case none, retransmitted, sentNew
  }

  private var step = Step.none

  /// Whether acknowledgements may tell.
  var isWatching: Bool { step != .none }

  /// Whether new data goes before what is taken to be lost.
  var sendsNew: Bool { step == .sentNew }

  /// The timer expired. RFC 5682 §3.1 step 1: if nothing was being recovered.
  mutating func timedOut(isFirst: Bool) {
    step = isFirst ? .retransmitted : .none
  }

  /// What an acknowledgement means.
  enum Advice {
    /// Nothing more.
    case none
    /// New data is to go now; if it may not, ``giveUp()``. RFC 5682 §3.1
    /// step 2.
    case sendNew
    /// The timeout was for nothing. Step 3.
    case spurious
  }

  /// - Parameter recover: the last number that was sent before the timeout.
  mutating func acknowledged(
    _ summary: AcknowledgementSummary,
    _ delivery: Delivery,
    recover: SequenceNumber
  ) -> Advice {
    switch step {
    case .none: return .none
    case .retransmitted:
      // Step 2 (a): all of it, so that nothing is left to tell by.
      guard summary.number <= recover else {
        step = .none
        return .none
      }
      guard summary.isNew else { return .none }
      // RFC 3522 §3.2: the timestamps tell already.
      guard !delivery.isAnswerToOriginal else {
        step = .none
        return .spurious
      }
      step = .sentNew
      return .sendNew
    case .sentNew:
      step = .none
      guard let start = delivery.originalStart, start <= recover else {
        return .none
      }
      return .spurious
    }
  }

  /// It cannot be told.
  mutating func giveUp() { step = .none }
}
