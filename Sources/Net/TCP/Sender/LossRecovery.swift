/// When something is taken to be lost, and how long its recovery lasts.
///
/// With selective acknowledgements ``RACK`` tells losses and
/// ``ProportionalRateReduction`` what goes out meanwhile; the steps are in
/// `LossRecovery+Selective`. Without them it is fast retransmit and fast
/// recovery of RFC 5681 §3.2 and RFC 6582, with limited transmit of RFC 3042.
///
/// It says what is lost; ``CongestionController`` what the window becomes.
struct LossRecovery {
  /// Recovery ends when this is acknowledged; an older one lets no second
  /// recovery start for the losses of the first. RFC 6582 §3.2.
  var recover: SequenceNumber
  /// Duplicates since something new was acknowledged; with selective
  /// acknowledgements those that had none.
  var duplicates: UInt32 = 0
  /// What may be under way beside cwnd while recovering; negative once more was
  /// acknowledged than had been taken to have left the network.
  private var inflation: Int32 = 0
  var undo = ReductionUndo()
  var rack: RACK
  var reduction = ProportionalRateReduction()
  var tailProbe = TailLossProbe()
  var spuriousTimeout = SpuriousTimeout()
  var isRecovering = false
  private var hadPartialAcknowledgement = false
  /// Whether the timer expired, and what was sent before that is not yet all
  /// acknowledged.
  var isAfterTimeout = false
  /// The first unacknowledged segment is to be sent again at once, whatever the
  /// windows say.
  var owesRetransmission = false

  /// Both ends permit selective acknowledgements. RFC 2018 §2.
  var isSelective = false

  /// RFC 5681 §3.1: duplicates that make a loss.
  static let duplicateThreshold: UInt32 = 3

  init(initialSequenceNumber: SequenceNumber) {
    // RFC 6582 §3.2 says ISS; one before it, so that the first data segment's
    // loss is recovered too.
    recover = initialSequenceNumber - 1
    rack = RACK(initialSequenceNumber: initialSequenceNumber)
  }

  /// cwnd with what recovery adds to it. RFC 5681 §3.2.
  func inflated(_ window: CongestionWindow) -> Int {
    isRecovering && !isSelective
      ? window.size + Int(inflation) : window.size
  }

  /// How much may be under way. RFC 3042 §2 (limited transmit): each of the
  /// first two duplicates tells of a segment that left the network, and lets
  /// another one in without growing the window.
  func limit(_ window: CongestionWindow) -> Int {
    isRecovering || duplicates >= Self.duplicateThreshold
      ? inflated(window)
      : window.size + Int(duplicates) * window.segmentSize
  }

  /// What an acknowledgement of new data asks for.
  enum Advice {
    case none
    /// Send the first unacknowledged segment again, now.
    case retransmit
    /// The same, and start the retransmission timer anew.
    case retransmitAndRestartTimer
  }

  /// New data was acknowledged.
  mutating func acknowledged(
    _ summary: AcknowledgementSummary,
    _ window: inout CongestionWindow
  ) -> Advice {
    duplicates = 0
    owesRetransmission = false
    guard isRecovering else {
      if summary.number > recover { isAfterTimeout = false }
      return .none
    }
    let segmentSize = window.segmentSize
    if summary.number > recover {
      // RFC 6582 §3.2 step 3, full acknowledgement: (1), which sends no burst.
      window.size = min(
        window.threshold,
        max(summary.inFlight, segmentSize) + segmentSize
      )
      isRecovering = false
      return .none
    }
    // RFC 6582 §3.2 step 3, partial acknowledgement: the next hole. Deflate by
    // what was acknowledged, and add back one segment.
    var inflated = max(self.inflated(window) - summary.acknowledged, 0)
    if summary.acknowledged >= segmentSize { inflated += segmentSize }
    inflation = Int32(
      truncatingIfNeeded: max(inflated, segmentSize) - window.size
    )
    defer { hadPartialAcknowledgement = true }
    // RFC 6582 §3.2 step 3: the timer is restarted for the first one only.
    return hadPartialAcknowledgement ? .retransmit : .retransmitAndRestartTimer
  }

  /// A duplicate acknowledgement came. Returns whether it tells of a loss, for
  /// which the window is to be reduced.
  mutating func duplicate(
    _ summary: AcknowledgementSummary,
    _ window: CongestionWindow
  ) -> Bool {
    if isRecovering {
      // RFC 5681 §3.2 step 4: another segment has left the network.
      inflation &+= Int32(window.segmentSize)
      return false
    }
    duplicates &+= 1
    guard duplicates == Self.duplicateThreshold else { return false }
    // RFC 6582 §3.2 step 1: only if more than `recover` is acknowledged.
    guard summary.number - 1 > recover else { return false }
    // RFC 5681 §3.2 steps 2 and 3, RFC 6582 §3.2 step 2.
    inflation = Int32(Self.duplicateThreshold) * Int32(window.segmentSize)
    recover = summary.next - 1
    isRecovering = true
    hadPartialAcknowledgement = false
    return true
  }

  /// All before `number` is acknowledged. What is being recovered is ahead of it;
  /// what was, so far behind that it is all the same where.
  mutating func forget(before number: SequenceNumber) {
    // RFC 6582 §3.2 step 1 asks whether more than `recover` is acknowledged: it
    // is, and by more than one.
    if recover < number - 2 { recover = number - 2 }
    rack.forgetRound(before: number)
    undo.forget(before: number)
  }

  /// The retransmission timer expired, with all before `next` sent.
  mutating func timedOut(next: SequenceNumber) {
    duplicates = 0
    isRecovering = false
    owesRetransmission = false
    tailProbe.forget()
    isAfterTimeout = true
    // RFC 6582 §3.2 step 5.
    recover = next - 1
  }
}
