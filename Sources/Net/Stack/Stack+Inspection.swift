import Packets

/// What can be seen of the stack from outside.
extension Stack {
  /// All about the next connection from `position` on, half-open and closing
  /// ones included, or `nil` behind the last; `position` is then behind it. 0
  /// is before the first.
  ///
  /// Nothing is held between two calls, however long they lie apart: a
  /// connection that is there all the time is seen once, or twice if it goes
  /// into TIME-WAIT meanwhile; one that comes or goes once or not at all.
  public func nextConnection(from position: inout Int) -> TCPInformation? {
    // Negative is the table of those in TIME-WAIT, which follows the slots,
    // whose number may grow between two calls.
    while position >= 0 {
      let index = position
      guard index < tcp.slots.count else {
        position = ~0
        break
      }
      position += 1
      if tcp.slots[index].isUsed, tcp.slots[index].isInTable {
        return tcp.slots[index].connection.information
      }
    }
    var index = ~position
    let record = tcp.timeWait.next(from: &index)
    position = ~index
    return record.map { TCPInformation($0) }
  }

  /// The memory of what apps have written and peers have not acknowledged, in
  /// bytes.
  public var sendMemoryInUse: Int { tcp.blocks.memoryInUse }

  /// The packets of the stack's pool that somebody holds.
  public var packetsInUse: Int { pool.inUse }
}

extension TCPInformation {
  /// Of a connection in TIME-WAIT, where all is sent and all is read.
  fileprivate init(_ record: TimeWaitTable.Record) {
    self.init(
      state: .timeWait,
      local: record.local,
      remote: record.remote,
      maximumSegmentSize: 0,
      sendWindow: 0,
      receiveWindow: Int(record.state.window) << Int(record.state.windowShift),
      congestionWindow: 0,
      slowStartThreshold: 0,
      bytesInFlight: 0,
      bytesToSend: 0,
      bytesToRead: 0,
      softError: nil,
      urgentBytes: 0,
      smoothedRoundTripTime: nil,
      roundTripVariation: .zero,
      retransmissionTimeout: .zero,
      retransmissions: 0,
      hasTimestamps: record.state.hasTimestamps,
      hasSelectiveAcknowledgements: false,
      hasCongestionMarks: false
    )
  }
}
