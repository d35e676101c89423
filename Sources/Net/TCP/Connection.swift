import Packets

/// One connection: what RFC 9293 §3.3.1 calls the transmission control block.
///
/// Its parts are files of their own: the calls of the app in `Connection+Calls`,
/// the state machine for what comes in `SegmentArrives`, what the sender learns
/// from acknowledgements in `Connection+Acknowledgements`, the receiver's bytes
/// in `Connection+Text` and `Connection+Room`, the choice of the next segment in
/// `Connection+Segments`, its making in `Connection+Transmission` and the passing
/// of time in `Connection+Timers`.
///
/// Small, as there are thousands: the large fields stand before the small ones,
/// and what is there only at times is apart.
struct Connection: ~Copyable {
  let local: Endpoint
  let remote: Endpoint
  var state: TCPState
  /// Whether a SYN from outside made it. RFC 9293 §3.10.7.4 asks.
  let isPassive: Bool
  /// The number of the one that has the local address.
  let interface: UInt8
  /// Whether no app holds its id any more.
  var isReleased = false
  /// Why it ended, when not in order.
  var error: NetworkError?
  /// What ICMP said of the way, which need not last. RFC 5461.
  var softError: NetworkError?
  /// What the app has not been told yet.
  var changes: ConnectionChanges = []
  /// Whose backlog it counts to, until it is accepted.
  var listener: ListenerID?
  /// Our SYN asks for explicit congestion notification.
  var asksForECN = false
  /// Whether the SYN had to be sent again.
  var isSYNLost = false
  /// A byte is to be sent into a shut window.
  var owesProbe = false
  /// A reset is to be sent; the connection is over.
  var owesReset = false
  /// A write was cut short.
  var wantsToWrite = false
  /// In TIME-WAIT: see ``TimeWait/isDisowned``.
  var isDisowned = false
  /// R1 was reached: IP is to look for another way. RFC 9293 §3.8.3.
  var suspectsPath = false
  /// What was said of the way.
  var pathClaim = PathMTUClaim()
  /// Expiries of the retransmission timer since the peer last acknowledged
  /// something new.
  var expiries: UInt8 = 0

  var send: SendSequence
  var receive: ReceiveSequence
  /// What the app wrote, from the first unacknowledged byte.
  var sendBuffer: ByteQueue
  /// What came in order and was not read.
  var receiveQueue = PacketQueue()
  /// What came before its turn; there only while something is in it, or on its
  /// way to be.
  var early = SideRecord<EarlySegments>()

  var roundTrip: RoundTripEstimator
  var timer = RetransmissionTimer()
  /// What was sent and is not acknowledged.
  var flight = SentSegments()
  var congestionWindow: CongestionWindow
  var congestion: CongestionController
  var recovery: LossRecovery
  var marking: ECNSender
  var acknowledgement = DelayedAcknowledgement()
  var timestamps: Timestamps
  /// Both SYNs permitted selective acknowledgements. RFC 2018 §2.
  var isSelective = false
  var ecn = ECNReceiver()
  var quick: QuickAcknowledgement
  var tuning = ReceiveBufferTuning()
  var keepalive = Keepalive()
  var urgent = UrgentData()
  /// When segments that are not full may go.
  var small: SmallSegments
  /// R2 in milliseconds, as the app has set it; zero when it has not.
  var userTimeout: UInt32 = 0
  var challenges = ChallengeLimit()
  private let receiveSize: UInt16
  private var sendSize: UInt16
  private var agreedSize: UInt16
  /// How routers are to treat what is sent, and how many may.
  var differentiatedServices: DifferentiatedServices
  var timeToLive: UInt8
  /// When data was last sent, to tell an idle connection; ``Instant/never``
  /// before. RFC 5681 §4.1.
  var lastSent = Instant.never
  /// What is known of the way.
  var path = PathLimit()
  /// ``expiry``, or ``Instant/never``.
  private(set) var expiresAt = Instant.never
  /// Segments that were sent again.
  var retransmissions: UInt32 = 0
  /// Where our FIN stands, once the app has closed.
  var fin: SequenceNumber?

  /// A connection that has sent and received nothing.
  init(
    local: Endpoint,
    remote: Endpoint,
    interface: UInt8 = 0,
    state: TCPState,
    listener: ListenerID?,
    initialSequenceNumber: SequenceNumber,
    timestampOffset: UInt32,
    receiveSegmentSize: Int,
    options: ConnectionOptions = ConnectionOptions(),
    limits: borrowing Constant<TCPLimits>
  ) {
    self.local = local
    self.remote = remote
    self.interface = interface
    self.state = state
    self.listener = listener
    isPassive = listener != nil
    send = SendSequence(initial: initialSequenceNumber)
    receive = ReceiveSequence(limits.value)
    quick = QuickAcknowledgement(limits.value.quickAcknowledgements)
    small = SmallSegments(initial: initialSequenceNumber)
    timestamps = Timestamps(offset: timestampOffset)
    sendBuffer = ByteQueue(limit: limits.value.firstSendBuffer)
    roundTrip = RoundTripEstimator(
      initial: limits.value.initialTimeout,
      minimum: limits.value.minimumTimeout,
      maximum: limits.value.maximumTimeout
    )
    receiveSize = UInt16(clamping: receiveSegmentSize)
    let size = min(receiveSegmentSize, limits.value.defaultSegmentSize)
    sendSize = UInt16(clamping: size)
    agreedSize = sendSize
    congestionWindow = CongestionWindow(segmentSize: size)
    congestion = CongestionController(
      options.congestionControl ?? limits.value.congestionControl
    )
    differentiatedServices = options.differentiatedServices
    timeToLive = max(options.timeToLive, 1)
    recovery = LossRecovery(initialSequenceNumber: initialSequenceNumber)
    marking = ECNSender(initialSequenceNumber: initialSequenceNumber)
  }

  /// MSS of what we receive: the option we send.
  var receiveSegmentSize: Int { Int(receiveSize) }

  /// SMSS: the most payload of what we send, in a segment without options; see
  /// ``payloadLimit(with:)``.
  var sendSegmentSize: Int {
    get { Int(sendSize) }
    set { sendSize = UInt16(clamping: newValue) }
  }

  /// What ``sendSegmentSize`` is where the way carries all that the link does:
  /// what the SYNs have said.
  var agreedSegmentSize: Int { Int(agreedSize) }

  /// When TIME-WAIT is over, or what no app holds any more.
  var expiry: Instant? {
    get { expiresAt == .never ? nil : expiresAt }
    set { expiresAt = newValue ?? .never }
  }

  /// The SYN of `segment` is the peer's: take what it says.
  mutating func synchronize(
    with segment: TCPHeader,
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    // RFC 7323 §3.2: timestamps are on when both SYNs have them; ours has, and
    // our SYN,ACK has if the SYN had. RFC 2018 §2 says the same of SACK.
    timestamps.synchronize(with: segment.options.timestamp, at: now)
    if segment.options.isSACKPermitted { isSelective = true }
    // RFC 3168 §6.1.1: a SYN,ACK agrees only with a SYN of ours that asked, and
    // one that is sent again does not.
    let isAsked = asksForECN && !isSYNLost
    if ECNReceiver.isAgreed(segment.flags),
      isAsked || !segment.flags.contains(.acknowledgement)
    {
      ecn.turnOn()
    }
    // RFC 7323 §2.2: scaling is on when both SYNs offer it. Ours does, and our
    // SYN,ACK does if the SYN did. §2.3: a shift above 14 counts as 14.
    let isScaling = segment.options.windowScale != nil
    receive.synchronize(
      initial: segment.sequenceNumber,
      isScaling: isScaling
    )
    send.windowShift = min(Int(segment.options.windowScale ?? 0), 14)
    // RFC 9293 §3.7.1 (MUST-15): 536 unless the peer says otherwise; MUST-16:
    // no more than it says, nor than we can send at once.
    var theirs = limits.value.defaultSegmentSize
    if let option = segment.options.maximumSegmentSize { theirs = Int(option) }
    let agreed = min(
      max(theirs, limits.value.minimumSegmentSize),
      receiveSegmentSize
    )
    agreedSize = UInt16(clamping: agreed)
    // RFC 9293 §3.7.2: nor than the way is known to carry.
    sendSegmentSize = min(agreed, path.segmentSize)
    // RFC 7323 §2.2: the window of a segment with SYN is not scaled.
    send.setWindow(Int(segment.window), from: segment)
  }

  /// Our SYN is acknowledged: the handshake is complete. Enters `next`.
  mutating func establish(
    _ next: TCPState,
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    state = next
    changes.insert([.established, .writable])
    // What the SYNs have agreed on, or a cookie says they have.
    recovery.isSelective = isSelective
    if ecn.isOn { marking.turnOn() }
    congestionWindow = CongestionWindow(
      segmentSize: fullSegment(),
      isSYNLost: isSYNLost
    )
    if let sample = roundTrip.sample(upTo: send.unacknowledged, at: now) {
      roundTrip.measured(sample)
      roundTrip.least.take(sample, at: now)
    }
    timer.answered(at: now)
    timer.stop()
    // RFC 6298 §5.7.
    if isSYNLost { roundTrip.restart(with: limits.value.timeoutAfterLostSYN) }
  }

  /// Both directions are closed. RFC 9293 §3.10.7.4: start the time-wait
  /// timer, turn off the others.
  mutating func enterTimeWait(
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    state = .timeWait
    changes.insert(.closed)
    timer.stop()
    expiry = now + limits.value.timeWait
    forgetSent()
    forgetEarly()
  }

  /// Nothing that was written or sent is sent any more.
  private mutating func forgetSent() {
    sendBuffer.removeAll()
    flight.removeAll()
    recovery.owesRetransmission = false
    recovery.tailProbe.forget()
    owesProbe = false
  }

  /// Nothing that came before its turn will have its turn.
  private mutating func forgetEarly() {
    if early.isPresent { early.value.reuse(isSelective: isSelective) }
  }

  /// The connection is over: with `error`, or in order.
  mutating func end(_ error: NetworkError?) {
    state = .closed
    timer.stop()
    keepalive = Keepalive()
    small.cork(false)
    acknowledgement.done()
    expiry = nil
    forgetSent()
    forgetEarly()
    if let error {
      self.error = error
      changes.insert(.failed)
      changes.remove(.unanswered)
      // RFC 9293 §3.10.7.4, second check: all queues are flushed.
      receiveQueue = PacketQueue()
    } else {
      changes.insert(.closed)
    }
  }

  /// The connection is over, and the peer is told with a reset.
  mutating func reset(_ error: NetworkError) {
    end(error)
    owesReset = true
  }
}
