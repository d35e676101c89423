import Packets

/// The sender with selective acknowledgements: RFC 2018, RFC 8985, RFC 9937.
extension Connection {
  /// Takes the blocks of an acknowledgement that has moved SND.UNA already. What
  /// no peer in its right mind says is passed over, as an acknowledgement of
  /// what was never sent is.
  mutating func takeBlocks(
    _ options: TCPOptions,
    _ summary: inout AcknowledgementSummary,
    limits: borrowing Constant<TCPLimits>,
    _ delivery: inout Delivery
  ) {
    guard options.blockCount > 0 else { return }
    var first = 0
    summary.duplicated = duplicated(options, number: summary.number)
    summary.duplicatedStart = options.blocks[0].start
    if summary.isDuplicated { first = 1 }
    for index in first..<options.blockCount {
      let block = options.blocks[index]
      guard block.start > send.unacknowledged, block.start < block.end,
        block.end <= send.next, !flight.isEmpty
      else { continue }
      summary.hasBlocks = true
      flight.acknowledge(block, limit: limits.value.flightRecords, &delivery)
    }
  }

  /// The numbers of the first block, if it is of something that has come again.
  /// RFC 2883 §4: it stands below the acknowledgement, or in the second block.
  private func duplicated(
    _ options: TCPOptions,
    number: SequenceNumber
  ) -> Int {
    let block = options.blocks[0]
    guard block.start < block.end, block.end <= send.next,
      block.start >= number - send.maximumWindow
    else { return 0 }
    if block.end <= number { return block.end - block.start }
    guard options.blockCount > 1 else { return 0 }
    let outer = options.blocks[1]
    return block.start >= outer.start && block.end <= outer.end
      ? block.end - block.start : 0
  }

  /// An acknowledgement came, and the records know of it.
  mutating func acknowledgedSelectively(
    _ summary: inout AcknowledgementSummary,
    _ delivery: Delivery,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters
  ) {
    let now = summary.now
    if summary.isNew {
      progressed(&summary)
      recovery.duplicates = 0
      recovery.tailProbe.wantsTimer = true
      // RFC 6298 §5.3.
      if timer.isRunning { timer.restart(for: roundTrip.timeout, at: now) }
    }
    recovery.rack.take(delivery)
    if summary.isDuplicated {
      recovery.rack.duplicated(acknowledged: summary.number, next: send.next)
    }
    // What follows is asked only where it has something to say: mostly nothing
    // is lost, and the summary need not be handed on.
    if summary.isDuplicated || recovery.spuriousTimeout.isWatching {
      takeBackIfNothingWasLost(summary, delivery, counters: &counters)
    }
    let wasRecovering = recovery.isRecovering
    let isProbeNeeded =
      recovery.tailProbe.isUnanswered
      && recovery.tailProbe.acknowledged(summary)
    if wasRecovering || recovery.isAfterTimeout {
      recovery.endIfRecovered(summary, &congestionWindow)
    }
    if summary.isDuplicate {
      counters.duplicateAcknowledgements &+= 1
      if !summary.hasBlocks, !summary.isDuplicated,
        recovery.duplicateWithoutBlocks(sacked: Int(flight.sacked))
      {
        flight.lose(
          upTo: send.unacknowledged + fullSegment(),
          limit: limits.value.flightRecords
        )
        summary.newlyLost = Int(flight.lost)
      }
    }
    loseLate(&summary)
    if isProbeNeeded || summary.newlyLost > 0 {
      beginRecovery(summary, counters: &counters)
    }
    if recovery.isRecovering {
      reduceProportionally(summary)
    } else if summary.isNew, !wasRecovering, !marking.isEchoed(summary) {
      summary.isAfterTimeout = recovery.isAfterTimeout
      congestion.acknowledged(summary, &congestionWindow)
    }
  }

  /// Undoes a reduction that was for nothing: F-RTO has found that a timeout was
  /// (RFC 5682), or all that went again has come twice (RFC 3708).
  private mutating func takeBackIfNothingWasLost(
    _ summary: AcknowledgementSummary,
    _ delivery: Delivery,
    counters: inout TCPCounters
  ) {
    var isForNothing = false
    if summary.isDuplicated {
      let full = fullSegment()
      isForNothing = recovery.undo.duplicated(
        (summary.duplicated + full - 1) / full,
        from: summary.duplicatedStart
      )
    }
    switch recovery.spuriousTimeout.acknowledged(
      summary,
      delivery,
      recover: recovery.recover
    ) {
    case .none: break
    case .sendNew:
      let text = Text(start: send.next, count: dataEnd() - send.next)
      if flight.isFull || sendableBytes(of: text) == 0 {
        recovery.spuriousTimeout.giveUp()
      }
    case .spurious: isForNothing = true
    }
    guard isForNothing else { return }
    counters.reductionsUndone &+= 1
    flight.forgetLosses()
    recovery.takeBack(&congestionWindow, &congestion)
  }

  /// What is later than what has come, and than reordering explains, is lost;
  /// for what may still come the timer is set. RFC 8985 §6.2 step 5.
  private mutating func loseLate(_ summary: inout AcknowledgementSummary) {
    let now = summary.now
    var losses = SentSegments.Losses()
    if let newest = recovery.rack.newest {
      losses = flight.loseSent(
        before: newest,
        recovery.rack.newestEnd,
        patience: recovery.patience(
          roundTrip,
          sacked: Int(flight.sacked),
          segmentSize: fullSegment()
        ),
        at: now
      )
    }
    summary.newlyLost += losses.count
    if let due = losses.due {
      timer.setReordering(at: due)
    } else if summary.isNew || flight.sacked > 0 || timer.awaitsReordering {
      timer.clear()
    }
  }

  /// Something was lost: unless that is known, the window is reduced.
  private mutating func beginRecovery(
    _ summary: AcknowledgementSummary,
    counters: inout TCPCounters
  ) {
    guard !recovery.isRecovering, !recovery.isAfterTimeout else { return }
    recovery.undo.save(
      congestionWindow,
      congestion,
      from: summary.previous,
      to: send.next
    )
    // What has come is no longer under way, and must not make the window larger
    // than it was.
    congestion.reduce(
      for: .loss,
      inFlight: min(summary.inFlightBefore, congestionWindow.size),
      &congestionWindow,
      at: summary.now
    )
    recovery.begin(summary)
    marking.reduced(next: send.next)
    counters.fastRetransmissions &+= 1
  }

  private mutating func reduceProportionally(
    _ summary: AcknowledgementSummary
  ) {
    congestionWindow.size = recovery.reduction.window(
      delivered: summary.delivered,
      pipe: pipe(),
      isSafe: summary.isNew && summary.newlyLost == 0,
      congestionWindow
    )
  }

  /// The time of what was late is over. RFC 8985 §6.2 step 5.
  mutating func reorderingExpired(
    counters: inout TCPCounters,
    at now: Instant
  ) {
    var summary = AcknowledgementSummary(
      number: send.unacknowledged,
      previous: send.unacknowledged,
      next: send.next,
      now: now
    )
    summary.inFlightBefore = send.inFlight
    summary.sackedBefore = Int(flight.sacked)
    summary.inFlight = send.inFlight
    loseLate(&summary)
    guard summary.newlyLost > 0 else { return }
    counters.reorderingExpired &+= 1
    beginRecovery(summary, counters: &counters)
    if recovery.isRecovering { reduceProportionally(summary) }
  }

  /// The retransmission timer expired: what is lost. RFC 8985 §6.3; without
  /// selective acknowledgements everything, RFC 6298 §5.4.
  mutating func loseAtTimeout(
    counters: inout TCPCounters,
    at now: Instant
  ) {
    guard recovery.isSelective else { return flight.loseAll() }
    if flight.isReneged {
      // RFC 2018 §8.
      counters.reneged &+= 1
      flight.forgetSelective()
      return flight.loseAll()
    }
    flight.loseFirst(
      andOlderThan: recovery.patience(
        roundTrip,
        sacked: Int(flight.sacked),
        segmentSize: fullSegment()
      ),
      at: now
    )
    // What is younger is under way, and beside it the first goes out again.
    congestionWindow.size = max(
      congestionWindow.size,
      pipe() + congestionWindow.segmentSize
    )
  }

  // MARK: Tail loss probe

  /// Sets the timer for a probe, if one is to be sent when nothing comes back.
  /// RFC 8985 §7.2.
  mutating func armTailProbe(
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    guard recovery.tailProbe.wantsTimer else { return }
    recovery.tailProbe.wantsTimer = false
    guard recovery.isSelective, !recovery.isRecovering,
      !recovery.isAfterTimeout, flight.sacked == 0, !flight.hasLost,
      !recovery.tailProbe.isUnanswered, !timer.awaitsReordering
    else { return }
    let timeout = TailLossProbe.timeout(
      smoothed: roundTrip.smoothed,
      isAlone: send.inFlight <= fullSegment(),
      delay: limits.value.worstAcknowledgementDelay,
      minimum: limits.value.minimumProbeTimeout
    )
    timer.setTailLoss(at: now + timeout)
  }

  /// The probe that is owed: something new if the peer's window lets it go, else
  /// the last once more. RFC 8985 §7.3 (TLP_send_probe).
  @_addressableSelf
  func tailProbe() -> SegmentPlan? {
    guard recovery.tailProbe.isOwed, !flight.isEmpty else { return nil }
    let full = fullSegment()
    let fresh = min(
      dataEnd() - send.next,
      send.window - send.inFlight,
      full
    )
    if fresh > 0, !flight.isFull {
      return dataPlan(.new, at: send.next, fresh)
    }
    // No more than was sent: what follows it may be beyond the window. The FIN
    // is no byte of the buffer.
    let last = flight[flight.count - 1]
    let end = last.end > dataEnd() ? dataEnd() : last.end
    let start = SequenceNumber.later(last.start, end - full)
    return dataPlan(.tailProbe, at: start, max(0, end - start))
  }
}
