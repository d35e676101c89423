/// Why a command did not do what was asked for.
public enum ControlError: Error, Hashable, Sendable {
  /// The feature that it takes was not agreed on, or there is no control queue.
  case notOffered
  /// The device has not been told, for no device could do it: an address of a
  /// group for a single interface, an offload that was not agreed on.
  case invalid
  /// The device says no.
  case refused
  /// The device did not answer in time, or needs a reset. The control queue is
  /// not used any more until the device is started again.
  case unanswered
}
