import Packets

/// The parts of the receiver and of the calls that are files of their own, and
/// where the connection asks them.
extension Connection {
  /// How many bytes the app has read: the number of the next.
  @_addressableSelf
  func readNext() -> SequenceNumber {
    let received = receive.isFinished ? receive.next - 1 : receive.next
    return received - receiveQueue.byteCount
  }

  /// The sixth check, the URG bit.
  mutating func urgentArrives(_ segment: TCPHeader) {
    guard segment.flags.contains(.urgent) else { return }
    switch state {
    case .established, .finWait1, .finWait2:
      let pointer = segment.sequenceNumber + Int(segment.urgentPointer)
      if urgent.arrived(pointer, read: readNext()) { changes.insert(.urgent) }
    default:
      // RFC 9293 §3.10.7.4: the peer has sent its FIN.
      break
    }
  }

  /// The app has read `count` bytes: whether the buffer is to be larger.
  mutating func tuneReceiveBuffer(
    read count: Int,
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    receive.capacity = tuning.read(
      count,
      capacity: receive.capacity,
      roundTrip: roundTrip.smoothed,
      largest: limits.value.receiveBuffer,
      at: now
    )
  }

  /// A segment came that is the peer's beyond doubt: it is there, and what
  /// waited for it to say so waits no more.
  mutating func heard(at now: Instant) {
    keepalive.heard(at: now)
    urgent.acknowledged(upTo: send.unacknowledged)
  }

  // MARK: Time

  /// When ``pollReceiver(at:counters:)`` has something to do, or
  /// ``Instant/never``.
  @_addressableSelf
  @inline(__always)
  func receiverDeadline() -> Instant {
    guard keepalive.isOn, isKeptAlive(), let other = keepalive.deadline else {
      return small.next
    }
    return min(small.next, other)
  }

  /// RFC 9293 §3.8.4: a connection that both ends know.
  @_addressableSelf
  private func isKeptAlive() -> Bool {
    switch state {
    case .established, .finWait1, .finWait2, .closeWait: true
    default: false
    }
  }

  /// Does what the deadlines of cork and keepalive ask for.
  mutating func pollReceiver(
    at now: Instant,
    counters: inout TCPCounters
  ) {
    small.poll(at: now)
    guard isKeptAlive() else { return }
    // RFC 9293 §3.8.4 (MUST-26): what is under way asks by itself, and its
    // timeout tells.
    if send.inFlight > 0 || !sendBuffer.isEmpty {
      if let deadline = keepalive.deadline, deadline <= now {
        keepalive.heard(at: now)
      }
      return
    }
    switch keepalive.poll(at: now) {
    case .none: break
    case .probe: counters.keepaliveProbes &+= 1
    case .giveUp:
      counters.connectionsTimedOut &+= 1
      reset(softError ?? .timedOut)
    }
  }

  /// How long the peer may leave something unanswered: R2 of RFC 9293 §3.8.3.
  func giveUpTime(_ limits: borrowing Constant<TCPLimits>) -> Interval {
    // MUST-21: the app's word first.
    if userTimeout > 0 { return .milliseconds(Int64(userTimeout)) }
    return switch state {
    case .synSent: limits.value.giveUpConnecting
    case .synReceived where isPassive: limits.value.giveUpAccepting
    default: limits.value.giveUp
    }
  }
}
