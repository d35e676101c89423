import Packets

/// The passing of time.
extension Connection {
  /// When ``poll(at:limits:counters:)`` next has something to do.
  @_addressableSelf
  func deadline() -> Instant? {
    var earliest = min(timer.next, expiresAt, receiverDeadline())
    if !acknowledgement.isDue { earliest = min(earliest, acknowledgement.next) }
    return earliest == .never ? nil : earliest
  }

  /// Does what the deadlines up to `now` ask for.
  mutating func poll(
    at now: Instant,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters
  ) {
    if let expiry, expiry <= now {
      switch state {
      case .timeWait:
        // RFC 9293 §3.10.8.
        return end(nil)
      case .finWait2:
        counters.finWait2Expired &+= 1
        return end(nil)
      default:
        // The peer is told: not all that was written has come.
        counters.releasedExpired &+= 1
        return reset(.timedOut)
      }
    }
    pollReceiver(at: now, counters: &counters)
    if state == .closed { return }
    if acknowledgement.poll(at: now) {
      counters.delayedAcknowledgements &+= 1
    }
    if let purpose = timer.expired(at: now) {
      timerExpired(purpose, at: now, limits: limits, counters: &counters)
    }
  }

  private mutating func timerExpired(
    _ purpose: RetransmissionTimer.Purpose,
    at now: Instant,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters
  ) {
    // RFC 9293 §3.8.3: R2 is reached.
    if now - timer.unansweredSince >= giveUpTime(limits) {
      counters.connectionsTimedOut &+= 1
      return end(softError ?? .timedOut)
    }
    switch purpose {
    case .tailLoss:
      // RFC 8985 §7.3: the timeout counts from the probe.
      recovery.tailProbe.expired()
      timer.restart(for: roundTrip.timeout, at: now)
    case .reordering:
      reorderingExpired(counters: &counters, at: now)
    case .persistence:
      owesProbe = true
      // So often that three in a row may be lost, or their answers, before R2
      // is reached: a peer that answers is not to be given up.
      timer.probed(
        timeout: roundTrip.timeout,
        maximum: min(limits.value.maximumTimeout, giveUpTime(limits) / 5),
        at: now
      )
    case .retransmission:
      counters.retransmissionTimeouts &+= 1
      expiries = expiries == .max ? expiries : expiries + 1
      // RFC 9293 §3.8.3: R1 is reached (MUST-20, SHLD-9).
      if Int(expiries) == limits.value.suspicion {
        suspectsPath = true
        changes.insert(.unanswered)
      }
      trialTimedOut()
      switch state {
      case .synSent, .synReceived: isSYNLost = true
      default:
        let isFirst = !recovery.isRecovering && !recovery.isAfterTimeout
        if isFirst {
          recovery.undo.save(
            congestionWindow,
            congestion,
            from: send.unacknowledged,
            to: send.next
          )
        }
        recovery.spuriousTimeout.timedOut(
          isFirst: isFirst && recovery.isSelective
        )
        congestion.reduce(
          for: .timeout,
          inFlight: send.inFlight,
          &congestionWindow,
          at: now
        )
        recovery.timedOut(next: send.next)
        marking.reduced(next: send.next)
      }
      // RFC 6298 §5.4 to §5.6: send the earliest again, back off, start anew.
      // What follows it is sent again as the window opens, unless an
      // acknowledgement says that it has come.
      loseAtTimeout(counters: &counters, at: now)
      roundTrip.backOff()
      suspectBlackHole(limits: limits)
      pathClaim.timedOut()
      timer.restart(for: roundTrip.timeout, at: now)
    }
  }

  /// Brings the timer in line with what is under way: after every call and
  /// every segment, in or out. Returns what lists and tables go by.
  ///
  /// - Parameter isSending: it is in the list of those with something to send.
  mutating func settle(
    isSending: Bool,
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) -> Filing {
    settleTimer(limits: limits, at: now)
    if small.isCorked {
      small.settle(isWaiting: dataEnd() > send.next, at: now)
    }
    return filing(isSending: isSending)
  }

  private mutating func settleTimer(
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    if state == .closed {
      timer.stop()
    } else if isWindowShut() {
      timer.ensure(.persistence, for: roundTrip.timeout, at: now)
    } else if send.inFlight > 0 {
      if !timer.isRunning(for: .retransmission) {
        // The peer has opened its window. (Else a probe is under way, which it
        // took no part in.) What it left unanswered while that was shut counts
        // no more, unless the app has said how long its bytes may go
        // undelivered. RFC 9293 §3.9.1.1.
        if pipe() == 0, userTimeout == 0 { timer.answered(at: now) }
        timer.ensure(.retransmission, for: roundTrip.timeout, at: now)
      }
      armTailProbe(limits: limits, at: now)
    } else {
      timer.stop()
    }
  }

  /// Whether bytes wait that the peer's window does not let go, with nothing
  /// under way whose acknowledgement could open it. RFC 9293 §3.8.6.1.
  ///
  /// Changes nothing; but one that may is not given a copy of the connection.
  @inline(__always)
  private mutating func isWindowShut() -> Bool {
    // Mostly something is under way, or nothing waits.
    guard pipe() == 0, flight.hasLost || !sendBuffer.isEmpty else {
      return false
    }
    return waitsForWindow()
  }

  /// Whether what waits may not go, with nothing under way. Changes nothing.
  private mutating func waitsForWindow() -> Bool {
    switch state {
    case .established, .closeWait, .finWait1, .closing, .lastAck:
      if recovery.owesRetransmission { return false }
      let text = nextText(most: fullSegment())
      // What cork holds back has a time of its own.
      if small.isHolding, send.window > 0 { return false }
      return text.count > 0 && sendableBytes(of: text) == 0
    default: return false
    }
  }
}
