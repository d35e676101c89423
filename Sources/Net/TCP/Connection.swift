import Packets

/// One connection: what RFC 9293 §3.3.1 calls the transmission control block.
///
/// Its parts are files of their own: the calls of the app in `Connection+Calls`,
/// the state machine for what comes in `SegmentArrives`, what the sender learns
/// from acknowledgements in `Connection+Acknowledgements`, the receiver's bytes
/// in `Connection+Text` and `Connection+Room`, the choice of the next segment in
/// `Connection+Segments`, its making in `Connection+Transmission` and the passing
/// of time in `Connection+Timers`.
struct Connection: ~Copyable {
  let local: Endpoint
  let remote: Endpoint
  var state: TCPState
  /// Whose backlog it counts to, until it is accepted.
  var listener: ListenerID?
  /// Whether a SYN from outside made it. RFC 9293 §3.10.7.4 asks.
  let isPassive: Bool
  /// Whether no app holds its id any more.
  var isReleased = false
  /// Why it ended, when not in order.
  var error: NetworkError?
  /// What ICMP said of the way, which need not last. RFC 5461.
  var softError: NetworkError?
  /// What the app has not been told yet.
  var changes: ConnectionChanges = []

  var send: SendSequence
  var receive: ReceiveSequence
  /// What the app wrote, from the first unacknowledged byte.
  var sendBuffer: ByteQueue
  /// What came in order and was not read.
  var receiveQueue = PacketQueue()
  var assembler = Assembler()
  /// Where our FIN stands, once the app has closed.
  var fin: SequenceNumber?

  var roundTrip: RoundTripEstimator
  var timer = RetransmissionTimer()
  /// What was sent and is not acknowledged.
  var flight = SentSegments()
  var congestionWindow: CongestionWindow
  var congestion = CongestionController.newReno(NewReno())
  var recovery: LossRecovery
  var acknowledgement = DelayedAcknowledgement()
  var challenges = ChallengeLimit()
  /// When TIME-WAIT, or an abandoned FIN-WAIT-2, is over.
  var expiry: Instant?

  /// MSS of what we receive: the option we send.
  let receiveSegmentSize: Int
  /// SMSS: the most payload of what we send, in a segment without options; see
  /// ``payloadLimit(with:)``.
  var sendSegmentSize: Int
  /// Whether routers may cut what is sent; see ``suspectBlackHole()``.
  var mayFragment = false
  /// Whether the SYN had to be sent again.
  var isSYNLost = false
  /// A byte is to be sent into a shut window.
  var owesProbe = false
  /// A reset is to be sent; the connection is over.
  var owesReset = false
  /// Nagle's algorithm is off. RFC 9293 §3.7.4.
  var noDelay = false
  /// A write was cut short.
  var wantsToWrite = false
  var retransmissions: UInt64 = 0
  /// When data was last sent, to tell an idle connection. RFC 5681 §4.1.
  var lastSent: Instant?

  /// A connection that has sent and received nothing.
  init(
    local: Endpoint,
    remote: Endpoint,
    state: TCPState,
    listener: ListenerID?,
    initialSequenceNumber: SequenceNumber,
    receiveSegmentSize: Int,
    limits: borrowing TCPLimits
  ) {
    self.local = local
    self.remote = remote
    self.state = state
    self.listener = listener
    isPassive = listener != nil
    send = SendSequence(initial: initialSequenceNumber)
    receive = ReceiveSequence(capacity: limits.receiveBuffer)
    sendBuffer = ByteQueue(limit: limits.sendBuffer)
    roundTrip = RoundTripEstimator(
      initial: limits.initialTimeout,
      minimum: limits.minimumTimeout,
      maximum: limits.maximumTimeout
    )
    self.receiveSegmentSize = receiveSegmentSize
    sendSegmentSize = min(receiveSegmentSize, limits.defaultSegmentSize)
    congestionWindow = CongestionWindow(segmentSize: sendSegmentSize)
    recovery = LossRecovery(initialSequenceNumber: initialSequenceNumber)
  }

  /// The SYN of `segment` is the peer's: take what it says.
  mutating func synchronize(
    with segment: TCPHeader,
    limits: borrowing TCPLimits
  ) {
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
    var theirs = limits.defaultSegmentSize
    if let option = segment.options.maximumSegmentSize { theirs = Int(option) }
    sendSegmentSize = min(
      max(theirs, limits.minimumSegmentSize),
      receiveSegmentSize
    )
    // RFC 7323 §2.2: the window of a segment with SYN is not scaled.
    send.setWindow(Int(segment.window), from: segment)
  }

  /// Our SYN is acknowledged: the handshake is complete. Enters `next`.
  mutating func establish(
    _ next: TCPState,
    limits: borrowing TCPLimits,
    at now: Instant
  ) {
    state = next
    changes.insert([.established, .writable])
    congestionWindow = CongestionWindow(
      segmentSize: fullSegment(),
      isSYNLost: isSYNLost
    )
    if let sample = roundTrip.sample(upTo: send.unacknowledged, at: now) {
      roundTrip.measured(sample)
    }
    timer.answered(at: now)
    timer.stop()
    // RFC 6298 §5.7.
    if isSYNLost { roundTrip.restart(with: limits.timeoutAfterLostSYN) }
  }

  /// Both directions are closed. RFC 9293 §3.10.7.4: start the time-wait
  /// timer, turn off the others.
  mutating func enterTimeWait(limits: borrowing TCPLimits, at now: Instant) {
    state = .timeWait
    changes.insert(.closed)
    timer.stop()
    expiry = now + limits.timeWait
    forgetSent()
    assembler.removeAll()
  }

  /// Nothing that was written or sent is sent any more.
  private mutating func forgetSent() {
    sendBuffer.removeAll()
    flight.removeAll()
    recovery.owesRetransmission = false
    owesProbe = false
  }

  /// The connection is over: with `error`, or in order.
  mutating func end(_ error: NetworkError?) {
    state = .closed
    timer.stop()
    acknowledgement.done()
    expiry = nil
    forgetSent()
    assembler.removeAll()
    if let error {
      self.error = error
      changes.insert(.failed)
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
