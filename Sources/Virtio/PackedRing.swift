import CPU

/// The ring of a packed queue, as the driver writes and reads it. VIRTIO 1.2
/// §2.8.
///
///     descriptors   [ address, length, identifier, flags ] × size   both write
///     driver area   offset and wrap, flags                  driver writes
///     device area   offset and wrap, flags                  device writes
///
/// Both sides walk the one ring. Each has a wrap counter, a bit that turns at
/// the end of the ring; a descriptor is available when its first mark is the
/// driver's counter and its second is not, and used when both are the device's.
///
/// It owns nothing: who has it keeps the memory, and the identifiers.
struct PackedRing {
  /// Event suppression, §2.8.14.
  private enum Event {
    static let offset: UInt = 0
    static let flags: UInt = 2
    static let size = 4
    static let enable: UInt16 = 0
    static let disable: UInt16 = 1
    /// RING_EVENT_FLAGS_DESC: at a descriptor.
    static let descriptor: UInt16 = 2
    static let wrap: UInt16 = 1 << 15
  }

  private let size: UInt16
  private let hasEventIndex: Bool
  private let descriptors: UInt
  private let driverArea: UInt
  private let deviceArea: UInt
  /// Where the next descriptor goes, and the driver's wrap counter.
  private var availablePosition: UInt16 = 0
  private var availableWrap = true
  /// Where the next used one is, and the device's wrap counter.
  private var usedPosition: UInt16 = 0
  private var usedWrap = true
  /// Descriptors entered since the last ``publish()``.
  private var unpublishedCount: UInt16 = 0
  /// The flags of the first of them, which make all of them available at once
  /// when they are written; and where.
  private var heldFlags: UInt16 = 0
  private var heldPosition: UInt16 = 0
  /// Whether the descriptor that is being entered is the one that is held back.
  private var isFirstUnpublished: Bool { unpublishedCount == 0 }

  /// Where the parts are from the ring on. §2.8.10.1: each at a multiple of 4.
  static func offsets(
    size: UInt16
  ) -> (driver: Int, device: Int, end: Int) {
    let driver = DescriptorLayout.size * Int(size)
    return (driver, driver + Event.size, driver + 2 * Event.size)
  }

  /// A ring of `size` entries in zeroed memory at `address`.
  init(size: UInt16, at address: UInt, _ format: QueueFormat) {
    self.size = size
    hasEventIndex = format.hasEventIndex
    let offsets = Self.offsets(size: size)
    descriptors = address
    driverArea = address + UInt(offsets.driver)
    deviceArea = address + UInt(offsets.device)
  }

  // MARK: To the device

  /// Enters one descriptor of a chain, in order. The device sees it at the next
  /// ``publish()``.
  mutating func enter(
    _ part: Virtqueue.Part,
    _ flags: UInt16,
    identifier: UInt16
  ) {
    let base = self.base(availablePosition)
    cpu_store64(base + DescriptorLayout.address, part.address)
    cpu_store32(base + DescriptorLayout.length, part.length)
    cpu_store16(base + DescriptorLayout.packedIdentifier, identifier)
    // §2.8.1: available is the counter, used its opposite.
    let marks =
      availableWrap ? DescriptorFlag.available : DescriptorFlag.used
    if isFirstUnpublished {
      // §2.8.21.1: the device takes what follows an available descriptor, so
      // the first becomes so last.
      heldFlags = flags | marks
      heldPosition = availablePosition
    } else {
      cpu_store16(base + DescriptorLayout.packedFlags, flags | marks)
    }
    unpublishedCount += 1
    availablePosition += 1
    if availablePosition == size {
      availablePosition = 0
      availableWrap.toggle()
    }
  }

  /// Writes a descriptor of an indirect table at `base`. §2.8.7: there the
  /// identifier means nothing, and of the flags only WRITE does.
  static func write(_ part: Virtqueue.Part, _ flags: UInt16, at base: UInt) {
    cpu_store64(base + DescriptorLayout.address, part.address)
    cpu_store32(base + DescriptorLayout.length, part.length)
    cpu_store16(base + DescriptorLayout.packedIdentifier, 0)
    cpu_store16(base + DescriptorLayout.packedFlags, flags)
  }

  /// Lets the device see what was entered since the last time.
  ///
  /// - Returns: Whether it wants to be notified of it.
  mutating func publish() -> Bool {
    guard unpublishedCount > 0 else { return false }
    let count = unpublishedCount
    unpublishedCount = 0
    // §2.8.21.1: all else before the flags of the first.
    cpu_release_fence()
    cpu_store16(
      base(heldPosition) + DescriptorLayout.packedFlags,
      heldFlags
    )
    // §2.8.21.3.1: the flags before what the device wants is read.
    cpu_full_fence()
    let flags = cpu_load16(deviceArea + Event.flags) & 3
    guard flags == Event.descriptor, hasEventIndex else {
      return flags != Event.disable
    }
    // §2.8.10: positions count on from the start of the present round.
    let offsetAndWrap = cpu_load16(deviceArea + Event.offset)
    var event = offsetAndWrap & ~Event.wrap
    if (offsetAndWrap & Event.wrap != 0) != availableWrap {
      event &-= size
    }
    return isEventDue(
      event,
      new: availablePosition,
      old: availablePosition &- count
    )
  }

  /// What comes with a notification where the device wants it. §2.9.
  var notificationOffset: UInt16 {
    availablePosition | (availableWrap ? Event.wrap : 0)
  }

  // MARK: From the device

  /// Whether the device has given something back that was not taken yet.
  var hasUsed: Bool {
    let flags = cpu_load16(
      base(usedPosition) + DescriptorLayout.packedFlags
    )
    let isAvailable = flags & DescriptorFlag.available != 0
    let isUsed = flags & DescriptorFlag.used != 0
    return isAvailable == usedWrap && isUsed == usedWrap
  }

  /// The next used descriptor, not yet taken; `nil` when there is none.
  func nextUsed() -> Virtqueue.Used? {
    guard hasUsed else { return nil }
    // §2.8.22: the flags before the rest.
    cpu_acquire_fence()
    let base = self.base(usedPosition)
    return Virtqueue.Used(
      identifier: UInt32(
        cpu_load16(base + DescriptorLayout.packedIdentifier)
      ),
      length: cpu_load32(base + DescriptorLayout.length)
    )
  }

  /// Goes on behind a chain of `count` descriptors that was used.
  mutating func advance(by count: UInt16) {
    usedPosition += count
    guard usedPosition >= size else { return }
    usedPosition -= size
    usedWrap.toggle()
  }

  /// Asks the device not to interrupt. It may do so all the same.
  func suppressInterrupts() {
    cpu_store16(driverArea + Event.flags, Event.disable)
  }

  /// Asks the device to interrupt when it gives something back.
  ///
  /// - Returns: Whether it has done so meanwhile, and may not interrupt for
  ///   that: the caller must look again.
  func requestInterrupts() -> Bool {
    if hasEventIndex {
      cpu_store16(
        driverArea + Event.offset,
        usedPosition | (usedWrap ? Event.wrap : 0)
      )
      // §2.8.14: the place before the flags that make it count.
      cpu_release_fence()
      cpu_store16(driverArea + Event.flags, Event.descriptor)
    } else {
      cpu_store16(driverArea + Event.flags, Event.enable)
    }
    cpu_full_fence()
    return hasUsed
  }

  private func base(_ position: UInt16) -> UInt {
    descriptors + UInt(position) * UInt(DescriptorLayout.size)
  }
}
