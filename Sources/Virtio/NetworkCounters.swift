/// What a network device did since it was first started, beside what its queues
/// count, and what was dropped.
public struct NetworkCounters: Sendable {
  /// Interrupts that the driver has answered.
  public internal(set) var interrupts: UInt64 = 0
  /// Times that the cause of one was read from the device; each is an exit.
  public internal(set) var interruptStatusReads: UInt64 = 0
  /// Times that it was answered by a write, which mmio asks for; each is an
  /// exit.
  public internal(set) var interruptAnswers: UInt64 = 0
  /// Times that there was no packet to post for receiving.
  public internal(set) var receivePoolEmpty: UInt64 = 0
  /// Times that a frame had to wait because the transmit ring was full.
  public internal(set) var transmitRingFull: UInt64 = 0
  /// Dropped: the device says it wrote more than it was given.
  public internal(set) var receivedTooLong: UInt64 = 0
  /// Dropped: less than the packet header and an Ethernet header.
  public internal(set) var receivedTooShort: UInt64 = 0
  /// Dropped: the header says what was not agreed on, or what cannot be.
  public internal(set) var receivedBadHeader: UInt64 = 0
  /// Dropped: the device did not give all buffers of a packet at once.
  public internal(set) var receivedPartly: UInt64 = 0
  /// Dropped: buffers that make no packet together.
  public internal(set) var receivedBadMerge: UInt64 = 0
  /// Dropped: without the tag of the interface's virtual LAN.
  public internal(set) var receivedOtherVLAN: UInt64 = 0
  /// Frames of which the device has reported a hash.
  public internal(set) var receivedHashed: UInt64 = 0
  /// Polled: frames that the device has not sent in time.
  public internal(set) var transmitPolledLost: UInt64 = 0
  /// Queues that were reset by themselves.
  public internal(set) var queueResets: UInt64 = 0
  /// Dropped: it leaves to the device what that has not agreed to.
  public internal(set) var transmitUnsupported: UInt64 = 0
  /// Dropped: frames that were with the device when it was reset, and buffers
  /// that had come from it and were not taken.
  public internal(set) var lostToResets: UInt64 = 0
  /// Times that the device was reset and started again.
  public internal(set) var restarts: UInt64 = 0

  /// Calls `body` with the name and the value of each, in a fixed order.
  public func forEach(_ body: (StaticString, UInt64) -> Void) {
    body("virtio: interrupts", interrupts)
    body("virtio: interrupt status reads", interruptStatusReads)
    body("virtio: interrupt answers", interruptAnswers)
    body("virtio: receive pool empty", receivePoolEmpty)
    body("virtio: transmit ring full", transmitRingFull)
    body("virtio: dropped, longer than its buffer", receivedTooLong)
    body("virtio: dropped, shorter than its headers", receivedTooShort)
    body("virtio: dropped, bad header", receivedBadHeader)
    body("virtio: dropped, came only partly", receivedPartly)
    body("virtio: dropped, bad merge", receivedBadMerge)
    body("virtio: dropped, of another VLAN", receivedOtherVLAN)
    body("virtio: frames with a hash", receivedHashed)
    body("virtio: dropped, not agreed to", transmitUnsupported)
    body("virtio: dropped, lost to a reset", lostToResets)
    body("virtio: polled frames not sent in time", transmitPolledLost)
    body("virtio: queue resets", queueResets)
    body("virtio: restarts", restarts)
  }

  /// Adds what was counted before a restart.
  mutating func add(_ other: NetworkCounters) {
    interrupts &+= other.interrupts
    interruptStatusReads &+= other.interruptStatusReads
    interruptAnswers &+= other.interruptAnswers
    receivePoolEmpty &+= other.receivePoolEmpty
    transmitRingFull &+= other.transmitRingFull
    receivedTooLong &+= other.receivedTooLong
    receivedTooShort &+= other.receivedTooShort
    receivedBadHeader &+= other.receivedBadHeader
    receivedPartly &+= other.receivedPartly
    receivedBadMerge &+= other.receivedBadMerge
    receivedOtherVLAN &+= other.receivedOtherVLAN
    receivedHashed &+= other.receivedHashed
    transmitUnsupported &+= other.transmitUnsupported
    transmitPolledLost &+= other.transmitPolledLost
    queueResets &+= other.queueResets
    lostToResets &+= other.lostToResets
    restarts &+= other.restarts
  }
}
