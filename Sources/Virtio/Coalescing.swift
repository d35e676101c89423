/// How long a device puts off interrupts of a queue: until so many packets or
/// microseconds have passed, whichever comes first; not at all when one of them
/// is 0. VIRTIO 1.2 §5.1.6.5.9.
public struct Coalescing: Hashable, Sendable {
  /// The packets.
  public let packets: UInt32
  /// The microseconds since the first of them.
  public let microseconds: UInt32

  /// Puts off until `packets` packets or `microseconds` microseconds.
  public init(packets: UInt32, microseconds: UInt32) {
    self.packets = packets
    self.microseconds = microseconds
  }
}
