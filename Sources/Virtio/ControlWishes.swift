/// What the driver has been asked to set by the control queue. It is kept over
/// a restart, which sets everything back in the device.
struct ControlWishes {
  /// What to receive.
  var filter = ReceiveFilter()
  /// The interface's address, if it was changed.
  var macAddressBits: UInt64?
  /// The receive offloads to be on; `nil`: all that were agreed on.
  var guestOffloads: Features?
  /// How long interrupts are put off; `nil`: not at all.
  var receiveCoalescing: Coalescing?
  var transmitCoalescing: Coalescing?
}

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
