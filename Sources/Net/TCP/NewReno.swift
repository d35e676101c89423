/// Congestion control: slow start, congestion avoidance, fast retransmit and
/// fast recovery. RFC 5681, RFC 6582; limited transmit of RFC 3042.
///
/// All sizes are in bytes. It is told what happened and says how much may be
/// unacknowledged, and when the first unacknowledged segment goes out again.
struct NewReno {
  /// SMSS: the most payload of a segment.
  private let segmentSize: Int
  /// cwnd.
  private(set) var congestionWindow: Int
  /// ssthresh. RFC 5681 §3.1: arbitrarily high at first.
  private(set) var slowStartThreshold = Int(Int32.max)
  private var duplicates = 0
  /// Recovery ends when this is acknowledged; an older one lets no second
  /// recovery start for the losses of the first. RFC 6582 §3.2.
  private var recover: SequenceNumber
  private(set) var isRecovering = false
  private var hadPartialAcknowledgement = false
  /// Bytes acknowledged since the window last grew, in congestion avoidance.
  private var credit = 0

  /// Whether the timer expired, and what was sent before that is not yet all
  /// acknowledged.
  private var isAfterTimeout = false

  /// How many segments the window grows by at the most for one acknowledgement
  /// in slow start. RFC 9406 §4.3 has 8 for who does not pace: a peer that
  /// merges what it receives acknowledges many segments at once.
  private static let growthLimit = 8
  /// RFC 5681 §3.1: duplicates that make a loss.
  private static let duplicateThreshold = 3

  /// - Parameter isSYNLost: RFC 5681 §3.1: then the first window is one segment.
  init(
    segmentSize: Int,
    initialSequenceNumber: SequenceNumber,
    isSYNLost: Bool = false
  ) {
    self.segmentSize = segmentSize
    // RFC 6582 §3.2 says ISS; one before it, so that the first data segment's
    // loss is recovered too.
    recover = initialSequenceNumber - 1
    congestionWindow =
      isSYNLost ? segmentSize : Self.initialWindow(segmentSize)
  }

  /// IW. RFC 6928 §2.
  static func initialWindow(_ segmentSize: Int) -> Int {
    min(10 * segmentSize, max(2 * segmentSize, 14600))
  }

  /// How much may be unacknowledged. RFC 3042 §2 (limited transmit): each of
  /// the first two duplicates tells of a segment that left the network, and
  /// lets another one in without growing the window.
  var window: Int {
    isRecovering || duplicates >= Self.duplicateThreshold
      ? congestionWindow : congestionWindow + duplicates * segmentSize
  }

  /// What an acknowledgement of new data asks for.
  enum Advice {
    case none
    /// Send the first unacknowledged segment again, now.
    case retransmit
    /// The same, and start the retransmission timer anew.
    case retransmitAndRestartTimer
  }

  /// `bytes` new bytes were acknowledged, all up to `number`; `inFlight` are
  /// still unacknowledged.
  mutating func acknowledged(
    _ bytes: Int,
    upTo number: SequenceNumber,
    inFlight: Int
  ) -> Advice {
    duplicates = 0
    guard isRecovering else {
      if isAfterTimeout, number > recover { isAfterTimeout = false }
      grow(by: bytes)
      return .none
    }
    if number > recover {
      // RFC 6582 §3.2 step 3, full acknowledgement: (1), which sends no burst.
      congestionWindow = min(
        slowStartThreshold,
        max(inFlight, segmentSize) + segmentSize
      )
      isRecovering = false
      return .none
    }
    // RFC 6582 §3.2 step 3, partial acknowledgement: the next hole. Deflate by
    // what was acknowledged, and add back one segment.
    congestionWindow = max(congestionWindow - bytes, 0)
    if bytes >= segmentSize { congestionWindow += segmentSize }
    congestionWindow = max(congestionWindow, segmentSize)
    defer { hadPartialAcknowledgement = true }
    // RFC 6582 §3.2 step 3: the timer is restarted for the first one only.
    return hadPartialAcknowledgement ? .retransmit : .retransmitAndRestartTimer
  }

  /// A duplicate acknowledgement of `number` came while `inFlight` bytes, up
  /// to before `next`, were unacknowledged. Returns whether the first of them
  /// goes out again.
  mutating func duplicate(
    of number: SequenceNumber,
    inFlight: Int,
    next: SequenceNumber
  ) -> Bool {
    if isRecovering {
      // RFC 5681 §3.2 step 4: another segment has left the network.
      congestionWindow += segmentSize
      return false
    }
    duplicates += 1
    guard duplicates == Self.duplicateThreshold else { return false }
    // RFC 6582 §3.2 step 1: only if more than `recover` is acknowledged.
    guard number - 1 > recover else { return false }
    // RFC 5681 §3.2 steps 2 and 3, RFC 6582 §3.2 step 2.
    slowStartThreshold = max(inFlight / 2, 2 * segmentSize)
    congestionWindow =
      slowStartThreshold + Self.duplicateThreshold * segmentSize
    recover = next - 1
    isRecovering = true
    hadPartialAcknowledgement = false
    return true
  }

  /// The retransmission timer expired with `inFlight` bytes, up to before
  /// `next`, unacknowledged.
  mutating func timedOut(inFlight: Int, next: SequenceNumber) {
    // RFC 5681 §3.1 (4). A second expiry for the same bytes finds as many in
    // flight, so that the threshold stays, as it must.
    slowStartThreshold = max(inFlight / 2, 2 * segmentSize)
    // RFC 5681 §3.1: the loss window is one segment.
    congestionWindow = segmentSize
    credit = 0
    duplicates = 0
    isRecovering = false
    isAfterTimeout = true
    // RFC 6582 §3.2 step 5.
    recover = next - 1
  }

  /// RFC 5681 §4.1: nothing was sent for longer than the timeout, so what was
  /// learnt of the path is old.
  mutating func restartAfterIdle() {
    congestionWindow = min(
      congestionWindow,
      Self.initialWindow(segmentSize)
    )
  }

  private mutating func grow(by bytes: Int) {
    guard congestionWindow < Int(Int32.max) else { return }
    if congestionWindow < slowStartThreshold {
      // RFC 5681 §3.1 (2): by no more than was acknowledged, so that split
      // acknowledgements gain nothing. RFC 3465 §2.3: by a segment after a
      // timeout, when one acknowledgement covers what had arrived before.
      let segments = isAfterTimeout ? 1 : Self.growthLimit
      congestionWindow += min(bytes, segments * segmentSize)
      return
    }
    // RFC 5681 §3.1: a segment for each window that was acknowledged.
    credit += bytes
    if credit >= congestionWindow {
      credit -= congestionWindow
      congestionWindow += segmentSize
    }
  }
}
