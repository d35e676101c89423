import Packets

/// Where a connection is to be found.
extension Connection {
  /// What the lists and tables of ``TCP`` go by, read at once.
  struct Filing {
    var state: TCPState
    /// The listener whose backlog it counts to.
    var listener: UInt32?
    var isHalfOpen: Bool
    var isReleased: Bool
    /// It has a segment to send; or it is known to want to, and had one.
    var wantsToSend: Bool
    /// There is something to tell the app.
    var hasChanges: Bool
    /// It has memory for records of what is in flight, and nothing is.
    var hasIdleRecords: Bool
    /// It has a record for what came early, and nothing is in it.
    var hasIdleEarly: Bool
    var deadline: Instant?
  }

  @_addressableSelf
  @inline(__always)
  func filing(isSending: Bool) -> Filing {
    // Whoever is to be asked for a segment anyway need not be asked twice;
    // unless it is to go, once it has none.
    let isKnown = isSending && state != .closed && state != .timeWait
    return Filing(
      state: state,
      listener: listener?.index,
      isHalfOpen: state == .synReceived && listener != nil,
      isReleased: isReleased,
      wantsToSend: isKnown || nextSegment() != nil,
      hasChanges: !changes.isEmpty,
      hasIdleRecords: flight.hasMemory && flight.isEmpty,
      hasIdleEarly: early.isPresent && early.value.isEmpty,
      deadline: deadline()
    )
  }
}
