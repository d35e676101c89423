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

  private let state: UnsafeMutablePointer<FreeList>
  private let memory: UnsafeMutableRawPointer
  private let slotSize: Int
  /// How many slots have been taken at least once: those behind them are
  /// memory that nothing has touched yet, so that a large pool costs nothing
  /// until it is needed.
  private var madeCount = 0

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
    unsafe state.initialize(to: FreeList(head: nil, count: 0))
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
    unsafe state.pointee.count &+ (capacity &- madeCount)
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
    guard madeCount < capacity else { return nil }
    // SAFETY: The slot lies within `memory`: its control block first, then its
    // bytes.
    let start = unsafe memory + madeCount * slotSize
    let slot = unsafe start.bindMemory(to: Slot.self, capacity: 1)
    unsafe slot.initialize(
      to: Slot(
        next: nil,
        pool: state,
        base: start + Slot.controlBlockSize,
        start: 0,
        end: 0,
        capacity: UInt32(bytesPerPacket)
      )
    )
    madeCount += 1
    return unsafe slot
  }
}

// SAFETY: A pool belongs to one core; see `PacketBuffer`.
extension PacketPool: @unchecked Sendable {}

/// The control block at the front of a slot.
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
  var start: UInt32
  @usableFromInline
  var end: UInt32
  @usableFromInline
  let capacity: UInt32

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
  var count: Int

  @inlinable
  mutating func push(_ slot: UnsafeMutablePointer<Slot>) {
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
}
