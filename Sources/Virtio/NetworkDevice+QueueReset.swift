import Packets

/// A reset of one queue, while the others go on. VIRTIO 1.2 §2.6.1.
extension NetworkDevice {
  /// Which queue of a pair.
  public enum QueueDirection: Sendable {
    /// The one that is received from.
    case receive
    /// The one that is sent on.
    case transmit
  }

  /// Takes the queue of `pair` back from the device and gives it a new one of
  /// `size` descriptors instead, or as many as it allows. Packets that the
  /// device held return to their pools: frames to send are lost, and received
  /// ones that were not taken yet; both are counted.
  ///
  /// - Precondition: There is such a pair.
  /// - Throws: `unsupported` where RING_RESET was not agreed on, `badQueue` for
  ///   a size that such a queue cannot have, or that has no room for a packet
  ///   of ``mostFragments``: then nothing has happened. `resetFailed`,
  ///   `badQueue` or `noVector` when the device does not do its part: then it
  ///   ``isBroken``.
  public mutating func resetQueue(
    pair: Int,
    _ direction: QueueDirection,
    size: UInt16
  ) throws(VirtioError) {
    precondition(pair >= 0 && pair < pairs.count)
    guard features.contains(.ringReset), transport.canResetQueues else {
      throw VirtioError.unsupported
    }
    let format = QueueFormat(features)
    guard Virtqueue.isPossible(size, format),
      Int(size) >= smallestQueue(direction)
    else { throw VirtioError.badQueue }
    counters.queueResets &+= 1
    // What was sent was sent.
    reclaim()
    try pairs[pair].renew(
      direction == .receive,
      size,
      fewest: smallestQueue(direction),
      on: transport,
      settings
    )
    refill()
    flush()
  }

  /// §2.7.5.3.1: a table is no longer than its queue.
  private func smallestQueue(_ direction: QueueDirection) -> Int {
    guard direction == .transmit else {
      return plan.fewestBuffers(features) * (splitsHeader ? 2 : 1)
    }
    let table = features.contains(.indirectDesc) ? mostFragments + 2 : 0
    return max(descriptorsPerFrame, table)
  }
}
