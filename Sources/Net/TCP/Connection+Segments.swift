import Packets

/// What is to be sent next, decided without sending it.
struct SegmentPlan {
  enum Kind {
    /// At SND.NXT, which moves on.
    case atNext
    /// The first unacknowledged segment again; SND.NXT stays.
    case first
    /// Beyond the window; SND.NXT stays.
    case probe
  }

  var kind = Kind.atNext
  var sequence: SequenceNumber
  /// Bytes of the send buffer.
  var payload = 0
  var flags: TCPHeader.Flags

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
      return send.next == send.initial
        ? SegmentPlan(sequence: send.next, flags: .syn) : nil
    case .synReceived:
      return send.next == send.initial
        ? SegmentPlan(sequence: send.next, flags: [.syn, .acknowledgement])
        : nextAcknowledgement()
    case .established, .closeWait, .finWait1, .closing, .lastAck:
      return nextData() ?? nextAcknowledgement()
    case .finWait2, .timeWait:
      return nextAcknowledgement()
    }
  }

  @_addressableSelf
  private func nextAcknowledgement() -> SegmentPlan? {
    guard acknowledgement.isDue else { return nil }
    return SegmentPlan(sequence: sequenceWithoutText(), flags: .acknowledgement)
  }

  /// Where an acknowledgement or a reset stands: behind all that was sent, and
  /// not at SND.NXT, which a timeout may have taken back: a peer that has got
  /// more drops what stands behind its RCV.NXT, and two such peers would never
  /// hear of each other again. But not beyond the window, as a probe of a shut
  /// one does: it would be dropped too.
  @_addressableSelf
  private func sequenceWithoutText() -> SequenceNumber {
    // The SYN takes a number, and none of the window.
    let first = send.initial + 1
    let edge =
      (send.unacknowledged < first ? first : send.unacknowledged)
      + send.window
    return edge < send.highest ? edge : send.highest
  }

  @_addressableSelf
  private func nextData() -> SegmentPlan? {
    if owesRetransmission {
      let payload = min(fullSegment(), sendBuffer.count, send.inFlight)
      return dataPlan(.first, at: send.unacknowledged, payload)
    }
    let unsent = unsentBytes()
    if unsent > 0 {
      let payload = sendableBytes()
      if payload > 0 { return dataPlan(.atNext, at: send.next, payload) }
      guard owesProbe else { return nil }
      // RFC 9293 §3.8.6.2.1, rule (4): what a small window takes; §3.8.6.1:
      // one byte when it takes nothing.
      let usable = min(usableWindow(), unsent, fullSegment())
      return usable > 0
        ? dataPlan(.atNext, at: send.next, usable)
        : dataPlan(.probe, at: send.next, 1)
    }
    // A FIN alone does not wait for the window: a shut one may never open when
    // no data wants it. It waits for what is under way in front of it.
    if let fin, send.next == fin,
      usableWindow() > 0 || send.next == send.unacknowledged
    {
      return dataPlan(.atNext, at: fin, 0)
    }
    return nil
  }

  /// `plan` with as many full segments behind it as the windows let go and a
  /// device with these capabilities cuts.
  ///
  /// What goes, and when, is the same as with one segment at a time: the small
  /// rest of what was written is added where it would have followed at once.
  @_addressableSelf
  func extended(
    _ plan: SegmentPlan,
    _ capabilities: LinkCapabilities
  ) -> SegmentPlan {
    let full = fullSegment()
    guard plan.kind == .atNext, plan.payload == full else { return plan }
    let largest = capabilities.largestPayload(
      behind: remote.address.internetHeaderSize + TCPHeader.minimumLength
        + options(for: plan.flags).length
    )
    guard largest > full else { return plan }
    let unsent = unsentBytes()
    let most = min(largest, unsent, usableWindow())
    let whole = most - most % full
    // RFC 9293 §3.7.4, Nagle, as in `sendableBytes`: behind others under way.
    let mayBeSmall =
      noDelay || fin != nil || send.next + whole < send.highest
    let payload = most == unsent && mayBeSmall ? most : whole
    return dataPlan(.atNext, at: plan.sequence, payload)
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
    if isLast, fin != nil { plan.flags.insert(.fin) }
    return plan
  }

  /// Bytes of the send buffer from SND.NXT on.
  @_addressableSelf
  func unsentBytes() -> Int { max(0, dataEnd() - send.next) }

  /// U of RFC 9293 §3.8.6.2.1, bounded by cwnd too: how much more may be
  /// unacknowledged. Not positive when the peer took its window back.
  @_addressableSelf
  private func usableWindow() -> Int {
    min(send.window, congestion.window) - (send.next - send.unacknowledged)
  }

  /// How many bytes the windows and the rules against small segments let go
  /// now; zero to wait.
  @_addressableSelf
  func sendableBytes() -> Int {
    let unsent = unsentBytes()
    let full = fullSegment()
    let payload = min(unsent, usableWindow(), full)
    guard payload > 0 else { return 0 }
    // RFC 9293 §3.8.6.2.1, rule (1): a full segment.
    if payload == full { return payload }
    // RFC 9293 §3.7.4, Nagle: a small one only when nothing is
    // unacknowledged. One that was sent before, or is the last before the
    // FIN, does not wait for company that cannot come.
    let mayBeSmall =
      noDelay || send.next == send.unacknowledged
      || send.next < send.highest || fin != nil
    guard mayBeSmall else { return 0 }
    // Rule (2): all there is. Rule (3): a good part of the largest window.
    return payload == unsent || 2 * payload >= send.maximumWindow
      ? payload : 0
  }

  /// `plan` has been made a segment: note what that changes.
  mutating func sent(
    _ plan: SegmentPlan,
    at now: Instant,
    counters: inout TCPCounters
  ) {
    let full = fullSegment()
    counters.segmentsSent &+= UInt64(plan.segmentCount(of: full))
    if plan.flags.contains(.reset) {
      owesReset = false
      counters.resetsSent &+= 1
      return
    }
    if plan.flags.contains(.acknowledgement) { acknowledgement.done() }
    guard plan.length > 0 else { return }
    let end = plan.sequence + plan.length
    if plan.kind == .probe {
      counters.windowProbes &+= 1
    } else if plan.sequence < send.highest {
      // RFC 6298 §3, Karn's algorithm.
      roundTrip.retransmitted()
      let old = min(plan.payload, max(send.highest - plan.sequence, 0))
      let segments = max((old + full - 1) / full, 1)
      retransmissions &+= UInt64(segments)
      counters.segmentsRetransmitted &+= UInt64(segments)
    } else {
      roundTrip.sent(upTo: end, at: now)
    }
    let newBytes = plan.sequence + plan.payload - send.highest
    if plan.payload > 0, newBytes > 0 {
      counters.bytesSent &+= UInt64(newBytes)
    }
    switch plan.kind {
    case .atNext: send.next = end
    case .first:
      owesRetransmission = false
      send.next = SequenceNumber.later(send.next, end)
    case .probe: break
    }
    owesProbe = false
    send.highest = SequenceNumber.later(send.highest, end)
    lastSent = now
  }
}
