import Packets

/// Frames out. VIRTIO 1.2 §5.1.6.2.
extension NetworkDevice {
  /// Whether there is room for a frame. When there is not, the device is asked
  /// to interrupt once there is, at the next ``enableInterrupts()``.
  public mutating func canTransmit() -> Bool {
    guard !pairs[0].isBroken else { return false }
    let needed = pairs[0].transmit.descriptorsNeeded(
      headerSize: splitsHeader ? headerSize : 0,
      fragments: mostFragments
    )
    if pairs[0].transmit.freeCount >= needed { return true }
    reclaim()
    if pairs[0].transmit.freeCount >= needed { return true }
    counters.transmitRingFull &+= 1
    pairs[0].wantsTransmitInterrupt = true
    return false
  }

  /// The tailroom that a frame with `fragments` needs for ``transmit(_:)``: its
  /// descriptors are written there.
  public static func tailroom(fragments: Int) -> Int {
    Virtqueue.tableSize(fragments: fragments)
  }

  /// Gives the device `frame`, which begins with its Ethernet header, to send.
  /// What is left of it to a device that cannot do it is done here, where it
  /// can be: a device that was started again may offer less than before.
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
    if !features.isSuperset(of: PacketHeader.needs(frame)) {
      guard frame.segmentation == nil else {
        counters.transmitUnsupported &+= 1
        return
      }
      frame.completeChecksum()
    }
    PacketHeader.prepend(size: headerSize, to: &frame)
    pairs[0].transmit.post(
      frame,
      direction(deviceWrites: false),
      reachedBy: transport
    )
    pairs[0].sent.packets &+= 1
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
    for index in pairs.indices {
      pairs[index].flush(transport, sendsData: sendsNotificationData)
    }
  }
}
