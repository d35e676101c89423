/// The passing of time.
extension Connection {
  /// When ``poll(at:limits:counters:)`` next has something to do.
  @_addressableSelf
  func deadline() -> Instant? {
    var earliest = timer.deadline
    if let other = acknowledgement.deadline, !acknowledgement.isDue {
      earliest = min(earliest ?? other, other)
    }
    if let other = expiry { earliest = min(earliest ?? other, other) }
    return earliest
  }

  /// Does what the deadlines up to `now` ask for.
  mutating func poll(
    at now: Instant,
    limits: borrowing TCPLimits,
    counters: inout TCPCounters
  ) {
    if let expiry, expiry <= now {
      // TIME-WAIT is over (RFC 9293 §3.10.8), or FIN-WAIT-2 was too long.
      if state == .finWait2 { counters.finWait2Expired &+= 1 }
      return end(nil)
    }
    if acknowledgement.poll(at: now) {
      counters.delayedAcknowledgements &+= 1
    }
    if let deadline = timer.deadline, deadline <= now {
      timerExpired(at: now, limits: limits, counters: &counters)
    }
  }

  private mutating func timerExpired(
    at now: Instant,
    limits: borrowing TCPLimits,
    counters: inout TCPCounters
  ) {
    // RFC 9293 §3.8.3: R2 is reached.
    if now - timer.unansweredSince >= giveUpTime(limits) {
      counters.connectionsTimedOut &+= 1
      return end(softError ?? .timedOut)
    }
    switch timer.purpose {
    case .persistence:
      owesProbe = true
      timer.probed(
        timeout: roundTrip.timeout,
        // RFC 9293 §3.8.6.1 (MUST-36): open as long as probes are answered; so
        // one that is lost must not be the only one before the end.
        maximum: min(limits.maximumTimeout, limits.giveUp / 4),
        at: now
      )
    case .retransmission:
      counters.retransmissionTimeouts &+= 1
      switch state {
      case .synSent, .synReceived: isSYNLost = true
      default:
        congestion.reduce(
          for: .timeout,
          inFlight: send.inFlight,
          &congestionWindow,
          at: now
        )
        recovery.timedOut(next: send.next)
      }
      // RFC 6298 §5.4 to §5.6: send the earliest again, back off, start anew.
      // What follows it is sent again as the window opens, unless an
      // acknowledgement says that it has come.
      flight.loseAll()
      roundTrip.backOff()
      suspectBlackHole()
      timer.restart(for: roundTrip.timeout, at: now)
    }
  }

  private func giveUpTime(_ limits: borrowing TCPLimits) -> Interval {
    switch state {
    case .synSent: limits.giveUpConnecting
    case .synReceived where isPassive: limits.giveUpAccepting
    default: limits.giveUp
    }
  }

  /// Brings the timer in line with what is under way: after every call and
  /// every segment, in or out. Returns what lists and tables go by.
  mutating func settle(at now: Instant) -> Filing {
    settleTimer(at: now)
    return filing()
  }

  private mutating func settleTimer(at now: Instant) {
    if state == .closed {
      timer.stop()
    } else if isWindowShut() {
      timer.ensure(.persistence, for: roundTrip.timeout, at: now)
    } else if send.inFlight > 0 {
      timer.ensure(.retransmission, for: roundTrip.timeout, at: now)
    } else {
      timer.stop()
    }
  }

  /// Whether bytes wait that the peer's window does not let go, with nothing
  /// under way whose acknowledgement could open it. RFC 9293 §3.8.6.1.
  ///
  /// Never inlined: the compiler would copy the whole connection.
  @_addressableSelf
  @inline(never)
  private func isWindowShut() -> Bool {
    switch state {
    case .established, .closeWait, .finWait1, .closing, .lastAck:
      guard pipe() == 0, !recovery.owesRetransmission else { return false }
      let text = nextText(most: fullSegment())
      return text.count > 0 && sendableBytes(of: text) == 0
    default: return false
    }
  }
}
