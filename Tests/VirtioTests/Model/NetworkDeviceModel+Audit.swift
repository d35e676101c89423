/// With whom the buffers are. VIRTIO 1.2 §2.6: a buffer is the device's from
/// when it is made available until it is used.
extension NetworkDeviceModel {
  /// What is wrong with the bookkeeping.
  enum AuditFault: Equatable {
    /// Chains came that neither went back nor are there.
    case lost(queue: Int, count: Int)
    /// The same writable bytes are in two chains.
    case shared(UInt64)
    /// A chain has memory that devices do not reach any more.
    case unreachable(queue: Int, head: UInt16)
  }

  /// How many chains a queue's device side has.
  func chainsInFlight(_ queue: Int) -> Int { queues[queue].inFlight.count }

  /// Where bytes are that the driver must leave alone: sorted, and apart.
  var bytesWithDevice: [Range<UInt64>] {
    queues.flatMap { $0.inFlight.flatMap(\.parts) }
      .map { $0.address..<$0.address + UInt64($0.length) }
      .sorted { $0.lowerBound < $1.lowerBound }
  }

  /// Checks that each buffer is with one side only, and that none is lost.
  /// Call it at any time.
  func auditBuffers() -> [AuditFault] {
    var faults: [AuditFault] = []
    for (index, queue) in queues.enumerated() {
      let missing = queue.countSeen - queue.countUsed - queue.inFlight.count
      if missing != 0 { faults.append(.lost(queue: index, count: missing)) }
      for chain in queue.inFlight {
        let isReached = chain.parts.allSatisfy {
          memory.contains($0.address, $0.length)
        }
        if !isReached {
          faults.append(.unreachable(queue: index, head: chain.head))
        }
      }
    }
    let parts = queues.flatMap { $0.inFlight.flatMap(\.parts) }
      .sorted { $0.address < $1.address }
    var end: UInt64 = 0
    var writableEnd: UInt64 = 0
    for part in parts {
      if part.address < (part.isWritable ? end : writableEnd) {
        faults.append(.shared(part.address))
      }
      let partEnd = part.address + UInt64(part.length)
      end = max(end, partEnd)
      if part.isWritable { writableEnd = max(writableEnd, partEnd) }
    }
    return faults
  }
}
