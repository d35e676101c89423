/// What a network device did since it was started, and what was dropped.
public struct NetworkCounters: Sendable {
  /// Frames that the device has delivered.
  public internal(set) var received: UInt64 = 0
  /// Frames that were given to the device to send.
  public internal(set) var sent: UInt64 = 0
  /// Notifications written to the device; each is an exit.
  public internal(set) var notifications: UInt64 = 0
  /// Interrupts that the driver has answered.
  public internal(set) var interrupts: UInt64 = 0
  /// Times that there was no packet to post for receiving.
  public internal(set) var receivePoolEmpty: UInt64 = 0
  /// Times that a frame had to wait because the transmit ring was full.
  public internal(set) var transmitRingFull: UInt64 = 0
  /// Dropped: the device says it wrote more than it was given.
  public internal(set) var receivedTooLong: UInt64 = 0
  /// Dropped: less than the packet header and an Ethernet header.
  public internal(set) var receivedTooShort: UInt64 = 0
  /// Dropped: the header asks for a checksum or for segmentation, though no
  /// offload was agreed on.
  public internal(set) var receivedBadHeader: UInt64 = 0
  /// Times that the device was reset and started again.
  public internal(set) var restarts: UInt64 = 0

  /// Calls `body` with the name and the value of each, in a fixed order.
  public func forEach(_ body: (StaticString, UInt64) -> Void) {
    body("virtio: frames received", received)
    body("virtio: frames sent", sent)
    body("virtio: notifications", notifications)
    body("virtio: interrupts", interrupts)
    body("virtio: receive pool empty", receivePoolEmpty)
    body("virtio: transmit ring full", transmitRingFull)
    body("virtio: dropped, longer than its buffer", receivedTooLong)
    body("virtio: dropped, shorter than its headers", receivedTooShort)
    body("virtio: dropped, bad header", receivedBadHeader)
    body("virtio: restarts", restarts)
  }

  /// Adds what was counted before a restart.
  mutating func add(_ other: NetworkCounters) {
    received &+= other.received
    sent &+= other.sent
    notifications &+= other.notifications
    interrupts &+= other.interrupts
    receivePoolEmpty &+= other.receivePoolEmpty
    transmitRingFull &+= other.transmitRingFull
    receivedTooLong &+= other.receivedTooLong
    receivedTooShort &+= other.receivedTooShort
    receivedBadHeader &+= other.receivedBadHeader
    restarts &+= other.restarts
  }
}
