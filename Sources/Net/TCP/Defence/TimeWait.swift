/// What is left of a connection that both ends have closed: enough to answer
/// who missed the last acknowledgement, and to know the segments of a later
/// connection of the same two ends from those of this one. RFC 9293 §3.6.1.
struct TimeWait: Equatable {
  /// SND.NXT, behind our FIN.
  var sendNext: SequenceNumber
  /// RCV.NXT, behind the peer's.
  var receiveNext: SequenceNumber
  /// What the clock of these two ends is ahead of the machine's.
  var clockOffset: UInt32
  /// TS.Recent; means something while there are timestamps.
  var recent: UInt32
  /// The field of the last window that was offered, and what it is shifted by.
  var window: UInt16
  var windowShift: UInt8
  var hasTimestamps: Bool
  /// The peer has said with a reset that it knows nothing of the connection.
  var isDisowned = false

  /// What a segment asks for.
  enum Verdict: Equatable {
    /// Nothing.
    case ignore
    /// Where we stand, as the peer has missed it.
    case acknowledge
    /// The same, and TIME-WAIT begins anew.
    case acknowledgeAndRestart
    /// The same, as often as the limit lets it: it could be an attack.
    case challenge
    /// Nothing but to know that the peer has no such connection.
    case disown
    /// The end of TIME-WAIT, and a new connection.
    case reopen
  }

  /// RFC 9293 §3.10.7.4, in TIME-WAIT.
  func segmentArrives(_ segment: TCPHeader, payload: Int) -> Verdict {
    let flags = segment.flags
    // RFC 1337 §3, fix F1: a reset does not end TIME-WAIT, as with it goes who
    // knows old segments for old. But one that stands as RFC 5961 §3.2 asks is
    // the peer's, in answer to an acknowledgement of ours.
    if flags.contains(.reset) {
      return segment.sequenceNumber == receiveNext ? .disown : .ignore
    }
    if flags.contains(.syn) {
      let isFirst = !flags.contains(.acknowledgement)
      return isFirst && begins(segment) ? .reopen : .challenge
    }
    // RFC 7323 §5.3, R1.
    if hasTimestamps, let timestamp = segment.options.timestamp,
      Int32(bitPattern: timestamp.value &- recent) < 0
    {
      return .challenge
    }
    let end = segment.sequenceNumber + payload
    if flags.contains(.fin) {
      // The eighth check: the peer's FIN again, so ours of the last
      // acknowledgement was lost.
      return end + 1 == receiveNext ? .acknowledgeAndRestart : .challenge
    }
    let edge = receiveNext + max(Int(window) << Int(windowShift), 1)
    let isWithin =
      segment.sequenceNumber >= receiveNext && segment.sequenceNumber < edge
    if payload > 0 { return isWithin ? .ignore : .challenge }
    let isPossible =
      flags.contains(.acknowledgement)
      && segment.acknowledgementNumber <= sendNext
    return isWithin && isPossible ? .ignore : .challenge
  }

  /// Whether the SYN is of a new connection, and no old duplicate. RFC 6191 §2.
  ///
  /// What is older by its numbers is not, unless the peer has said that it has
  /// no such connection: its clock began anew, or another stands behind its
  /// address now. RFC 9293 §3.10.7.3 has it answer our challenge with a reset;
  /// then its SYN, sent again, begins.
  func begins(_ syn: TCPHeader) -> Bool {
    if isDisowned { return true }
    let isBeyond = syn.sequenceNumber > receiveNext
    guard let timestamp = syn.options.timestamp else { return isBeyond }
    // The connection that was had none: what is old is known by that.
    guard hasTimestamps else { return true }
    let later = Int32(bitPattern: timestamp.value &- recent)
    return later > 0 || later == 0 && isBeyond
  }
}

extension Connection {
  /// What is left of it in TIME-WAIT.
  @_addressableSelf
  func leftInTimeWait() -> TimeWait {
    let step = 1 << Int(receive.windowShift)
    return TimeWait(
      sendNext: send.next,
      receiveNext: receive.next,
      clockOffset: timestamps.offset,
      recent: timestamps.recent,
      window: UInt16(clamping: (receive.window + step - 1) / step),
      windowShift: receive.windowShift,
      hasTimestamps: timestamps.isOn,
      isDisowned: isDisowned
    )
  }
}
