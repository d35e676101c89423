/// A fixed number of packet slots, allocated once.
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

  /// The bytes at the front of a slot that are no packet's.
  public static var controlBlockSize: Int { unsafe Slot.controlBlockSize }

  private let state: UnsafeMutablePointer<FreeList>
  private let memory: UnsafeMutableRawPointer
  private let slotSize: Int

  /// The number of slots.
  public let capacity: Int
  /// The bytes that one packet can have, headroom included.
  public let bytesPerPacket: Int

  /// Makes a pool of `capacity` slots of `slotSize` bytes each, control block
  /// included.
  ///
  /// - Precondition: `capacity` is positive; `slotSize` is a multiple of 64 and
  ///   at least 128.
  public init(capacity: Int, slotSize: Int = defaultSlotSize) {
    precondition(capacity > 0)
    precondition(slotSize >= 128 && slotSize % 64 == 0)
    self.capacity = capacity
    self.slotSize = slotSize
    bytesPerPacket = unsafe slotSize - Slot.controlBlockSize
    // SAFETY: Both allocations end in deinit only.
    unsafe memory = .allocate(
      byteCount: capacity * slotSize,
      alignment: 64
    )
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: FreeList(untouched: capacity))
  }

  deinit {
    precondition(available == capacity, "a packet outlived its pool")
    // SAFETY: Every slot is back, so nothing points into the memory.
    unsafe memory.deallocate()
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
  }

  /// The number of slots that are free.
  public var available: Int {
    unsafe state.pointee.available
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

  /// The next slot that was never taken; `nil` when all were.
  private func makeSlot() -> UnsafeMutablePointer<Slot>? {
    let index = unsafe capacity - state.pointee.untouched
    guard index < capacity else { return nil }
    // SAFETY: The slot lies within `memory`: its control block first, then its
    // bytes.
    let start = unsafe memory + index * slotSize
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
