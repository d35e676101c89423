import Packets

/// Frames out. VIRTIO 1.2 §5.1.6.2.
extension NetworkDevice {
  /// Whether there is room for a frame. When there is not, the device is asked
  /// to interrupt once there is, at the next ``enableInterrupts()``.
  public mutating func canTransmit() -> Bool {
    // The flow decides on which pair a frame goes: each must have room.
    for pair in 0..<pairsInUse {
      guard !pairs[pair].isBroken else { return false }
      if hasRoom(pair) { continue }
      reclaim()
      if hasRoom(pair) { continue }
      counters.transmitRingFull &+= 1
      pairs[pair].sent.stalls &+= 1
      pairs[pair].wantsTransmitInterrupt = true
      return false
    }
    return true
  }

  /// Whether pair `index` has room for any frame.
  func hasRoom(_ index: Int) -> Bool {
    pairs[index].transmit.freeCount >= descriptorsPerFrame
  }

  /// The one of `count` pairs on which `frame` is sent.
  static func pair(for frame: borrowing PacketBuffer, of count: Int) -> Int {
    count == 1 ? 0 : FlowHash.queue(for: frame, of: count)
  }

  /// The tailroom that a frame with `fragments` needs for ``transmit(_:)``: its
  /// descriptors are written there.
  public static func tailroom(fragments: Int) -> Int {
    Virtqueue.tableSize(fragments: fragments)
  }

  /// Gives the device `frame`, which begins with its Ethernet header, to send.
  /// One that leaves to the device what it has not agreed to is dropped and
  /// counted.
  ///
  /// - Precondition: ``canTransmit()`` was true, and the frame has
  ///   ``headroom`` bytes before it, no more than ``mostFragments``, and with
  ///   them ``tailroom(fragments:)`` behind it.
  public mutating func transmit(_ frame: consuming PacketBuffer) {
    let fragments = frame.fragmentCount
    precondition(
      fragments == 0
        || fragments <= mostFragments
          && frame.tailroom >= Self.tailroom(fragments: fragments)
    )
    let pair = Self.pair(for: frame, of: pairsInUse)
    guard features.isSuperset(of: PacketHeader.needs(frame)) else {
      counters.transmitUnsupported &+= 1
      pairs[pair].sent.dropped &+= 1
      return
    }
    if let vlan = settings.vlan { vlan.put(into: &frame) }
    pairs[pair].sent.packets &+= 1
    pairs[pair].sent.bytes &+= UInt64(frame.totalCount)
    PacketHeader.prepend(size: headerSize, to: &frame)
    pairs[pair].transmit.post(
      frame,
      direction(deviceWrites: false),
      reachedBy: transport
    )
  }

  /// Takes back the packets that the device has sent. What it says of their
  /// lengths is not looked at: §5.1.6.1 has legacy devices write rubbish.
  public mutating func reclaim() {
    for index in pairs.indices {
      while pairs[index].transmit.takeUsed() != nil {
        pairs[index].completed &+= 1
      }
    }
  }

  /// Lets the device see what was posted, and notifies it if it wants that.
  public mutating func flush() {
    var isAnyWanted = false
    for index in pairs.indices {
      if pairs[index].receive.publish() {
        isAnyWanted = true
        if !spreadsByHash { notifyReceive(index) }
      }
      pairs[index].flushTransmit(transport, sendsData: sendsNotificationData)
    }
    // QEMU (7.2 has been seen to) reads a TAP queue for one receive queue,
    // and moves a frame to the one that its hash names. When that has no buffer,
    // the frame waits until the first is notified: all are, then. It asks for
    // notifications only of a queue that has run short.
    guard isAnyWanted, spreadsByHash else { return }
    for index in pairs.indices { notifyReceive(index) }
  }

  /// Whether the device moves frames between receive queues. §5.1.6.5.7.
  private var spreadsByHash: Bool { features.contains(.rss) }

  private mutating func notifyReceive(_ index: Int) {
    pairs[index].notifyReceive(transport, sendsData: sendsNotificationData)
  }
}
