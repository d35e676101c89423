/// Congestion avoidance of RFC 5681 §3.1, which RFC 6582 goes by.
struct NewReno: CongestionAlgorithm {
  /// Bytes acknowledged since the window last grew.
  private var credit: UInt32 = 0

  /// RFC 5681 §3.1: a segment for each window that was acknowledged.
  mutating func acknowledged(
    _ summary: AcknowledgementSummary,
    _ window: inout CongestionWindow
  ) {
    // RFC 7661 §4.3: what did not fill the window says nothing of the path.
    guard !summary.isLimitedByApp else { return }
    credit += UInt32(summary.acknowledged)
    if credit >= window.size {
      credit -= UInt32(window.size)
      window.size += window.segmentSize
    }
  }

  mutating func reduce(
    for signal: CongestionSignal,
    inFlight: Int,
    _ window: inout CongestionWindow,
    at now: Instant
  ) {
    // RFC 5681 §3.1 (4). A second expiry for the same bytes finds as many in
    // flight, so that the threshold stays, as it must.
    window.threshold = max(inFlight / 2, 2 * window.segmentSize)
    switch signal {
    case .loss, .echo:
      // RFC 5681 §3.2 step 3.
      window.size = window.threshold
    case .timeout:
      // RFC 5681 §3.1: the loss window is one segment.
      window.size = window.segmentSize
      credit = 0
    }
  }

  mutating func resume(at now: Instant) {}
}
