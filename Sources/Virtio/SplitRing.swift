import CPU

/// The rings of a split queue, as the driver writes and reads them. VIRTIO 1.2
/// §2.7.
///
///     descriptors   [ address, length, flags, next ] × size   driver writes
///     driver area   flags, index, [ head ] × size, event      driver writes
///     device area   flags, index, [ head, length ] × size, event   device
///
/// It owns nothing and checks nothing but what comes from the device: who has it
/// keeps the memory, and the descriptors that are free.
struct SplitRing {
  private enum Area {
    static let flags: UInt = 0
    static let index: UInt = 2
    static let ring: UInt = 4
    static let usedElementSize: UInt = 8
  }

  /// VIRTQ_AVAIL_F_NO_INTERRUPT, §2.7.7.
  private static var noInterrupt: UInt16 { 1 }
  /// VIRTQ_USED_F_NO_NOTIFY, §2.7.10.
  private static var noNotify: UInt16 { 1 }

  private let mask: UInt16
  private let hasEventIndex: Bool
  private let descriptors: UInt
  private let driverArea: UInt
  private let deviceArea: UInt
  /// The index of the next entry of the driver area, which wraps at 2^16.
  private var availableIndex: UInt16 = 0
  /// The same as the device last saw it.
  private var publishedIndex: UInt16 = 0
  /// The next entry of the device area.
  private var usedIndex: UInt16 = 0

  /// Where the parts are from the table on; §2.7.2 has the device area begin on
  /// a page, which legacy devices rely on.
  static func offsets(
    size: UInt16
  ) -> (driver: Int, device: Int, end: Int) {
    let count = Int(size)
    let driver = DescriptorLayout.size * count
    // §2.7: each area ends with the field for the event index.
    let device = QueueMemory.pages(driver + 4 + 2 * count + 2)
    return (driver, device, device + 4 + 8 * count + 2)
  }

  /// Rings of `size` entries in zeroed memory at `address`.
  init(size: UInt16, at address: UInt, _ format: QueueFormat) {
    mask = size - 1
    hasEventIndex = format.hasEventIndex
    let offsets = Self.offsets(size: size)
    descriptors = address
    driverArea = address + UInt(offsets.driver)
    deviceArea = address + UInt(offsets.device)
  }

  // MARK: To the device

  /// Writes descriptor `index` of the table.
  func write(
    _ index: UInt16,
    _ part: Virtqueue.Part,
    _ flags: UInt16,
    next: UInt16
  ) {
    let base = descriptors + UInt(index) * UInt(DescriptorLayout.size)
    Self.write(part, flags, next: next, at: base)
  }

  /// Writes a descriptor of the table or of an indirect one at `base`.
  static func write(
    _ part: Virtqueue.Part,
    _ flags: UInt16,
    next: UInt16,
    at base: UInt
  ) {
    cpu_store64(base + DescriptorLayout.address, part.address)
    cpu_store32(base + DescriptorLayout.length, part.length)
    cpu_store16(base + DescriptorLayout.splitFlags, flags)
    cpu_store16(base + DescriptorLayout.splitNext, next)
  }

  /// Enters the chain that begins at `head`; the device sees it at the next
  /// ``publish()``.
  mutating func makeAvailable(_ head: UInt16) {
    let slot = UInt(availableIndex & mask)
    cpu_store16(driverArea + Area.ring + 2 * slot, head)
    availableIndex &+= 1
  }

  /// Lets the device see what was entered since the last time.
  ///
  /// - Returns: Whether it wants to be notified of it.
  mutating func publish() -> Bool {
    guard availableIndex != publishedIndex else { return false }
    // §2.7.13.3: descriptors and ring before the index.
    cpu_release_fence()
    cpu_store16(driverArea + Area.index, availableIndex)
    let old = publishedIndex
    publishedIndex = availableIndex
    // §2.7.13.4.1: the index before what the device wants is read, or both
    // sides may wait for each other.
    cpu_full_fence()
    guard hasEventIndex else {
      return cpu_load16(deviceArea + Area.flags) & Self.noNotify == 0
    }
    // §2.7.10.1: the flags mean nothing then.
    return isEventDue(availableEvent, new: publishedIndex, old: old)
  }

  /// What comes with a notification where the device wants it: the next index,
  /// which has no wrap counter to go with it. §2.9.
  var notificationOffset: UInt16 { availableIndex }

  // MARK: From the device

  /// Whether the device has given something back that was not taken yet.
  var hasUsed: Bool { cpu_load16(deviceArea + Area.index) != usedIndex }

  /// The next entry of the device area, not yet taken; `nil` when there is
  /// none.
  ///
  /// - Throws: `badQueue` when the device claims to have given back more than
  ///   it was given.
  func nextUsed() throws(VirtioError) -> Virtqueue.Used? {
    let given = cpu_load16(deviceArea + Area.index) &- usedIndex
    guard given > 0 else { return nil }
    guard given <= publishedIndex &- usedIndex else {
      throw VirtioError.badQueue
    }
    // §2.7.13.3: the index before the entry.
    cpu_acquire_fence()
    let slot = UInt(usedIndex & mask)
    let element = deviceArea + Area.ring + Area.usedElementSize * slot
    return Virtqueue.Used(
      identifier: cpu_load32(element),
      length: cpu_load32(element + 4)
    )
  }

  /// Takes the entry that ``nextUsed()`` has read, or one that was left out.
  mutating func advance() { usedIndex &+= 1 }

  /// Asks the device not to interrupt. It may do so all the same.
  func suppressInterrupts() {
    if hasEventIndex {
      // There is no "never": the entry that was passed last comes again after
      // 2^16 others. §2.7.7: the flags stay 0.
      storeUsedEvent(usedIndex &- 1)
    } else {
      cpu_store16(driverArea + Area.flags, Self.noInterrupt)
    }
  }

  /// Asks the device to interrupt when it gives something back.
  ///
  /// - Returns: Whether it has done so meanwhile, and may not interrupt for
  ///   that: the caller must look again. §2.7.7.2.
  func requestInterrupts() -> Bool {
    if hasEventIndex {
      storeUsedEvent(usedIndex)
    } else {
      cpu_store16(driverArea + Area.flags, 0)
    }
    // The request before the look: the device writes the index, then reads
    // what was asked for.
    cpu_full_fence()
    return hasUsed
  }

  /// `avail_event`: behind the device area's ring. §2.7.8.
  private var availableEvent: UInt16 {
    let entries = UInt(mask) + 1
    return cpu_load16(
      deviceArea + Area.ring + Area.usedElementSize * entries
    )
  }

  /// `used_event`: behind the driver area's ring. §2.7.6.
  private func storeUsedEvent(_ index: UInt16) {
    cpu_store16(driverArea + Area.ring + 2 * (UInt(mask) + 1), index)
  }
}
