import Packets

/// What an app asks of a connection. RFC 9293 §3.10.
extension Connection {
  /// RFC 9293 §3.10.3 (RECEIVE).
  mutating func read(
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) -> ReadResult {
    if let packet = receiveQueue.popFirst() {
      tuneReceiveBuffer(read: packet.count, limits: limits, at: now)
      if urgent.received != nil { urgent.read(upTo: readNext()) }
      if isPeerSending,
        receive.isUpdateDue(
          unread: receiveQueue.byteCount,
          segmentSize: receiveSegmentSize
        )
      {
        acknowledgement.require()
      }
      return .bytes(packet)
    }
    if let error { return .failed(error) }
    if receive.isFinished || state == .closed { return .endOfStream }
    return .wouldBlock
  }

  /// Whether more may come from the peer.
  private var isPeerSending: Bool {
    switch state {
    case .established, .finWait1, .finWait2: true
    default: false
    }
  }

  /// RFC 9293 §3.10.2 (SEND). Returns how many bytes were taken: none when the
  /// send buffer has no memory and may not begin to have some.
  mutating func write(
    _ bytes: RawSpan,
    blocks: borrowing SendBlocks,
    mayBegin: Bool,
    isUrgent: Bool = false,
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) throws(NetworkError) -> Int {
    try beginWriting(limits: limits, at: now)
    tuneSendBuffer(limits: limits, blocks: blocks)
    let accepted =
      mayBegin || !sendBuffer.isEmpty
      ? sendBuffer.append(bytes, from: blocks) : 0
    if isUrgent, accepted > 0 { urgent.written(upTo: dataEnd()) }
    if accepted < bytes.byteCount { wantsToWrite = true }
    return accepted
  }

  /// The same for a packet that was received, all of whose bytes are taken, and
  /// not copied, or none.
  mutating func write(
    consuming packet: consuming PacketBuffer,
    blocks: borrowing SendBlocks,
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) throws(NetworkError) -> PacketBuffer? {
    try beginWriting(limits: limits, at: now)
    tuneSendBuffer(limits: limits, blocks: blocks)
    guard packet.count <= sendBuffer.available else {
      wantsToWrite = true
      return packet
    }
    sendBuffer.append(consuming: packet)
    return nil
  }

  private mutating func beginWriting(
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) throws(NetworkError) {
    if let error { throw error }
    switch state {
    case .synSent, .synReceived, .established, .closeWait:
      guard fin == nil else { throw .closed }
    case .closed, .finWait1, .finWait2, .closing, .lastAck, .timeWait:
      throw .closed
    }
    if path.expiry <= now { tryLargerSegments() }
    guard send.inFlight == 0 else { return }
    // RFC 5681 §4.1: an idle connection begins anew.
    if lastSent != .never, now - lastSent > roundTrip.timeout {
      congestionWindow.restartAfterIdle()
      sendBuffer.limit = limits.value.firstSendBuffer
    }
    congestion.resume(at: now)
  }

  /// RFC 9293 §3.10.4 (CLOSE). The FIN follows what was written.
  mutating func close() {
    guard fin == nil else { return }
    switch state {
    case .synSent:
      end(.closed)
    case .synReceived:
      // The FIN goes out once the connection is established.
      fin = dataEnd()
    case .established:
      fin = dataEnd()
      state = .finWait1
    case .closeWait:
      // RFC 9293 §3.10.4 says CLOSING here and means LAST-ACK; see §3.3.2.
      fin = dataEnd()
      state = .lastAck
    case .closed, .finWait1, .finWait2, .closing, .lastAck, .timeWait:
      break
    }
  }

  /// RFC 9293 §3.10.5 (ABORT).
  mutating func abort(_ error: NetworkError) {
    switch state {
    case .closed: break
    case .synSent, .timeWait: end(error)
    case .synReceived, .established, .finWait1, .finWait2, .closeWait,
      .closing, .lastAck:
      // CLOSING and LAST-ACK need no reset by the RFC, as the peer's next
      // segment would get one. Sent now, the peer knows now.
      reset(error)
    }
  }

  /// The app lets go of the connection.
  mutating func release(limits: borrowing Constant<TCPLimits>, at now: Instant)
  {
    isReleased = true
    // RFC 2525 §2.17, RFC 9293 §3.6.1: a peer whose bytes nobody will read is
    // told so, and does not take them for delivered.
    if !receiveQueue.isEmpty {
      receiveQueue = PacketQueue()
      if state != .timeWait { abort(.closed) }
    }
    close()
    limitReleased(limits: limits, at: now)
  }

  /// Nobody is left who could end what the peer makes last for ever.
  private mutating func limitReleased(
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    switch state {
    case .synReceived, .finWait1, .closing, .lastAck:
      let seconds = sendBuffer.count / max(limits.value.releasedRate, 1)
      expiry = now + giveUpTime(limits) + .seconds(Int64(seconds))
    default:
      limitFinWait2(limits: limits, at: now)
    }
  }

  /// Nobody waits for the peer's FIN in an abandoned FIN-WAIT-2 but we.
  mutating func limitFinWait2(
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    if isReleased, state == .finWait2 {
      expiry = now + limits.value.finWait2
    }
  }

  /// Whether `number` has been sent and is not acknowledged. RFC 5927 §4.1: an
  /// ICMP error about any other is no answer to us.
  func isInFlight(_ number: SequenceNumber) -> Bool {
    send.unacknowledged <= number && number < send.next
  }

  /// ICMP says that the peer cannot be reached. RFC 1122 §4.2.3.9: a hard
  /// error ends the connection; RFC 5927 §5.2: only while it is being opened,
  /// as such errors are forged easily. A soft one is the reason given should
  /// the peer never answer. RFC 5461 §2.1.
  mutating func unreachable(isHard: Bool) {
    if isHard, state == .synSent || state == .synReceived {
      end(.refused)
    } else {
      softError = .unreachable
      // RFC 9293 §3.9.1.8 (MUST-47): the app may want to know.
      changes.insert(.unanswered)
    }
  }

  /// RFC 9293 §3.10.6 (STATUS).
  var information: TCPInformation {
    TCPInformation(
      state: state,
      local: local,
      remote: remote,
      maximumSegmentSize: sendSegmentSize,
      sendWindow: send.window,
      receiveWindow: receive.window,
      congestionWindow: recovery.inflated(congestionWindow),
      slowStartThreshold: congestionWindow.threshold,
      bytesInFlight: send.inFlight,
      bytesToSend: sendBuffer.count,
      bytesToRead: receiveQueue.byteCount,
      softError: softError,
      urgentBytes: urgent.bytesLeft(read: readNext()),
      smoothedRoundTripTime: roundTrip.smoothed,
      roundTripVariation: roundTrip.variation,
      retransmissionTimeout: roundTrip.timeout,
      retransmissions: UInt64(retransmissions),
      hasTimestamps: timestamps.isOn,
      hasSelectiveAcknowledgements: isSelective,
      hasCongestionMarks: ecn.isOn
    )
  }
}
