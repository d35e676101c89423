import Packets

/// The state machine: RFC 9293 §3.10.7 (SEGMENT ARRIVES), whole. What happens
/// to bytes and windows is elsewhere; which state follows which is here. What
/// calls and timers do to the state is in `Connection+Calls` and
/// `Connection+Timers`.
///
///     event                        from                     to
///     SYN, to a listener           LISTEN                   SYN-RECEIVED
///     SYN,ACK                      SYN-SENT                 ESTABLISHED
///     SYN                          SYN-SENT                 SYN-RECEIVED
///     ACK of our SYN               SYN-RECEIVED             ESTABLISHED
///     FIN                          ESTABLISHED              CLOSE-WAIT
///     FIN                          FIN-WAIT-1               CLOSING
///     FIN                          FIN-WAIT-2               TIME-WAIT
///     ACK of our FIN               FIN-WAIT-1               FIN-WAIT-2
///     ACK of our FIN               CLOSING                  TIME-WAIT
///     ACK of our FIN               LAST-ACK                 CLOSED
///     RST                          any                      CLOSED
extension TCP {
  /// RFC 9293 §3.10.7.1 and §3.10.7.2: CLOSED and LISTEN.
  mutating func segmentArrivesWithoutConnection(
    _ segment: TCPHeader,
    payload: Int,
    key: Key,
    maximumSegmentSize: Int,
    at now: Instant
  ) {
    guard let listener = listener(at: key.local) else {
      // RFC 9293 §3.10.7.1: CLOSED.
      counters.noConnection &+= 1
      return replyWithReset(to: segment, payload: payload, key: key)
    }
    // RFC 9293 §3.10.7.2: LISTEN. First, a reset is of no use here.
    if segment.flags.contains(.reset) {
      counters.noConnection &+= 1
      return
    }
    // Second, there is nothing to acknowledge yet.
    if segment.flags.contains(.acknowledgement) {
      counters.noConnection &+= 1
      return replyWithReset(to: segment, payload: payload, key: key)
    }
    // Third, a SYN begins. Fourth, without one there is nothing to do.
    guard segment.flags.contains(.syn) else {
      counters.noConnection &+= 1
      return
    }
    synArrives(
      segment,
      listener: listener,
      key: key,
      maximumSegmentSize: maximumSegmentSize,
      beyond: nil,
      at: now
    )
  }
}

extension Connection {
  /// A segment came: `packet` begins at its header, `segment`, and is whole
  /// and unharmed.
  mutating func segmentArrives(
    _ segment: TCPHeader,
    _ packet: consuming PacketBuffer,
    ecn codepoint: ECNCodepoint,
    pool: PacketPool,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) -> SegmentVerdict {
    let payload = packet.totalCount - segment.parsedLength
    let verdict =
      state == .synSent
      ? checkInSYNSent(segment, limits: limits, counters: &counters, at: now)
      : check(
        segment,
        payload: payload,
        limits: limits,
        counters: &counters,
        at: now
      )
    if let verdict { return verdict }
    // The sixth check, the URG bit, is with the fifth: it is read even when the
    // window is shut (MUST-66).
    if ecn.received(segment.flags, codepoint, hasText: payload > 0) {
      acknowledgement.require()
    }

    // Seventh, the segment text; eighth, the FIN bit.
    switch state {
    case .established, .finWait1, .finWait2:
      if isReleased, payload > 0,
        segment.sequenceNumber + payload > receive.next
      {
        // RFC 9293 §3.6.1, RFC 2525 §2.17: nobody will read it.
        counters.dataAfterRelease &+= 1
        reset(.closed)
        return .done
      }
      receiveText(
        segment,
        packet,
        pool: pool,
        limits: limits,
        counters: &counters,
        at: now
      )
      finArrives(limits: limits, at: now)
    case .closed, .synSent, .synReceived, .closeWait, .closing, .lastAck,
      .timeWait:
      // The peer has sent its FIN: there is no text behind it.
      break
    }
    return .done
  }

  /// RFC 9293 §3.10.7.3: SYN-SENT. `nil` to go on with the text.
  private mutating func checkInSYNSent(
    _ segment: TCPHeader,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) -> SegmentVerdict? {
    let flags = segment.flags
    let number = segment.acknowledgementNumber
    // First, the ACK bit.
    if flags.contains(.acknowledgement),
      number <= send.initial || number > send.next
    {
      counters.badAcknowledgements &+= 1
      return flags.contains(.reset) ? .done : .reset
    }
    // Second, the RST bit: only one that acknowledges our SYN is the peer's.
    if flags.contains(.reset) {
      guard flags.contains(.acknowledgement) else {
        counters.resetsOutsideWindow &+= 1
        return .done
      }
      counters.resetsReceived &+= 1
      end(.refused)
      return .done
    }
    // Fourth, the SYN bit. (Third is security, which IP does not carry.)
    guard flags.contains(.syn) else {
      counters.notSynchronized &+= 1
      return .done
    }
    synchronize(with: segment, limits: limits, at: now)
    acknowledgement.require()
    guard flags.contains(.acknowledgement) else {
      // Both opened at once. Our SYN goes again, with an acknowledgement.
      state = .synReceived
      flight.loseAll()
      return .done
    }
    synAcknowledged(number, at: now)
    establish(.established, limits: limits, at: now)
    return nil
  }

  /// Our SYN is acknowledged, and all before `number`.
  private mutating func synAcknowledged(
    _ number: SequenceNumber,
    at now: Instant
  ) {
    send.unacknowledged = number
    var delivery = Delivery(highest: number, at: now)
    flight.acknowledge(upTo: number, &delivery)
  }

  /// RFC 9293 §3.10.7.4: the other states, first to fifth check. `nil` to go
  /// on with the text.
  private mutating func check(
    _ segment: TCPHeader,
    payload: Int,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) -> SegmentVerdict? {
    let flags = segment.flags
    let sequence = segment.sequenceNumber

    if state == .synReceived, flags.contains(.syn),
      sequence == receive.initial
    {
      return synArrivesAgain(
        segment,
        limits: limits,
        counters: &counters,
        at: now
      )
    }
    // TIME-WAIT: a SYN that is no old duplicate begins anew. RFC 9293
    // §3.10.7.4, fourth check; RFC 6191 §2.
    if state == .timeWait, flags.contains(.syn),
      !flags.contains(.acknowledgement), !flags.contains(.reset),
      leftInTimeWait().begins(segment)
    {
      return .reopen
    }

    if isFromThePast(
      segment,
      limits: limits,
      counters: &counters,
      at: now
    ) {
      return .done
    }

    // First, the sequence number.
    let length =
      payload + (flags.contains(.syn) ? 1 : 0) + (flags.contains(.fin) ? 1 : 0)
    // A reset stands in the window as an octet would, not at its edge.
    let extent = flags.contains(.reset) ? max(length, 1) : length
    // A shut window takes no text, but acknowledgements and resets are taken
    // (MUST-66), and a FIN, which needs no room: without its text the segment
    // is acceptable.
    let isShut = receive.window == 0 && sequence == receive.next
    guard receive.isAcceptable(sequence, length: isShut ? 0 : extent) else {
      counters.outsideWindow &+= 1
      if flags.contains(.reset) {
        counters.resetsOutsideWindow &+= 1
      } else if payload > 0 || flags.contains(.fin) {
        // RFC 5961 §5 and §7: what lies beyond the window, or is older than
        // any retransmission, could be an attacker's.
        guard sequence < receive.next,
          receive.next - sequence <= limits.value.receiveBuffer
        else {
          challenge(limits: limits, counters: &counters, at: now)
          return .done
        }
        // A retransmission: the peer has missed our acknowledgement. Of the
        // FIN in TIME-WAIT (the eighth check): restart the 2 MSL timeout.
        if state == .timeWait, flags.contains(.fin),
          sequence + length == receive.next
        {
          expiry = now + limits.value.timeWait
        }
        if payload > 0 { cameAgain(from: sequence, payload) }
        acknowledgement.require()
      } else if !flags.contains(.syn), sequence == receive.next - 1 {
        // RFC 9293 §3.8.4: so a keepalive stands. Who knows the number could
        // end the connection with a reset: it is no blind attack.
        answerProbe(limits: limits, counters: &counters, at: now)
      } else {
        challenge(limits: limits, counters: &counters, at: now)
      }
      return .done
    }

    // Second, the RST bit. RFC 5961 §3.2: it must stand exactly at RCV.NXT;
    // elsewhere in the window it is challenged.
    if flags.contains(.reset) {
      guard sequence == receive.next else {
        counters.resetsChallenged &+= 1
        challenge(limits: limits, counters: &counters, at: now)
        return .done
      }
      resetArrives(counters: &counters)
      return .done
    }

    // Fourth, the SYN bit. RFC 5961 §4.2: it is challenged, wherever it stands.
    if flags.contains(.syn) {
      if state == .synReceived, isPassive {
        // Back to LISTEN, which needs no connection.
        counters.synsInWindow &+= 1
        end(.reset)
        return .done
      }
      counters.synsChallenged &+= 1
      challenge(limits: limits, counters: &counters, at: now)
      return .done
    }

    // Fifth, the ACK field.
    guard flags.contains(.acknowledgement) else {
      counters.withoutAcknowledgement &+= 1
      return .done
    }
    if let verdict = acknowledgementArrives(
      segment,
      payload: payload,
      limits: limits,
      counters: &counters,
      at: now
    ) {
      return verdict
    }
    // RFC 7323 §5.3, R3: only once the segment is known to be acceptable.
    if timestamps.isOn, let timestamp = segment.options.timestamp {
      timestamps.take(timestamp.value, at: sequence, now)
    }
    heard(at: now)
    urgentArrives(segment)
    if isShut, payload > 0 {
      // A probe of our shut window.
      counters.bytesBeyondWindow &+= UInt64(payload)
      acknowledgement.require()
      return .done
    }
    return nil
  }

  /// Whether the timestamps, if they are on, say that the segment is not to be
  /// taken; a reset is not asked for them, nor a SYN, which is answered however
  /// old it is.
  private mutating func isFromThePast(
    _ segment: TCPHeader,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) -> Bool {
    guard timestamps.isOn, !segment.flags.contains(.reset) else { return false }
    guard let timestamp = segment.options.timestamp else {
      // RFC 7323 §3.2: a segment without them is dropped silently.
      guard !segment.flags.contains(.syn) else { return false }
      counters.withoutTimestamp &+= 1
      return true
    }
    // RFC 7323 §5.3, R1: it is acknowledged, and dropped. RFC 5961 §7 bounds
    // how often.
    guard timestamps.isOld(timestamp.value, at: now) else { return false }
    counters.timestampsOld &+= 1
    challenge(limits: limits, counters: &counters, at: now)
    return true
  }

  /// The fifth check. `nil` to go on with the text.
  private mutating func acknowledgementArrives(
    _ segment: TCPHeader,
    payload: Int,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) -> SegmentVerdict? {
    let number = segment.acknowledgementNumber
    if state == .synReceived {
      guard number > send.unacknowledged, number <= send.next else {
        counters.badAcknowledgements &+= 1
        return .reset
      }
      synAcknowledged(number, at: now)
      send.setWindow(Int(segment.window) << send.windowShift, from: segment)
      establish(
        fin == nil ? .established : .finWait1,
        limits: limits,
        at: now
      )
      return nil
    }

    // RFC 5961 §5.2: an acknowledgement of what was never sent, or older than
    // any window, is challenged.
    if number > send.next
      || number < send.unacknowledged - send.maximumWindow
    {
      counters.badAcknowledgements &+= 1
      challenge(limits: limits, counters: &counters, at: now)
      return .done
    }
    // SND.UNA =< SEG.ACK =< SND.NXT: the window may be new. An older
    // acknowledgement was overtaken, and tells nothing.
    if number >= send.unacknowledged {
      if number > send.unacknowledged { expiries = 0 }
      let isWindowNew = send.updateWindow(from: segment)
      acknowledge(
        by: segment,
        payload: payload,
        isWindowNew: isWindowNew,
        limits: limits,
        counters: &counters,
        at: now
      )
      answered(at: now)
    }

    let isFINAcknowledged = fin.map { send.unacknowledged > $0 } ?? false
    switch state {
    case .finWait1 where isFINAcknowledged:
      state = .finWait2
      limitFinWait2(limits: limits, at: now)
    case .closing where isFINAcknowledged:
      enterTimeWait(limits: limits, at: now)
    case .lastAck where isFINAcknowledged:
      end(nil)
      return .done
    default: break
    }
    return nil
  }

  /// The eighth check, once RCV.NXT has come to the FIN.
  private mutating func finArrives(
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    guard receive.fin == receive.next, !receive.isFinished else { return }
    receive.finish()
    acknowledgement.require()
    changes.insert(.readable)
    switch state {
    case .established: state = .closeWait
    case .finWait1: state = .closing
    case .finWait2: enterTimeWait(limits: limits, at: now)
    default: break
    }
  }

  /// SYN-RECEIVED: the peer's SYN once more.
  private mutating func synArrivesAgain(
    _ segment: TCPHeader,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) -> SegmentVerdict? {
    let flags = segment.flags
    guard !flags.contains(.reset) else {
      counters.resetsOutsideWindow &+= 1
      return .done
    }
    if flags.contains(.acknowledgement) {
      // Simultaneous open, RFC 9293 §3.5, figure 8, line 6: the peer's SYN,ACK
      // stands where its SYN stood. What is new in it is the acknowledgement.
      return acknowledgementArrives(
        segment,
        payload: 0,
        limits: limits,
        counters: &counters,
        at: now
      ) ?? .done
    }
    // Our SYN,ACK was lost, or is late: once more, but not more often than a
    // challenge.
    counters.synsRepeated &+= 1
    if timestamps.isOn, let timestamp = segment.options.timestamp {
      timestamps.take(timestamp.value, at: segment.sequenceNumber, now)
    }
    if challenges.allows(
      limits.value.challenges,
      every: limits.value.challengePeriod,
      at: now
    ) {
      flight.loseAll()
    }
    return .done
  }

  /// A reset that is the peer's, in a state other than SYN-SENT.
  private mutating func resetArrives(counters: inout TCPCounters) {
    // RFC 1337 §3, fix F1: it does not end TIME-WAIT, as with it goes who knows
    // old segments for old; but a SYN may: see ``TimeWait/begins(_:)``.
    guard state != .timeWait else {
      counters.timeWaitIgnored &+= 1
      isDisowned = true
      return
    }
    counters.resetsReceived &+= 1
    switch state {
    case .synReceived:
      // A passive one goes back to LISTEN; an active one was refused.
      end(isPassive ? .reset : .refused)
    case .established, .finWait1, .finWait2, .closeWait:
      end(.reset)
    case .closing, .lastAck, .timeWait, .closed, .synSent:
      // Closed at both ends already.
      end(nil)
    }
  }
}
