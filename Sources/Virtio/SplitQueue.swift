import CPU
import Packets

/// A queue of packets between driver and device, as two rings over a table of
/// descriptors. VIRTIO 1.2 §2.7.
///
///     descriptors   [ address, length, flags, next ] × size   driver writes
///     driver area   flags, index, [ head ] × size             driver writes
///     device area   flags, index, [ head, length ] × size     device writes
///
/// A packet is posted as a chain of one descriptor, or of two where the header
/// must have its own (legacy devices without ANY_LAYOUT). From then on the
/// device owns its bytes, and the queue keeps the value, so that the slot
/// cannot be used for anything else.
///
/// The device is not believed: what it was given is looked up in the driver's
/// own tables, never in the memory that it shares. A head that is not in flight
/// or out of range means that its rings are not what they should be: the queue
/// is ``isBroken`` then, and gives nothing more until the device is reset.
@safe
@usableFromInline
struct SplitQueue: ~Copyable {
  private enum Layout {
    static let descriptorSize = 16
    static let flags: UInt = 0
    static let index: UInt = 2
    static let ring: UInt = 4
    static let usedElementSize: UInt = 8
    /// §2.7.2 (legacy): the device area begins on a page.
    static let alignment = 4096
  }

  private enum DescriptorFlag {
    static let next: UInt16 = 1
    static let deviceWrites: UInt16 = 2
  }

  /// VIRTQ_AVAIL_F_NO_INTERRUPT, §2.7.7.
  private static var noInterrupt: UInt16 { 1 }
  /// VIRTQ_USED_F_NO_NOTIFY, §2.7.10.
  private static var noNotify: UInt16 { 1 }

  /// §2.7: a split queue has at most this many descriptors.
  static var largestSize: UInt16 { 32768 }

  /// The number of descriptors, a power of two.
  let size: UInt16
  /// The bytes of the rings' memory.
  let byteCount: Int
  private let memory: UnsafeMutableRawPointer
  private let descriptors: UInt
  private let driverArea: UInt
  private let deviceArea: UInt

  /// The packets that the device has, each at its chain's head.
  private let inFlight: UnsafeMutablePointer<PacketBuffer?>
  private var shadows: DescriptorShadows
  /// The packets that the device has.
  private(set) var inFlightCount = 0
  /// The index of the next entry of the driver area, which wraps at 2^16.
  private var availableIndex: UInt16 = 0
  /// The same as the device last saw it.
  private var publishedIndex: UInt16 = 0
  /// The next entry of the device area.
  private var usedIndex: UInt16 = 0
  /// Whether the device's part of the rings cannot be right.
  private(set) var isBroken = false
  /// Whether the device may use this memory: from when it is told of it until
  /// it has been reset.
  private var isWithDevice = false

  /// A queue of `size` descriptors, all free, with interrupts suppressed.
  ///
  /// - Precondition: `size` is a power of two up to ``largestSize``.
  init(size: UInt16) {
    precondition(
      size > 0 && size <= Self.largestSize && size & (size - 1) == 0
    )
    self.size = size
    let count = Int(size)
    let tableSize = Layout.descriptorSize * count
    // §2.7: each area has a field for EVENT_IDX at its end.
    let driverSize = 4 + 2 * count + 2
    let deviceSize = 4 + 8 * count + 2
    let mask = Layout.alignment - 1
    let deviceOffset = (tableSize + driverSize + mask) & ~mask
    byteCount = (deviceOffset + deviceSize + mask) & ~mask
    // SAFETY: The memory is freed in deinit only, and all accesses below are
    // within its three parts, by indices that are below `size`.
    unsafe memory = .allocate(
      byteCount: byteCount,
      alignment: Layout.alignment
    )
    unsafe memory.initializeMemory(
      as: UInt8.self,
      repeating: 0,
      count: byteCount
    )
    descriptors = unsafe UInt(bitPattern: memory)
    driverArea = descriptors + UInt(tableSize)
    deviceArea = descriptors + UInt(deviceOffset)
    // SAFETY: Freed in deinit only, and indexed by what is below `size`.
    unsafe inFlight = .allocate(capacity: count)
    for index in 0..<count { unsafe (inFlight + index).initialize(to: nil) }
    shadows = DescriptorShadows(count: count)
    cpu_store16(driverArea + Layout.flags, Self.noInterrupt)
  }

  /// Gives the memory and the packets back, unless the device may still write
  /// there: then both are lost, which is the lesser harm.
  deinit {
    guard !isWithDevice else { return }
    // SAFETY: Nothing uses the memory but this value, which ends.
    unsafe inFlight.deinitialize(count: Int(size))
    unsafe inFlight.deallocate()
    unsafe memory.deallocate()
  }

  /// The descriptors that are free.
  var freeCount: Int { shadows.freeCount }

  /// Where its memory begins.
  var address: UInt { descriptors }

  /// Where its parts are, for a device to which its memory is at `base`.
  func addresses(base: UInt64) -> RingAddresses {
    RingAddresses(
      size: size,
      descriptors: base,
      driverArea: base + UInt64(driverArea - descriptors),
      deviceArea: base + UInt64(deviceArea - descriptors)
    )
  }

  /// Notes that the device is told of the queue.
  mutating func handOver() { isWithDevice = true }

  /// Notes that the device has been reset: it does not use the queue any more,
  /// and neither can the driver.
  mutating func takeBack() {
    isWithDevice = false
    isBroken = true
  }

  // MARK: To the device

  /// Posts `packet`: for the device to write all of it, or to read it.
  ///
  /// - Parameters:
  ///   - address: Where the device reaches the packet's first byte.
  ///   - headerSize: The bytes at the front that get a descriptor of their own;
  ///     0: one descriptor for all.
  /// - Precondition: ``freeCount`` is at least what that takes.
  mutating func post(
    _ packet: consuming PacketBuffer,
    at address: UInt64,
    deviceWrites: Bool,
    headerSize: Int = 0
  ) {
    let flags = deviceWrites ? DescriptorFlag.deviceWrites : 0
    let count = packet.count
    let head = shadows.take()
    var body = head
    if headerSize > 0 {
      body = shadows.take()
      shadows.link(head, to: body)
      write(
        head,
        address,
        UInt32(headerSize),
        flags | DescriptorFlag.next,
        body
      )
    }
    write(
      body,
      address + UInt64(headerSize),
      UInt32(count - headerSize),
      flags,
      0
    )
    shadows.setPostedCount(deviceWrites ? UInt32(count) : 0, of: head)
    // SAFETY: `head` is below `size`; it was free, so nothing is overwritten.
    unsafe inFlight[Int(head)] = consume packet
    inFlightCount += 1
    let slot = UInt(availableIndex & (size - 1))
    cpu_store16(driverArea + Layout.ring + 2 * slot, head)
    availableIndex &+= 1
  }

  /// Lets the device see what was posted since the last time.
  ///
  /// - Returns: Whether it wants to be notified of it.
  mutating func publish() -> Bool {
    guard availableIndex != publishedIndex else { return false }
    // §2.7.13.3: descriptors and ring before the index.
    cpu_release_fence()
    cpu_store16(driverArea + Layout.index, availableIndex)
    publishedIndex = availableIndex
    // §2.7.13.4.1: the index before the flags are read, or both sides may
    // wait for each other.
    cpu_full_fence()
    return cpu_load16(deviceArea + Layout.flags) & Self.noNotify == 0
  }

  // MARK: From the device

  /// A packet that the device has given back.
  struct Completion: ~Copyable {
    var packet: PacketBuffer
    /// The bytes that the device says it has written; more than it was given
    /// when it lies.
    let writtenCount: Int
    /// The bytes that it was given to write.
    let postedCount: Int
  }

  /// Whether the device has given something back that was not taken yet.
  var hasUsed: Bool {
    !isBroken && cpu_load16(deviceArea + Layout.index) != usedIndex
  }

  /// Takes the next packet that the device has given back.
  mutating func takeUsed() -> Completion? {
    guard !isBroken else { return nil }
    let given = cpu_load16(deviceArea + Layout.index) &- usedIndex
    guard given > 0 else { return nil }
    // It cannot have given back more than it was shown.
    guard given <= publishedIndex &- usedIndex else {
      isBroken = true
      return nil
    }
    // §2.7.13.3: the index before the entry.
    cpu_acquire_fence()
    let slot = UInt(usedIndex & (size - 1))
    let element = deviceArea + Layout.ring + Layout.usedElementSize * slot
    let identifier = cpu_load32(element)
    let length = cpu_load32(element + 4)
    // SAFETY: `identifier` is below `size`.
    guard identifier < UInt32(size),
      let packet = unsafe inFlight[Int(identifier)].take()
    else {
      isBroken = true
      return nil
    }
    usedIndex &+= 1
    inFlightCount -= 1
    let head = UInt16(identifier)
    shadows.release(head)
    return Completion(
      packet: packet,
      writtenCount: Int(length),
      postedCount: Int(shadows.postedCount(of: head))
    )
  }

  /// Asks the device not to interrupt. It may do so all the same.
  func suppressInterrupts() {
    cpu_store16(driverArea + Layout.flags, Self.noInterrupt)
  }

  /// Asks the device to interrupt when it gives something back.
  ///
  /// - Returns: Whether it has done so meanwhile, and may not interrupt for
  ///   that: the caller must look again. §2.7.7.2.
  func requestInterrupts() -> Bool {
    cpu_store16(driverArea + Layout.flags, 0)
    cpu_full_fence()
    return hasUsed
  }

  // MARK: Descriptors

  private func write(
    _ descriptor: UInt16,
    _ address: UInt64,
    _ length: UInt32,
    _ flags: UInt16,
    _ next: UInt16
  ) {
    let base = descriptors + UInt(descriptor) * UInt(Layout.descriptorSize)
    cpu_store64(base, address)
    cpu_store32(base + 8, length)
    cpu_store16(base + 12, flags)
    cpu_store16(base + 14, next)
  }
}
