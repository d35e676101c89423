import Packets

/// The sender: what an acknowledgement tells it.
extension Connection {
  /// SEG.ACK is SND.UNA or new: SND.UNA =< SEG.ACK =< SND.NXT, in a synchronized
  /// state. `isWindowNew` when the segment changed the window.
  mutating func acknowledge(
    by segment: TCPHeader,
    payload: Int,
    isWindowNew: Bool,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) {
    // Nothing is under way, as where the peer alone sends: only a block could
    // say something, of what came twice.
    if send.inFlight == 0, segment.options.blockCount == 0 { return }
    var delivery = Delivery(
      highest: recovery.rack.highest,
      leastRoundTrip: roundTrip.least.value,
      echoAge: echoAge(of: segment, at: now),
      at: now
    )
    var summary = summarize(
      segment,
      payload: payload,
      isWindowNew: isWindowNew,
      limits: limits,
      &delivery,
      at: now
    )
    if summary.isDuplicated { counters.duplicatesReported &+= 1 }
    if summary.hasCongestionEcho {
      reduceForEcho(summary, counters: &counters)
    }
    if recovery.isSelective {
      return acknowledgedSelectively(
        &summary,
        delivery,
        limits: limits,
        counters: &counters
      )
    }
    if summary.isNew {
      acknowledged(&summary, limits: limits)
    } else if summary.isDuplicate {
      counters.duplicateAcknowledgements &+= 1
      guard recovery.duplicate(summary, congestionWindow) else { return }
      congestion.reduce(
        for: .loss,
        inFlight: summary.inFlight,
        &congestionWindow,
        at: now
      )
      marking.reduced(next: send.next)
      counters.fastRetransmissions &+= 1
      retransmitFirst(limits: limits)
    }
  }

  /// How long ago the segment was sent that the peer echoes the timestamp of.
  private func echoAge(of segment: TCPHeader, at now: Instant) -> Interval? {
    guard timestamps.isOn, let timestamp = segment.options.timestamp else {
      return nil
    }
    return timestamps.elapsed(since: timestamp.echo, at: now)
  }

  /// Moves SND.UNA, drops what is acknowledged, and says what the segment tells
  /// the parts of the sender.
  private mutating func summarize(
    _ segment: TCPHeader,
    payload: Int,
    isWindowNew: Bool,
    limits: borrowing Constant<TCPLimits>,
    _ delivery: inout Delivery,
    at now: Instant
  ) -> AcknowledgementSummary {
    let number = segment.acknowledgementNumber
    var summary = AcknowledgementSummary(
      number: number,
      previous: send.unacknowledged,
      next: send.next,
      now: now
    )
    summary.inFlightBefore = send.inFlight
    summary.sackedBefore = Int(flight.sacked)
    summary.isLimitedByApp = congestionWindow.isLimitedByApp(
      send.unacknowledged
    )
    summary.hasCongestionEcho = segment.flags.contains(.congestionEcho)
    if summary.isNew {
      summary.acknowledged = min(number - send.unacknowledged, sendBuffer.count)
      sendBuffer.removeFirst(summary.acknowledged)
      let isFar = (send.unacknowledged.rawValue ^ number.rawValue) >> 30 != 0
      send.unacknowledged = number
      if isFar { forgetWhatIsFarBehind() }
      flight.acknowledge(upTo: number, &delivery)
      summary.roundTrip = roundTrip.sample(upTo: number, at: now)
      pathClaim.acknowledged(upTo: number)
    } else {
      // RFC 5681 §2: a duplicate is one that says nothing else while data is
      // under way. Answers to probes of a shut window are none.
      summary.isDuplicate =
        payload == 0 && !segment.flags.contains(.fin) && !isWindowNew
        && pipe() + Int(flight.sacked) > 0
    }
    if recovery.isSelective {
      takeBlocks(segment.options, &summary, limits: limits, &delivery)
    }
    // What routers may cut proves nothing.
    if delivery.largest > 0, !path.mayFragment {
      pathClaim.arrived(
        min(
          delivery.largest + textOptionsLength(),
          min(sendSegmentSize, path.segmentSize)
        )
      )
    }
    summary.inFlight = send.inFlight
    summary.delivered = delivery.count
    // RFC 7323 §4.2: what was sent again is measured by its timestamp.
    if summary.isNew, summary.roundTrip == nil, delivery.hasRetransmitted {
      summary.roundTrip = delivery.echoAge
    }
    summary.hasRetransmitted = delivery.hasRetransmitted
    if let sentAt = delivery.newestOriginal {
      let sample = now - sentAt
      summary.newestRoundTrip = sample
      roundTrip.least.take(sample, at: now)
    }
    return summary
  }

  /// Brings up to date what is remembered by a number, each time that SND.UNA
  /// has gone through a quarter of all numbers: what is further behind than half
  /// of them would seem to be ahead. RFC 9293 §3.4.
  private mutating func forgetWhatIsFarBehind() {
    let number = send.unacknowledged
    recovery.forget(before: number)
    marking.forgetReduction(before: number)
    congestionWindow.forgetFilling(before: number)
    small.forget(before: number)
    flight.forgetResent(before: number)
  }

  /// `summary` is of an acknowledgement of something new.
  private mutating func acknowledged(
    _ summary: inout AcknowledgementSummary,
    limits: borrowing Constant<TCPLimits>
  ) {
    let wasRecovering = recovery.isRecovering
    let advice = recovery.acknowledged(summary, &congestionWindow)
    progressed(&summary)
    summary.isAfterTimeout = recovery.isAfterTimeout
    if !wasRecovering, !marking.isEchoed(summary) {
      congestion.acknowledged(summary, &congestionWindow)
    }
    // RFC 6298 §5.3; but in recovery for the first step only, so that a long
    // one ends with the timeout. RFC 6582 §4.
    if advice != .retransmit, timer.isRunning {
      timer.restart(for: roundTrip.timeout, at: summary.now)
    }
    if advice != .none, summary.inFlight > 0 { retransmitFirst(limits: limits) }
  }

  /// `summary` is of an acknowledgement of something new: what that means
  /// whatever is recovered, and how.
  mutating func progressed(_ summary: inout AcknowledgementSummary) {
    if let sample = summary.roundTrip { roundTrip.measured(sample) }
    summary.smoothed = roundTrip.smoothed
    softError = nil
    timer.answered(at: summary.now)
    // A quarter of the buffer, so that the app is not woken for every segment.
    if wantsToWrite, sendBuffer.available >= sendBuffer.limit / 4 {
      wantsToWrite = false
      changes.insert(.writable)
    }
  }

  /// The first unacknowledged segment is lost, and goes out again at once.
  private mutating func retransmitFirst(limits: borrowing Constant<TCPLimits>) {
    flight.lose(
      upTo: send.unacknowledged + fullSegment(),
      limit: limits.value.flightRecords
    )
    recovery.owesRetransmission = true
  }

  /// What of FlightSize is taken to be under way still: all that is not lost,
  /// and has not come. RFC 6675 §2 (pipe).
  @_addressableSelf
  func pipe() -> Int {
    send.inFlight - Int(flight.lost) - Int(flight.sacked)
  }

  /// The peer answered something acceptable. RFC 9293 §3.8.6.1: one that
  /// answers with a shut window is alive, and the connection stays (MUST-37);
  /// unless no app is left that waits for it, or the app has said how long its
  /// bytes may go undelivered (§3.9.1.1).
  mutating func answered(at now: Instant) {
    if send.window == 0, !isReleased, userTimeout == 0 {
      timer.answered(at: now)
    }
  }
}
