/// A chain of descriptors that the driver has made available.
struct Chain {
  /// What the device gives back to say which chain: of a split ring the head,
  /// of a packed ring the buffer's id.
  let identifier: UInt16
  /// How many descriptors of the ring it takes.
  let descriptorCount: UInt16
  /// What the device reads.
  var readable: [SharedMemory] = []
  /// What the device writes.
  var writable: [SharedMemory] = []

  /// The bytes that the device may write.
  var writableCount: Int { writable.reduce(0) { $0 + $1.count } }

  /// All that the device reads.
  var contents: [UInt8] {
    var bytes: [UInt8] = []
    for part in readable { part.append(to: &bytes) }
    return bytes
  }

  /// Writes `bytes` at the front of what the device writes.
  func write(_ bytes: ArraySlice<UInt8>) {
    var rest = bytes
    for part in writable where !rest.isEmpty {
      part.write(rest)
      rest = rest.dropFirst(part.count)
    }
  }

  /// Adds a descriptor's part. VIRTIO 1.2 §2.7.5, §2.8.6.
  ///
  /// - Parameter flags: The descriptor's.
  mutating func append(
    _ memory: SharedMemory,
    flags: UInt16
  ) throws(VhostUserError) {
    if flags & DescriptorFlag.deviceWrites != 0 {
      writable.append(memory)
    } else if writable.isEmpty {
      readable.append(memory)
    } else {
      // §2.7.4.2, §2.8.17: what the device reads comes first.
      throw .badDriver("a part to read follows one to write")
    }
  }
}

/// VIRTIO 1.2 §2.7.5, §2.8.6.
enum DescriptorFlag {
  static let next: UInt16 = 1
  static let deviceWrites: UInt16 = 2
  static let indirect: UInt16 = 4
}

/// What the device says of a chain that it has used.
struct Completion {
  /// The chain's ``Chain/identifier``; a lie may have more bits.
  var identifier: UInt32
  /// The bytes that it has written.
  var length: UInt32
  /// The chain's ``Chain/descriptorCount``.
  let descriptorCount: UInt16
}

/// The device's side of a ring.
protocol DeviceRing {
  /// How many descriptors it has.
  var size: UInt16 { get }

  /// What GET_VRING_BASE asks for: where a device goes on that has been given
  /// all but the last `heldCount` chains that were taken.
  func base(heldCount: Int) -> UInt32

  /// Takes the next chain that the driver has made available.
  mutating func take() throws(VhostUserError) -> Chain?

  /// Gives a chain back, not seen by the driver before ``publish()``.
  mutating func complete(_ completion: Completion)

  /// Lets the driver see what was given back.
  ///
  /// - Returns: Whether it wants to be interrupted for it.
  mutating func publish() -> Bool

  /// Asks the driver for notifications, or not to send any.
  ///
  /// The caller looks for chains once more after it has asked for them.
  func setNotifications(_ areWanted: Bool)

  // What follows is for lies.

  /// Makes the driver see more used chains than there are.
  mutating func jump()

  /// Writes a completion that looks as if it were of another time round the
  /// ring; the right one comes with ``publish()``. Only packed rings can.
  mutating func completeWithWrongWrap(_ completion: Completion)

  /// Overwrites what tells the driver whether to notify.
  func writeSuppression(_ random: inout some RandomNumberGenerator)

  /// Overwrites all that the device may write.
  func scribble(_ random: inout some RandomNumberGenerator)

  /// Makes what ``scribble(_:)`` has overwritten, and the driver has not come to
  /// yet, look as it did.
  func mend()
}

/// Where the parts of a ring are, and how they are used.
struct RingConfiguration {
  let size: UInt16
  /// The descriptors; of a packed ring, the ring.
  let descriptors: UInt64
  /// What the driver writes.
  let driverArea: UInt64
  /// What the device writes.
  let deviceArea: UInt64
  /// Where the device goes on: the argument of SET_VRING_BASE.
  let base: UInt32
  let usesEventIndex: Bool
}

/// Whether an event at index `event` has come when the index goes from `old`
/// to `new`. VIRTIO 1.2 §2.7.7.2 (vring_need_event).
func hasPassed(_ event: UInt16, from old: UInt16, to new: UInt16) -> Bool {
  new &- event &- 1 < new &- old
}
