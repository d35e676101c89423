import CPU
import Packets

/// A queue of packets between driver and device. VIRTIO 1.2 §2.6.
///
///     post -> publish -> the device uses it -> takeUsed
///
/// A packet is posted as a chain of descriptors: one for its bytes, or more when
/// its header must have its own, when it has fragments, or when the device is to
/// write an answer behind it. From then on the device owns the bytes, and the
/// queue keeps the value, so that the slot cannot be used for anything else.
///
/// How the chain is written is ``QueueRing``'s to know. The
/// device is not believed: what it was given is looked up in the driver's own
/// tables, never in the memory that it shares. An identifier that is not in
/// flight or out of range means that its rings are not what they should be: the
/// queue is ``isBroken`` then, and gives nothing more until the device is reset.
@safe
@usableFromInline
struct Virtqueue: ~Copyable {
  /// A stretch of memory that a descriptor describes.
  struct Part {
    let address: UInt64
    let length: UInt32
  }

  /// What the device says it has used.
  struct Used {
    let identifier: UInt32
    let length: UInt32
  }

  /// Which bytes of a packet the device reads and which it writes.
  struct Direction {
    /// Whether it writes all of it.
    let deviceWrites: Bool
    /// The bytes at the front that get a descriptor of their own, if any.
    var headerSize = 0
    /// The bytes before the answer that get one too, if any.
    var secondSize = 0
    /// The bytes at the back that the device writes though it reads the others.
    var answerSize = 0

    /// Whether all bytes of the first slot go in one descriptor.
    var isWhole: Bool { headerSize == 0 && secondSize == 0 && answerSize == 0 }
  }

  /// A packet that the device has given back.
  struct Completion: ~Copyable {
    var packet: PacketBuffer
    /// The bytes that the device says it has written; more than it was given
    /// when it lies.
    let writtenCount: Int
    /// The bytes that it was given to write.
    let postedCount: Int
  }

  /// The number of descriptors.
  let size: UInt16
  let format: QueueFormat
  private var memory: QueueMemory
  var ring: QueueRing

  /// The packets that the device has, each at its chain's identifier.
  private let inFlight: UnsafeMutablePointer<PacketBuffer?>
  var descriptors: DescriptorTable
  /// In which order they were given; kept only for devices that keep to it.
  private var order: PostingOrder
  /// The packets that the device has.
  private(set) var inFlightCount = 0
  /// Those of them that it has not been shown yet.
  private var unpublishedCount: UInt32 = 0
  /// All that were ever posted, modulo 2^32.
  private var postedCount: UInt32 = 0
  /// Whether the device's part of the rings cannot be right.
  private(set) var isBroken = false

  /// A queue of `size` descriptors, all free, with interrupts suppressed.
  ///
  /// - Precondition: `size` is one that such a queue can have.
  init(size: UInt16, format: QueueFormat = QueueFormat()) {
    precondition(Self.isPossible(size, format))
    self.size = size
    self.format = format
    let end = QueueRing.offsets(size: size, format).end
    memory = QueueMemory(byteCount: end)
    ring = QueueRing(size: size, at: memory.address, format)
    descriptors = DescriptorTable(count: Int(size))
    order = PostingOrder(capacity: format.isInOrder ? Int(size) : 0)
    // SAFETY: Freed in deinit only, and indexed by what is below `size`.
    unsafe inFlight = .allocate(capacity: Int(size))
    for index in 0..<Int(size) {
      unsafe (inFlight + index).initialize(to: nil)
    }
    suppressInterrupts()
  }

  /// Gives the packets back, unless the device may still write there: then they
  /// are lost, as the rings are.
  deinit {
    guard !memory.isWithDevice else { return }
    // SAFETY: Nothing uses the memory but this value, which ends.
    unsafe inFlight.deinitialize(count: Int(size))
    unsafe inFlight.deallocate()
  }

  /// Whether there are queues of `size` descriptors. §2.7: a power of two, when
  /// split.
  static func isPossible(_ size: UInt16, _ format: QueueFormat) -> Bool {
    guard size > 0, size <= QueueFormat.largestSize else { return false }
    return format.isPacked || size & (size - 1) == 0
  }

  /// Where its parts are, for a device to which its memory is at `base`.
  func addresses(base: UInt64) -> RingAddresses {
    let offsets = QueueRing.offsets(size: size, format)
    return RingAddresses(
      size: size,
      descriptors: base,
      driverArea: base + UInt64(offsets.driver),
      deviceArea: base + UInt64(offsets.device)
    )
  }

  /// Where its memory begins, and how much there is.
  var address: UInt { memory.address }
  var byteCount: Int { memory.byteCount }

  /// Notes that the device is told of the queue.
  mutating func handOver() { memory.isWithDevice = true }

  /// Notes that the device, or its queue, has been reset: it does not use the
  /// queue any more, and neither can the driver. The packets go back to their
  /// pools.
  mutating func takeBack() {
    memory.isWithDevice = false
    isBroken = true
    for index in 0..<Int(size) {
      // SAFETY: The index is below `size`.
      _ = unsafe inFlight[index].take()
    }
    inFlightCount = 0
    unpublishedCount = 0
  }

  /// Notes that nothing can be done with the queue any more, though the device
  /// may still use it.
  mutating func giveUp() { isBroken = true }

  // MARK: To the device

  /// The descriptors that are free.
  var freeCount: Int { descriptors.freeCount }

  /// The descriptors of the ring that a packet with `fragments` takes, when all
  /// its bytes go one way. With fragments and indirect descriptors it must have
  /// the tailroom for ``tableSize(fragments:)``.
  func descriptorsNeeded(headerSize: Int, fragments: Int) -> Int {
    (headerSize > 0 ? 2 : 1) + (format.hasIndirect ? 0 : fragments)
  }

  /// The tailroom for the table of a packet with `fragments`.
  static func tableSize(fragments: Int) -> Int {
    (2 + fragments) * DescriptorLayout.size + 15
  }

  /// Posts `packet`.
  ///
  /// - Precondition: ``freeCount`` is at least what that takes.
  mutating func post<Mapping: AddressMapping>(
    _ packet: consuming PacketBuffer,
    _ direction: Direction,
    reachedBy mapping: Mapping
  ) {
    let identifier = descriptors.take()
    var postedCount = direction.answerSize
    if direction.deviceWrites { postedCount = packet.count }
    if direction.isWhole, packet.fragmentCount == 0 {
      // Nearly every packet. SAFETY: As in `Chain`.
      precondition(!packet.isEmpty)
      let part = unsafe Part(
        address: mapping.deviceAddress(
          of: packet.unsafeAddress,
          byteCount: packet.count
        ),
        length: UInt32(truncatingIfNeeded: packet.count)
      )
      let flags = direction.deviceWrites ? DescriptorFlag.write : 0
      enter(part, flags, identifier)
    } else {
      enter(packet, direction, mapping, identifier)
    }
    descriptors.setPosted(
      UInt32(truncatingIfNeeded: postedCount),
      number: self.postedCount,
      of: identifier
    )
    self.postedCount &+= 1
    // SAFETY: `identifier` is below `size`; it was free, so nothing is
    // overwritten.
    unsafe inFlight[Int(identifier)] = consume packet
    inFlightCount += 1
    unpublishedCount += 1
    if format.isInOrder { order.append(identifier) }
    ring.makeAvailable(identifier)
  }

  /// Lets the device see what was posted since the last time.
  ///
  /// - Returns: Whether it wants to be notified of it.
  mutating func publish() -> Bool {
    // A device that was reset is shown nothing, nor told of it: §3.1.1.
    guard !isBroken else { return false }
    unpublishedCount = 0
    return ring.publish()
  }

  /// What goes with a notification of queue `index` where the device wants to
  /// know how far the driver is. §2.9.
  func notificationData(_ index: UInt16) -> UInt32 {
    UInt32(ring.notificationOffset) << 16 | UInt32(index)
  }

  // MARK: From the device

  /// Whether the device has given something back that was not taken yet.
  var hasUsed: Bool {
    !isBroken && (order.isInBatch || ring.hasUsed)
  }

  /// Takes the next packet that the device has given back.
  mutating func takeUsed() -> Completion? {
    guard !isBroken else { return nil }
    if order.isInBatch { return takeNextOfBatch() }
    guard let used = nextUsed() else { return nil }
    // SAFETY: The identifier is looked at only below `size`.
    guard used.identifier < UInt32(size),
      unsafe inFlight[Int(used.identifier)] != nil,
      isShown(UInt16(truncatingIfNeeded: used.identifier))
    else {
      isBroken = true
      return nil
    }
    if format.isInOrder {
      order.beginBatch(
        upTo: UInt16(truncatingIfNeeded: used.identifier),
        length: used.length
      )
      return takeNextOfBatch()
    }
    return complete(
      UInt16(truncatingIfNeeded: used.identifier),
      writtenCount: Int(used.length)
    )
  }

  /// Whether the device was shown the packet in flight at `identifier`. What it
  /// names too early must not come back: it is shown at the next ``publish()``.
  private func isShown(_ identifier: UInt16) -> Bool {
    postedCount &- descriptors.number(of: identifier) > unpublishedCount
  }

  private mutating func nextUsed() -> Used? {
    do throws(VirtioError) {
      return try ring.nextUsed()
    } catch {
      isBroken = true
      return nil
    }
  }

  /// §2.7.9: those before the one that the device names were used whole.
  private mutating func takeNextOfBatch() -> Completion? {
    let (identifier, length) = order.takeNext()
    return complete(
      identifier,
      writtenCount: length.map { Int($0) }
        ?? Int(descriptors.postedCount(of: identifier))
    )
  }

  private mutating func complete(
    _ identifier: UInt16,
    writtenCount: Int
  ) -> Completion? {
    // SAFETY: The identifier is below `size`.
    guard let packet = unsafe inFlight[Int(identifier)].take() else {
      isBroken = true
      return nil
    }
    inFlightCount -= 1
    let postedCount = Int(descriptors.postedCount(of: identifier))
    let count = descriptors.release(identifier)
    ring.advance(over: count)
    return Completion(
      packet: packet,
      writtenCount: writtenCount,
      postedCount: postedCount
    )
  }

  /// Asks the device not to interrupt. It may do so all the same.
  func suppressInterrupts() { ring.suppressInterrupts() }

  /// Asks the device to interrupt when it gives something back.
  ///
  /// - Returns: Whether it has done so meanwhile, and may not interrupt for
  ///   that: the caller must look again.
  func requestInterrupts() -> Bool {
    let hasUsed = ring.requestInterrupts()
    return !isBroken && (hasUsed || order.isInBatch)
  }
}
