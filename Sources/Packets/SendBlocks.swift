/// Where a ``ByteQueue`` takes its memory from: blocks of two sizes, from the
/// heap, with a bound on all queues together.
///
/// The bound holds back all but a queue's first small block, for which there is
/// memory beyond it:
///
///     | blocks, first or not: `limit` | first blocks: `firstLimit` |
///
/// So a queue that was refused holds some bytes, whose acknowledgement frees
/// memory, until all of that is used up as well.
///
/// A few free blocks of each size are kept, so that a transfer under way asks
/// the heap for nothing.
public struct SendBlocks: Sendable {
  private let small: PacketPool
  private let large: PacketPool
  private let limit: Int
  private let firstLimit: Int

  /// The memory of a small block, control block included: what a request or
  /// a short answer takes.
  public static var smallSize: Int { 2048 }
  /// The memory of a large block: four make the largest packet that a device
  /// cuts.
  public static var largeSize: Int { 16 * 1024 }
  /// The bytes that a queue puts into small blocks.
  private static var bytesInSmall: Int { 4 * smallSize }

  /// Blocks of `limit` bytes in all, and of `firstLimit` bytes more for the first
  /// of each queue. All have to be back when the value ends: what was sent may
  /// still be in them.
  public init(limit: Int, firstLimit: Int) {
    self.limit = limit
    self.firstLimit = firstLimit
    small = PacketPool(
      capacity: Int(Int32.max),
      slotSize: Self.smallSize,
      kept: 64
    )
    large = PacketPool(
      capacity: Int(Int32.max),
      slotSize: Self.largeSize,
      kept: 16
    )
  }

  /// The memory of the blocks that are out, in bytes.
  public var memoryInUse: Int { small.memoryInUse + large.memoryInUse }

  /// Whether a queue that holds nothing can have a block.
  public var hasFirst: Bool {
    memoryInUse + Self.smallSize <= limit + firstLimit
  }

  /// Whether many of them can: as many as a quarter of the memory for first
  /// blocks holds, and one at the least.
  public var hasManyFirst: Bool {
    memoryInUse + max(firstLimit / 4, Self.smallSize) <= limit + firstLimit
  }

  /// A block for the next `count` bytes of a queue that holds `held`; it may be
  /// smaller. `nil` when memory is used up.
  func take(for count: Int, held: Int, isFirst: Bool) -> PacketBuffer? {
    let free = limit - memoryInUse
    if held + count > Self.bytesInSmall, free >= Self.largeSize {
      return large.allocate()
    }
    guard isFirst ? hasFirst : free >= Self.smallSize else { return nil }
    return small.allocate()
  }
}
