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
