/// cwnd and ssthresh, and what every algorithm does alike with them: the first
/// window, slow start, and beginning anew after a rest. RFC 5681, RFC 6928.
/// All sizes are in bytes.
struct CongestionWindow {
  private var bytes: UInt32
  private var limit = Self.largest
  /// Whether the window was ever full, and SND.NXT when it last was:
  /// acknowledgements of what is before it may let the window grow.
  private var filledEnd = SequenceNumber(0)
  private var slowStart = HybridSlowStart()
  private var wasFilled = false
  private var segment: UInt16

  /// RFC 5681 §3.1: ssthresh is arbitrarily high at first. No window of a peer
  /// is as large; RFC 7323 §2.3 has 2^30.
  private static let largest = UInt32(Int32.max)

  /// How many segments the window grows by at the most for one acknowledgement
  /// in slow start. RFC 9406 §4.3 has 8 for who does not pace: a peer that
  /// merges what it receives acknowledges many segments at once.
  private static let growthLimit = 8

  /// - Parameter isSYNLost: RFC 5681 §3.1: then the first window is one segment.
  init(segmentSize: Int, isSYNLost: Bool = false) {
    segment = UInt16(clamping: segmentSize)
    bytes = UInt32(
      isSYNLost ? segmentSize : Self.initialWindow(segmentSize)
    )
  }

  /// IW. RFC 6928 §2.
  static func initialWindow(_ segmentSize: Int) -> Int {
    min(10 * segmentSize, max(2 * segmentSize, 14600))
  }

  /// SMSS: the most payload of a segment.
  var segmentSize: Int { Int(segment) }
  /// cwnd.
  var size: Int {
    get { Int(bytes) }
    set { bytes = UInt32(min(max(newValue, 0), Int(Self.largest))) }
  }
  /// ssthresh.
  var threshold: Int {
    get { Int(limit) }
    set { limit = UInt32(min(max(newValue, 0), Int(Self.largest))) }
  }
  /// Whether the window grows by what is acknowledged. RFC 5681 §3.1.
  var isSlowStart: Bool { bytes < limit }

  /// Segments have become larger: one must find room.
  mutating func segmentsGrew(to size: Int) {
    segment = max(segment, UInt16(clamping: size))
    self.size = max(self.size, size)
  }

  /// Slow start. RFC 5681 §3.1 (2): by no more than was acknowledged, so that
  /// split acknowledgements gain nothing. RFC 3465 §2.3: by a segment after a
  /// timeout, when one acknowledgement covers what had arrived before.
  mutating func growSlowly(by summary: AcknowledgementSummary) {
    // RFC 9406 §4.1: in the first slow start only, when nothing is known.
    let advice =
      limit == Self.largest ? slowStart.acknowledged(summary) : .grow
    // RFC 7661 §4.3: what did not fill the window says nothing of the path.
    guard !summary.isLimitedByApp else { return }
    let segments = summary.isAfterTimeout ? 1 : Self.growthLimit
    let growth = min(summary.acknowledged, segments * segmentSize)
    switch advice {
    case .grow: size += growth
    case .growSlowly: size += growth / 4
    case .end: threshold = size
    }
  }

  /// All was sent before `next` that the window lets go.
  mutating func filled(next: SequenceNumber) {
    wasFilled = true
    filledEnd = next
  }

  /// Whether what stands at `number` was sent when the window was not full.
  func isLimitedByApp(_ number: SequenceNumber) -> Bool {
    !wasFilled || number >= filledEnd
  }

  /// All before `number` is acknowledged: what filled the window before that
  /// says nothing of what is sent from there on.
  mutating func forgetFilling(before number: SequenceNumber) {
    if number >= filledEnd { wasFilled = false }
  }

  /// RFC 5681 §4.1: nothing was sent for longer than the timeout, so what was
  /// learnt of the path is old.
  mutating func restartAfterIdle() {
    size = min(size, Self.initialWindow(segmentSize))
  }
}
