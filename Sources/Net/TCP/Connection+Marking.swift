/// The sender's part of explicit congestion notification. RFC 3168 §6.1.
extension Connection {
  /// What IP is to say of the segment of `plan`: that routers may mark it, if it
  /// is new text. RFC 3168 §6.1.4 to §6.1.6: not a pure acknowledgement, nor
  /// what goes again, nor a probe of a shut window. The first after a reduction
  /// has CWR.
  mutating func mark(_ plan: inout SegmentPlan) -> ECNCodepoint {
    guard marking.isOn, plan.kind == .new, plan.payload > 0 else {
      return .notCapable
    }
    if marking.owesReduced {
      plan.flags.insert(.windowReduced)
      marking.sentNew()
    }
    return .capable0
  }

  /// Reduces the window, once a window, if `summary` says that a router has
  /// marked what would have been dropped. What is recovered has had its
  /// reduction. RFC 3168 §6.1.2.
  mutating func reduceForEcho(
    _ summary: AcknowledgementSummary,
    counters: inout TCPCounters
  ) {
    guard marking.isReductionDue(summary), !recovery.isRecovering,
      !recovery.isAfterTimeout
    else { return }
    counters.congestionEchoes &+= 1
    congestion.reduce(
      for: .echo,
      inFlight: min(summary.inFlightBefore, congestionWindow.size),
      &congestionWindow,
      at: summary.now
    )
    marking.reduced(next: send.next)
  }
}
