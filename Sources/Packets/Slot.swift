/// The control block at the front of a slot: its bounds, who else refers to it,
/// and what of its packet is the device's to do.
@unsafe
@usableFromInline
struct Slot {
  /// The next slot of the free list or of the queue this one is in.
  @usableFromInline
  var next: UnsafeMutablePointer<Slot>?
  @usableFromInline
  let pool: UnsafeMutablePointer<FreeList>
  @usableFromInline
  let base: UnsafeMutableRawPointer
  @usableFromInline
  var start: UInt32 = 0
  @usableFromInline
  var end: UInt32 = 0
  @usableFromInline
  let capacity: UInt32
  /// Who refers to the slot: the buffer that owns it, and each packet that has
  /// a part of its bytes as a fragment.
  @usableFromInline
  var references: UInt32 = 1

  /// The fragments behind the packet's own bytes: ``PacketFragments``.
  @usableFromInline
  var fragmentCount: UInt8 = 0
  /// What is known or wanted of the checksum: ``PacketBuffer/Offload``.
  @usableFromInline
  var checksum = ChecksumState.unknown
  /// Where it begins and where it is written, from `base`.
  @usableFromInline
  var checksumStart: UInt16 = 0
  @usableFromInline
  var checksumField: UInt16 = 0
  /// How the packet is to be cut, or what it was merged from.
  @usableFromInline
  var segmentation = SegmentationKind.none
  @usableFromInline
  var segmentSize: UInt16 = 0
  /// Whether it says that there is congestion.
  @usableFromInline
  var isCongestionMarked = false
  /// The number of the interface that it came over.
  @usableFromInline
  var interface: UInt8 = 0
  /// Where the payload begins that is cut, from `base`.
  @usableFromInline
  var payloadStart: UInt16 = 0

  @inlinable
  init(
    pool: UnsafeMutablePointer<FreeList>,
    base: UnsafeMutableRawPointer,
    capacity: UInt32
  ) {
    unsafe next = nil
    unsafe self.pool = unsafe pool
    unsafe self.base = unsafe base
    unsafe self.capacity = capacity
  }

  /// One cache line, so that packets begin on one.
  static var controlBlockSize: Int { 64 }
}

/// The slots that nobody owns, last in, first out: the warmest is used next.
@unsafe
@usableFromInline
struct FreeList {
  @usableFromInline
  var head: UnsafeMutablePointer<Slot>?
  @usableFromInline
  var count = 0
  /// How many slots have never been taken, or were given back to the heap:
  /// memory that nothing has touched, so that a large pool costs nothing until
  /// it is needed.
  @usableFromInline
  var untouched: Int
  /// See ``PacketPool/owed``.
  @usableFromInline
  var owed = 0
  /// The slots of the pool, in all.
  @usableFromInline
  let capacity: Int
  /// How many free slots are kept; beyond, they go back to the heap.
  @usableFromInline
  let kept: Int

  init(capacity: Int, kept: Int) {
    unsafe head = nil
    unsafe untouched = capacity
    unsafe self.capacity = capacity
    unsafe self.kept = kept
  }

  /// The slots that can be taken.
  @inlinable
  var available: Int { unsafe count &+ untouched }

  /// Drops one reference to `slot`; the last makes it free.
  @inlinable
  static func release(_ slot: UnsafeMutablePointer<Slot>) {
    // SAFETY: The caller held the reference, so the slot is not free.
    if unsafe slot.pointee.references == 1 {
      unsafe slot.pointee.pool.pointee.push(slot)
    } else {
      unsafe slot.pointee.references &-= 1
    }
  }

  @inlinable
  mutating func push(_ slot: UnsafeMutablePointer<Slot>) {
    guard unsafe count < kept else { return unsafe giveBack(slot) }
    unsafe slot.pointee.next = unsafe head
    unsafe head = unsafe slot
    unsafe count &+= 1
  }

  mutating func pop() -> UnsafeMutablePointer<Slot>? {
    guard let slot = unsafe head else { return nil }
    unsafe head = unsafe slot.pointee.next
    unsafe slot.pointee.next = nil
    unsafe count &-= 1
    return unsafe slot
  }

  /// Gives the memory of `slot`, which was allocated alone, to the heap.
  @usableFromInline
  @inline(never)
  mutating func giveBack(_ slot: UnsafeMutablePointer<Slot>) {
    // SAFETY: Only pools that allocate their slots one by one keep less than
    // all, and nobody refers to the slot.
    unsafe UnsafeMutableRawPointer(slot).deallocate()
    unsafe untouched &+= 1
  }
}
