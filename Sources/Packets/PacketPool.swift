/// A fixed number of packet slots: allocated together at once, or each when it
/// is needed.
///
/// Taking and giving back a slot is a push or a pop of a free list: no
/// allocation, no reference count. A pool that is empty says so with `nil`, and
/// whoever asked counts a drop or waits.
///
/// The pool must outlive its buffers: its end while one is out is a broken
/// contract and traps.
@safe
public final class PacketPool {
  /// The bytes of a slot by default: a full Ethernet frame of 1,514 bytes with
  /// a VLAN tag, the largest virtio-net header and room for our own headers.
  public static let defaultSlotSize = 2048

  /// The memory of a slot of ``small``, control block included.
  public static var smallSlotSize: Int { 512 }

  /// The bytes at the front of a slot that are no packet's.
  public static var controlBlockSize: Int { unsafe Slot.controlBlockSize }

  private let state: UnsafeMutablePointer<FreeList>
  /// All slots; `nil` when each is allocated alone.
  private let memory: UnsafeMutableRawPointer?
  private let slotSize: Int

  /// The number of slots.
  public let capacity: Int
  /// The bytes that one packet can have, headroom included.
  public let bytesPerPacket: Int
  /// Small slots for those who find no room in this pool; each is taken from the
  /// heap when it is needed.
  public let small: PacketPool?

  /// Makes a pool of `capacity` slots of `slotSize` bytes each, control block
  /// included, and of `smallSlots` small ones beside it.
  ///
  /// - Precondition: `capacity` is positive; `slotSize` is a multiple of 64 and
  ///   at least 128; `smallSlots` is not negative.
  public init(
    capacity: Int,
    slotSize: Int = defaultSlotSize,
    smallSlots: Int = 0
  ) {
    Self.check(capacity, slotSize)
    small =
      smallSlots == 0
      ? nil
      : PacketPool(
        capacity: smallSlots,
        slotSize: Self.smallSlotSize,
        kept: min(smallSlots, 64)
      )
    self.capacity = capacity
    self.slotSize = slotSize
    bytesPerPacket = unsafe slotSize - Slot.controlBlockSize
    // SAFETY: Both allocations end in deinit only.
    unsafe memory = .allocate(
      byteCount: capacity * slotSize,
      alignment: 64
    )
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: FreeList(capacity: capacity, kept: capacity))
  }

  /// Makes a pool of up to `capacity` slots, which are taken from the heap when
  /// they are needed and given back to it but for `kept` of them.
  ///
  /// - Precondition: As in ``init(capacity:slotSize:)``.
  public init(capacity: Int, slotSize: Int, kept: Int) {
    Self.check(capacity, slotSize)
    precondition(kept >= 0)
    small = nil
    self.capacity = capacity
    self.slotSize = slotSize
    bytesPerPacket = unsafe slotSize - Slot.controlBlockSize
    unsafe memory = nil
    // SAFETY: The allocation ends in deinit only.
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: FreeList(capacity: capacity, kept: kept))
  }

  private static func check(_ capacity: Int, _ slotSize: Int) {
    precondition(capacity > 0)
    precondition(slotSize >= 128 && slotSize % 64 == 0)
  }

  deinit {
    precondition(available == capacity, "a packet outlived its pool")
    // SAFETY: Every slot is back, so nothing points into the memory.
    if let memory = unsafe memory {
      unsafe memory.deallocate()
    } else {
      while let slot = unsafe state.pointee.pop() {
        unsafe UnsafeMutableRawPointer(slot).deallocate()
      }
    }
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
  }

  /// The number of slots that are free.
  public var available: Int {
    unsafe state.pointee.available
  }

  /// The slots that a device is short of. They are not free for who would keep
  /// a packet: see ``PacketBuffer/freeInPool``.
  public var owed: Int {
    get { unsafe state.pointee.owed }
    set { unsafe state.pointee.owed = newValue }
  }

  /// The slots that are out, small ones included.
  public var inUse: Int { capacity - available + (small?.inUse ?? 0) }

  /// The memory of the slots that are out, but for small ones, in bytes.
  public var memoryInUse: Int { (capacity - available) * slotSize }

  /// Whether `packet` is in a slot of this pool.
  public func owns(_ packet: borrowing PacketBuffer) -> Bool {
    unsafe packet.slot.pointee.pool == state
  }

  /// An empty packet with `headroom` bytes before it, or `nil` when every slot
  /// is out.
  ///
  /// - Precondition: `headroom` is at most ``bytesPerPacket``.
  public func allocate(headroom: Int = 0) -> PacketBuffer? {
    // SAFETY: A popped slot is owned by nobody else.
    guard let slot = unsafe state.pointee.pop() ?? makeSlot() else {
      return nil
    }
    var packet = unsafe PacketBuffer(unsafeOwning: slot)
    packet.clear(headroom: headroom)
    return packet
  }

  /// A slot that was never taken, or given back; `nil` when all are out.
  private func makeSlot() -> UnsafeMutablePointer<Slot>? {
    let untouched = unsafe state.pointee.untouched
    guard untouched > 0 else { return nil }
    // SAFETY: The slot lies within `memory`, or is all of an allocation: its
    // control block first, then its bytes.
    let start =
      if let memory = unsafe memory {
        unsafe memory + (capacity - untouched) * slotSize
      } else {
        UnsafeMutableRawPointer.allocate(
          byteCount: slotSize,
          alignment: 16
        )
      }
    let slot = unsafe start.bindMemory(to: Slot.self, capacity: 1)
    unsafe slot.initialize(
      to: Slot(
        pool: state,
        base: start + Slot.controlBlockSize,
        capacity: UInt32(bytesPerPacket)
      )
    )
    unsafe state.pointee.untouched -= 1
    return unsafe slot
  }
}

// SAFETY: A pool belongs to one core; see `PacketBuffer`.
extension PacketPool: @unchecked Sendable {}
