/// What happened on one queue.
public struct QueueCounters: Sendable {
  /// Packets that were passed on: to the stack, or to the device. Those of the
  /// latter that a reset took from it are among ``dropped`` as well.
  public internal(set) var packets: UInt64 = 0
  /// Their bytes, from the Ethernet header on.
  public internal(set) var bytes: UInt64 = 0
  /// Packets that were not passed on, whatever the cause.
  public internal(set) var dropped: UInt64 = 0
  /// Times that the queue was full, or that there was nothing to fill it with.
  public internal(set) var stalls: UInt64 = 0
  /// Packets that a reset of the queue has taken back from the device.
  public internal(set) var takenBack: UInt64 = 0
  /// Notifications written to the device; each is an exit.
  public internal(set) var notifications: UInt64 = 0

  mutating func add(_ other: QueueCounters) {
    packets &+= other.packets
    bytes &+= other.bytes
    dropped &+= other.dropped
    stalls &+= other.stalls
    takenBack &+= other.takenBack
    notifications &+= other.notifications
  }
}
