/// What became of packets, told from what was counted meanwhile.
extension StackCounters {
  /// Calls `body` for each reason to drop a packet that was counted since
  /// `earlier`, with its name and how often.
  public func forEachDrop(
    since earlier: StackCounters,
    _ body: (StaticString, UInt64) -> Void
  ) {
    for reason in DropReason.allCases where self[reason] != earlier[reason] {
      body(reason.name, self[reason] &- earlier[reason])
    }
  }

  /// Calls `body` for each thing that TCP has counted since `earlier`, beside
  /// what counts when all is well, with its name and by how much. TCP counts
  /// segments that it drops, parts of segments, and what it learns of a path.
  public func forEachRemarkOfTCP(
    since earlier: StackCounters,
    _ body: (StaticString, UInt64) -> Void
  ) {
    let now = tcp.remarks
    guard now != earlier.tcp.remarks else { return }
    let before = earlier.tcp.remarks.list
    for (index, (name, value)) in now.list.enumerated()
    where value != before[index].value {
      body(name, value &- before[index].value)
    }
  }
}

extension TCPCounters {
  /// The counters without those that count when all is well.
  fileprivate var remarks: TCPCounters {
    var remarks = self
    remarks.segmentsReceived = 0
    remarks.segmentsSent = 0
    remarks.bytesReceived = 0
    remarks.bytesSent = 0
    remarks.connectionsOpened = 0
    remarks.connectionsAccepted = 0
    remarks.delayedAcknowledgements = 0
    remarks.timeWaitReopened = 0
    // Questions to a peer that takes its time, as it may. What goes again with
    // them, and what is not answered, counts beside them.
    remarks.tailLossProbes = 0
    remarks.windowProbes = 0
    remarks.keepaliveProbes = 0
    // The packet itself says so.
    remarks.resetsSent = 0
    remarks.bytesCopied = 0
    return remarks
  }

  /// All counters, in a fixed order.
  fileprivate var list: [(name: StaticString, value: UInt64)] {
    var list: [(name: StaticString, value: UInt64)] = []
    forEach { list.append(($0, $1)) }
    return list
  }
}
