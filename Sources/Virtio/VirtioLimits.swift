/// What this layer refuses to exceed.
enum VirtioLimits {
  /// The descriptors of a queue, where the driver may choose (a legacy queue
  /// has the size that its device gives it). Beyond it more would only take
  /// memory. A power of two.
  static let descriptors: UInt16 = 1024

  /// The packets that wait at the device to be received into: what comes in a
  /// few milliseconds at full speed. More descriptors stay unused.
  static let receivePackets = 256

  /// The part of the pool that they may be, in percent. The rest is for what
  /// is sent and for what connections hold: a large ring would otherwise take
  /// every packet there is.
  static let receivePercentOfPool = 50

  /// How often the status is read after a reset before the driver gives up. A
  /// read is an exit of a microsecond or more, so this is at least 0.1 s. What
  /// the device had is lost then, since it may still write there.
  static let resetReads = 100_000

  /// How often configuration that keeps changing while it is read is read
  /// again; after that the last reading is taken.
  static let configurationReads = 16

  /// The smallest MTU that is believed: a host must be able to receive a
  /// datagram of 576 bytes, RFC 791 §3.1, and the stack counts on it. With less
  /// the feature is not accepted, and frames have the size of Ethernet's.
  static let smallestMTU = 576
}
