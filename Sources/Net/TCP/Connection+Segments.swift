import Packets

/// What is to be sent next, decided without sending it.
struct SegmentPlan {
  enum Kind {
    /// At SND.NXT, which moves on.
    case new
    /// From the first that is lost on, and perhaps beyond SND.NXT.
    case retransmission
    /// A byte beyond the window.
    case probe
    /// The last that was sent, to ask after it. RFC 8985 §7.
    case tailProbe
  }

  var kind = Kind.new
  var sequence: SequenceNumber
  /// Bytes of the send buffer.
  var payload = 0
  var flags: TCPHeader.Flags
  /// Its record is the connection's first: there is no memory for it.
  var needsMemory = false

  /// What IP is to say of congestion.
  var codepoint = ECNCodepoint.notCapable

  /// How many segments it is once the device has cut it, or it was never
  /// larger than one.
  func segmentCount(of size: Int) -> Int {
    max((payload + size - 1) / size, 1)
  }

  /// SEG.LEN: the numbers it takes. RFC 9293 §3.4.
  var length: Int {
    payload + (flags.contains(.syn) ? 1 : 0) + (flags.contains(.fin) ? 1 : 0)
  }
}

/// The sender: which segment is next, and what its sending changes.
extension Connection {
  /// The number of the first byte in the send buffer.
  @_addressableSelf
  func dataStart() -> SequenceNumber {
    switch state {
    case .synSent, .synReceived: send.initial + 1
    default: send.unacknowledged
    }
  }

  /// The number behind the last byte in the send buffer: where the next one
  /// written, or the FIN, stands.
  @_addressableSelf
  func dataEnd() -> SequenceNumber { dataStart() + sendBuffer.count }

  /// The next segment, or `nil` when there is nothing to send. Does not depend
  /// on the time: what time brings about, ``poll(at:limits:counters:)`` notes.
  @_addressableSelf
  func nextSegment() -> SegmentPlan? {
    switch state {
    case .closed:
      return owesReset
        ? SegmentPlan(
          sequence: sequenceWithoutText(),
          flags: [.reset, .acknowledgement]
        ) : nil
    case .synSent:
      return owesSYN()
        ? SegmentPlan(sequence: send.initial, flags: .syn) : nil
    case .synReceived:
      return owesSYN()
        ? SegmentPlan(sequence: send.initial, flags: [.syn, .acknowledgement])
        : nextAcknowledgement()
    case .established, .closeWait, .finWait1, .closing, .lastAck:
      return nextData() ?? nextAcknowledgement()
    case .finWait2, .timeWait:
      return nextAcknowledgement()
    }
  }

  /// Whether our SYN was not sent, or is lost.
  @_addressableSelf
  private func owesSYN() -> Bool {
    send.next == send.initial || flight.hasLost
  }

  @_addressableSelf
  private func nextAcknowledgement() -> SegmentPlan? {
    guard acknowledgement.isDue else {
      // RFC 9293 §3.8.4: below what the peer expects, so that it must answer,
      // and without text (SHLD-12).
      return keepalive.isDue
        ? SegmentPlan(sequence: send.next - 1, flags: .acknowledgement) : nil
    }
    return SegmentPlan(sequence: sequenceWithoutText(), flags: .acknowledgement)
  }

  /// Where an acknowledgement or a reset stands: behind all that was sent, lost
  /// or not, as a peer that has got more drops what stands behind its RCV.NXT,
  /// and two such peers would never hear of each other again. But not beyond
  /// the window, as a probe of a shut one does: it would be dropped too.
  @_addressableSelf
  private func sequenceWithoutText() -> SequenceNumber {
    // The SYN takes a number, and none of the window.
    let isSYNUnacknowledged = send.unacknowledged == send.initial
    let edge =
      send.unacknowledged + (isSYNUnacknowledged ? 1 : 0) + send.window
    return edge < send.next ? edge : send.next
  }

  /// Text that is to be sent without a gap.
  struct Text {
    /// Where it begins: at the first that is lost, else at SND.NXT.
    var start: SequenceNumber
    /// Its bytes in the send buffer; zero where only the FIN is.
    var count: Int
  }

  /// Whether something is to go again before anything new.
  @_addressableSelf
  private func sendsLost() -> Bool {
    flight.hasLost && !recovery.spuriousTimeout.sendsNew
  }

  /// What is to be sent next: what is lost before what is new. Of what is lost
  /// no more is looked for than `most`.
  @_addressableSelf
  func nextText(most: Int) -> Text {
    let end = dataEnd()
    guard sendsLost() else {
      return Text(start: send.next, count: max(0, end - send.next))
    }
    let (start, length) = flight.lostRun(most: most)
    // Up to SND.NXT all is lost: what is new follows at once.
    let isAll = start + length == send.next && !recovery.owesRetransmission
    return Text(
      start: start,
      count: max(0, isAll ? end - start : min(length, end - start))
    )
  }

  @_addressableSelf
  private func nextData() -> SegmentPlan? {
    if let probe = tailProbe() { return probe }
    // Mostly everything that was written is sent.
    if fin == nil, send.next - send.unacknowledged == sendBuffer.count,
      !flight.hasLost
    {
      return nil
    }
    let full = fullSegment()
    let text = nextText(most: full)
    let kind = sendsLost() ? SegmentPlan.Kind.retransmission : .new
    if recovery.owesRetransmission, flight.hasLost {
      return dataPlan(kind, at: text.start, min(text.count, full))
    }
    guard kind == .retransmission || !flight.isFull else { return nil }
    if text.count > 0 {
      let payload = sendableBytes(of: text)
      if payload > 0 { return dataPlan(kind, at: text.start, payload) }
      guard owesProbe else { return nil }
      // RFC 9293 §3.8.6.2.1, rule (4): what a small window takes; §3.8.6.1:
      // one byte when it takes nothing.
      let usable = min(usableWindow(from: text.start), text.count, full)
      return usable > 0
        ? dataPlan(kind, at: text.start, usable)
        : dataPlan(.probe, at: text.start, 1)
    }
    // A FIN alone does not wait for the window: a shut one may never open when
    // no data wants it. It waits for what is under way in front of it.
    if let fin, text.start == fin,
      usableWindow(from: fin) > 0 || fin == send.unacknowledged
    {
      return dataPlan(kind, at: fin, 0)
    }
    return nil
  }

  /// What is to go to a device with these capabilities next: one segment, or
  /// several that it cuts.
  @_addressableSelf
  func nextPacket(_ capabilities: LinkCapabilities) -> SegmentPlan? {
    guard let segment = nextSegment() else { return nil }
    var plan = extended(segment, capabilities)
    plan.needsMemory = !flight.hasMemory && plan.length > 0
    return plan
  }

  /// `plan` with as many full segments behind it as the windows let go and a
  /// device with these capabilities cuts.
  ///
  /// What goes, and when, is the same as with one segment at a time: the small
  /// rest of what was written is added where it would have followed at once. One
  /// with CWR stays alone, as a device may leave the flag in all that it cuts,
  /// and so does one that is to show whether the way carries it.
  @_addressableSelf
  private func extended(
    _ plan: SegmentPlan,
    _ capabilities: LinkCapabilities
  ) -> SegmentPlan {
    let full = fullSegment()
    guard plan.kind == .new || plan.kind == .retransmission,
      plan.payload == full, !recovery.owesRetransmission,
      !recovery.tailProbe.isOwed, !marking.owesReduced,
      path.search != .due,
      // A device that cuts does not know that the pointer counts from each.
      urgent.pointer(at: plan.sequence) == nil
    else { return plan }
    let largest = capabilities.largestPayload(
      behind: remote.address.internetHeaderSize + TCPHeader.minimumLength
        + textOptionsLength()
    )
    guard largest > full else { return plan }
    let text = nextText(most: largest)
    let most = min(largest, text.count, usableWindow(from: plan.sequence))
    let whole = most - most % full
    // RFC 9293 §3.7.4, Nagle, as in `sendableBytes`.
    let mayBeSmall =
      small.mayGo(acknowledged: send.unacknowledged) || fin != nil
      || plan.sequence + whole < send.next
    let payload = most == text.count && mayBeSmall ? most : whole
    return dataPlan(plan.kind, at: plan.sequence, payload)
  }

  @_addressableSelf
  func dataPlan(
    _ kind: SegmentPlan.Kind,
    at sequence: SequenceNumber,
    _ payload: Int
  ) -> SegmentPlan {
    var plan = SegmentPlan(
      kind: kind,
      sequence: sequence,
      payload: payload,
      flags: .acknowledgement
    )
    let isLast = sequence + payload == dataEnd()
    // RFC 9293 §3.9.1.2 (MUST-60): PSH on the last of what was written.
    if isLast, payload > 0 { plan.flags.insert(.push) }
    if isLast, takesFIN(along: kind, at: sequence) { plan.flags.insert(.fin) }
    return plan
  }

  /// Whether our FIN goes with the last of the text. Once it was sent it stands
  /// in the last record, perhaps one of its own, and goes again when that does;
  /// what goes again as a probe, of a shut window or for what was sent last, has
  /// nothing that was not sent: it makes no record.
  @_addressableSelf
  private func takesFIN(
    along kind: SegmentPlan.Kind,
    at sequence: SequenceNumber
  ) -> Bool {
    guard let fin else { return false }
    let wasSent = fin < send.next
    return switch kind {
    case .new: true
    case .probe: wasSent || sequence == send.next
    case .retransmission: !wasSent || flight.isLastLost
    case .tailProbe: wasSent
    }
  }

  /// U of RFC 9293 §3.8.6.2.1 for what is sent from `start` on, bounded by what
  /// may be under way, too. Not positive when the peer took its window back.
  @_addressableSelf
  private func usableWindow(from start: SequenceNumber) -> Int {
    min(
      send.window - (start - send.unacknowledged),
      recovery.limit(congestionWindow) - pipe()
    )
  }

  /// How many bytes of `text` the windows and the rules against small segments
  /// let go now; zero to wait.
  @_addressableSelf
  func sendableBytes(of text: Text) -> Int {
    let full = fullSegment()
    let payload = min(text.count, usableWindow(from: text.start), full)
    guard payload > 0 else { return 0 }
    // RFC 9293 §3.8.6.2.1, rule (1): a full segment.
    if payload == full { return payload }
    // RFC 9293 §3.7.4, Nagle: a small one only when no other is
    // unacknowledged. One that was sent before, or is the last before the
    // FIN, does not wait for company that cannot come.
    let mayBeSmall =
      small.mayGo(acknowledged: send.unacknowledged)
      || text.start < send.next || fin != nil
    guard mayBeSmall else { return 0 }
    // Rule (2): all there is. Rule (3): a good part of the largest window.
    return payload == text.count || 2 * payload >= send.maximumWindow
      ? payload : 0
  }

  /// `plan` has been made a segment: note what that changes.
  mutating func sent(
    _ plan: SegmentPlan,
    at now: Instant,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters
  ) {
    let full = fullSegment()
    counters.segmentsSent &+= UInt64(plan.segmentCount(of: full))
    if plan.flags.contains(.reset) {
      owesReset = false
      counters.resetsSent &+= 1
      return
    }
    if plan.flags.contains(.acknowledgement) {
      noteAcknowledgement(in: plan)
    }
    guard plan.length > 0 else { return }
    let end = plan.sequence + plan.length
    if path.search != .none { searched(plan) }
    let isProbe = plan.kind == .probe
    let isOwedProbe = recovery.tailProbe.isOwed
    if isProbe {
      counters.windowProbes &+= 1
    } else if plan.sequence < send.next {
      // RFC 6298 §3, Karn's algorithm.
      roundTrip.retransmitted()
      let old = min(plan.payload, send.next - plan.sequence)
      let segments = max((old + full - 1) / full, 1)
      retransmissions &+= UInt32(segments)
      counters.segmentsRetransmitted &+= UInt64(segments)
      if plan.kind == .tailProbe {
        flight.probed(
          from: plan.sequence,
          limit: limits.value.flightRecords,
          at: now
        )
      } else {
        recovery.undo.sentAgain(segments)
        flight.sentAgain(to: end, limit: limits.value.flightRecords, at: now)
      }
      recovery.owesRetransmission = false
    } else {
      roundTrip.sent(upTo: end, at: now)
    }
    small.sent(plan.payload, full: full, upTo: end)
    let newBytes = plan.sequence + plan.payload - send.next
    if plan.payload > 0, newBytes > 0 {
      counters.bytesSent &+= UInt64(newBytes)
    }
    if plan.sequence == send.next {
      // A probe is beyond the window: it is not taken, and goes again.
      flight.sent(
        from: plan.sequence,
        to: end,
        isLost: isProbe,
        limit: limits.value.flightRecords,
        at: now
      )
    }
    owesProbe = false
    let isNew = end > send.next
    send.next = SequenceNumber.later(send.next, end)
    lastSent = now
    guard !isProbe else { return }
    if isOwedProbe {
      counters.tailLossProbes &+= 1
      recovery.tailProbe.sent(next: send.next, isRetransmission: !isNew)
    } else if isNew {
      recovery.tailProbe.wantsTimer = true
    }
    if recovery.isRecovering { recovery.reduction.sent(plan.length) }
    if recovery.limit(congestionWindow) - pipe() < full {
      congestionWindow.filled(next: send.next)
    }
  }
}
