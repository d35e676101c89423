import Packets

/// Frames without interrupts, without a loop and without allocation: for a
/// debugger, or for the last words of a system that has crashed.
///
/// The calls need nothing but the device and packets. The loop may have stopped
/// anywhere between two calls to the device: what it had posted is finished
/// first, what it had not taken yet comes first. They do not ask for interrupts
/// and leave alone whether the loop did; when it goes on, it goes on as if it
/// had made the calls itself.
///
/// For a crash: keep a packet of a pool of its own aside, write the report into
/// it, and give it to ``transmitPolled(_:)``. What the device's own memory or
/// rings have suffered shows as `false`, never as a wait without end.
extension NetworkDevice {
  /// Sends `frame` and waits until the device has given it back, and with it
  /// all that waited before it on the same queue.
  ///
  /// - Precondition: As for ``transmit(_:)``, except that there need be no room
  ///   yet.
  /// - Returns: Whether it has; `false` when it is broken or took longer
  ///   than ``VirtioLimits/polledReads`` reads of its status.
  public mutating func transmitPolled(
    _ frame: consuming PacketBuffer
  ) -> Bool {
    let pair = Self.pair(for: frame, of: pairsInUse)
    var readsLeft = settings.polledReads
    // What was posted and not shown yet is what may fill the ring.
    flush()
    while !hasRoom(pair) {
      guard canGoOn(pair, &readsLeft) else {
        counters.transmitPolledLost &+= 1
        return false
      }
      reclaim()
    }
    // Nothing that transmit() would drop has been sent.
    let isAgreed = features.isSuperset(of: PacketHeader.needs(frame))
    transmit(frame)
    flush()
    reclaim()
    while pairs[pair].transmit.inFlightCount > 0 {
      guard canGoOn(pair, &readsLeft) else {
        counters.transmitPolledLost &+= 1
        return false
      }
      reclaim()
    }
    return isAgreed && !pairs[pair].isBroken
  }

  /// The next frame, waited for.
  ///
  /// - Parameter reads: How often the device's status is read meanwhile, each
  ///   an exit of a microsecond or more.
  /// - Returns: `nil` when none came, or the device is broken.
  public mutating func receivePolled(reads: Int) -> PacketBuffer? {
    var readsLeft = reads
    while true {
      // First of all, or a steady flow would use up the buffers.
      refill()
      flush()
      if let frame = receive() { return frame }
      guard canGoOn(nil, &readsLeft) else { return nil }
    }
  }

  /// Whether waiting makes sense: reads the status once more.
  private func canGoOn(_ pair: Int?, _ readsLeft: inout Int) -> Bool {
    guard readsLeft > 0, !isBroken else { return false }
    readsLeft -= 1
    return !transport.status.contains(.needsReset)
  }
}
