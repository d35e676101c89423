/// What happened on one queue.
public struct QueueCounters: Sendable {
  /// Packets that were passed on.
  public internal(set) var packets: UInt64 = 0
  /// Notifications written to the device; each is an exit.
  public internal(set) var notifications: UInt64 = 0

  mutating func add(_ other: QueueCounters) {
    packets &+= other.packets
    notifications &+= other.notifications
  }
}
