/// What driver and device have agreed on for their queues.
struct QueueFormat: Equatable, Sendable {
  /// The most descriptors there are. VIRTIO 1.2 §2.7, §2.8.10.1.
  static var largestSize: UInt16 { 32768 }

  /// One ring for both directions instead of two and a table. VIRTIO 1.2 §2.8.
  var isPacked = false
  /// A chain may be in a table of its own. §2.7.5.3, §2.8.7.
  var hasIndirect = false
  /// Each side says at which index it wants to hear. §2.7.10, §2.8.10.
  var hasEventIndex = false
  /// The device gives back in the order it was given. §2.7.9, §2.8.8.
  var isInOrder = false

  init() {}

  /// As `features` say.
  init(_ features: Features) {
    isPacked = features.contains(.ringPacked)
    hasIndirect = features.contains(.indirectDesc)
    hasEventIndex = features.contains(.eventIdx)
    isInOrder = features.contains(.inOrder)
  }
}

/// The flags of a descriptor. §2.7.5, §2.8.
enum DescriptorFlag {
  /// It goes on with another (VIRTQ_DESC_F_NEXT).
  static let next: UInt16 = 1 << 0
  /// The device writes there (VIRTQ_DESC_F_WRITE).
  static let write: UInt16 = 1 << 1
  /// It points to a table of descriptors (VIRTQ_DESC_F_INDIRECT).
  static let indirect: UInt16 = 1 << 2
  /// Packed: the driver's mark (VIRTQ_DESC_F_AVAIL).
  static let available: UInt16 = 1 << 7
  /// Packed: the device's mark (VIRTQ_DESC_F_USED).
  static let used: UInt16 = 1 << 15
}

/// Offsets within a descriptor, and its size. §2.7.5, §2.8.13: the two kinds
/// differ in the last four bytes.
enum DescriptorLayout {
  static let size = 16
  static let address: UInt = 0
  static let length: UInt = 8
  /// Split: flags, then next.
  static let splitFlags: UInt = 12
  static let splitNext: UInt = 14
  /// Packed: identifier, then flags.
  static let packedIdentifier: UInt = 12
  static let packedFlags: UInt = 14
}

/// Whether an index that one side has set says that the other is to tell it of
/// what came between `old` and `new`, all three modulo 2^16. §2.7.10.1.
func isEventDue(_ event: UInt16, new: UInt16, old: UInt16) -> Bool {
  new &- event &- 1 < new &- old
}
