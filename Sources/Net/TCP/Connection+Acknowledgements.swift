import Packets

/// The sender: what an acknowledgement tells it.
extension Connection {
  /// SEG.ACK is new: SND.UNA < SEG.ACK =< SND.NXT, in a synchronized state.
  mutating func acknowledged(upTo number: SequenceNumber, at now: Instant) {
    let bytes = min(number - send.unacknowledged, sendBuffer.count)
    sendBuffer.removeFirst(bytes)
    send.unacknowledged = number
    send.next = SequenceNumber.later(send.next, number)
    roundTrip.acknowledged(upTo: number, at: now)
    owesRetransmission = false
    softError = nil
    timer.answered(at: now)
    let advice = congestion.acknowledged(
      bytes,
      upTo: number,
      inFlight: send.inFlight
    )
    // RFC 6298 §5.3; but in recovery for the first step only, so that a long
    // one ends with the timeout. RFC 6582 §4.
    if advice != .retransmit, timer.isRunning {
      timer.restart(for: roundTrip.timeout, at: now)
    }
    if advice != .none, send.inFlight > 0 { owesRetransmission = true }
    // A quarter of the buffer, so that the app is not woken for every segment.
    if wantsToWrite, sendBuffer.available >= sendBuffer.limit / 4 {
      wantsToWrite = false
      changes.insert(.writable)
    }
  }

  /// SEG.ACK is SND.UNA. `isWindowNew` when the segment changed the window.
  mutating func acknowledgedAgain(
    by segment: TCPHeader,
    payload: Int,
    isWindowNew: Bool,
    counters: inout TCPCounters
  ) {
    // RFC 5681 §2: a duplicate is one that says nothing else while data is
    // under way. Answers to probes of a shut window are none.
    guard payload == 0, !segment.flags.contains(.fin), !isWindowNew,
      send.next != send.unacknowledged
    else { return }
    counters.duplicateAcknowledgements &+= 1
    let isLoss = congestion.duplicate(
      of: segment.acknowledgementNumber,
      inFlight: send.inFlight,
      next: send.highest
    )
    guard isLoss else { return }
    owesRetransmission = true
    counters.fastRetransmissions &+= 1
  }

  /// The peer answered something acceptable. RFC 9293 §3.8.6.1: one that
  /// answers with a shut window is alive, and the connection stays; unless no
  /// app is left that waits for it.
  mutating func answered(at now: Instant) {
    if send.window == 0, !isReleased { timer.answered(at: now) }
  }
}
