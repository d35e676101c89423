/// What this layer refuses to exceed.
enum VirtioLimits {
  /// The descriptors of a queue, where the driver may choose (a legacy queue
  /// has the size that its device gives it). Beyond it more would only take
  /// memory. A power of two.
  static let descriptors: UInt16 = 1024

  /// The packets that wait at the device to be received into: what comes in a
  /// few milliseconds at full speed. More descriptors stay unused.
  static let receivePackets = 256

  /// The part of its buffers that the device is given, in percent. The rest is
  /// for what connections hold: they keep what they received until it is read.
  static let receivePercentOfPool = 50

  /// The fewest buffers to receive into, half of them at the device, with which
  /// large ones are worth having; with less memory they are smaller.
  static let fewestReceiveBuffers = 60

  /// The fewest of 64 KiB each: without merged buffers every packet takes one.
  static let fewestHugeReceiveBuffers = 32

  /// The bytes of buffers that are merged to large packets, best first: larger
  /// ones cost less for a large packet and more for a small one. Four of the
  /// first hold the largest packet, less the control block and what is kept for
  /// the records of fragments: with 16,384 the 45 segments that a Linux host
  /// puts into one, timestamps and all, took a fifth for their last 342 bytes.
  static let mergedSlotSizes: InlineArray<2, Int> = [16576, 4096]

  /// The most descriptors that a packet to send takes of a ring, in parts of
  /// it, so that a few large packets do not fill it.
  static let ringPartsPerPacket = 4

  /// How many looks in a row, a second apart, a device may hold packets and
  /// send none before it is started again: longer than a host is ever busy with
  /// something else.
  static let stalledLooks = 5

  /// How often the status is read after a reset before the driver gives up. A
  /// read is an exit of a microsecond or more, so this is at least 0.1 s. What
  /// the device had is lost then, since it may still write there.
  static let resetReads = 100_000

  /// How often the status is read while a command is waited for: half a second
  /// at least, for a busy host may let a device wait that long. The driver goes
  /// on without the control queue then.
  static let controlReads = 500_000

  /// After so many starts in a row in which the device answered no command, it
  /// is started without a control queue.
  static let muteStarts = 2

  /// The addresses of a device's filter, of both kinds. With more it receives
  /// all of a kind, which costs less than commands without end.
  static let filterAddresses = 128

  /// How often the status is read while a frame is sent without interrupts:
  /// half a second at least.
  static let polledReads = 500_000

  /// How often configuration that keeps changing while it is read is read
  /// again; after that the last reading is taken.
  static let configurationReads = 16

  /// The smallest MTU that is believed: a host must be able to receive a
  /// datagram of 576 bytes, RFC 791 §3.1, and the stack counts on it. With less
  /// the feature is not accepted, and frames have the size of Ethernet's.
  static let smallestMTU = 576
}
