/// What a ``Heap`` holds and has done. Bytes are those of whole blocks, with
/// the eight that each costs, so in use and free add up to the capacity.
public struct HeapStatistics: Equatable, Sendable {
  /// The bytes of all regions, less what marks a region's ends.
  public var capacity = 0
  /// The bytes of blocks in use.
  public var bytesInUse = 0
  /// The most that ``bytesInUse`` has been.
  public var peakBytesInUse = 0
  /// The number of blocks in use.
  public var blocksInUse = 0
  /// The number of allocations that succeeded, since the beginning.
  public var allocations = 0
  /// The number of blocks freed, since the beginning.
  public var frees = 0
  /// The number of allocations refused for want of memory.
  public var refusals = 0
  /// The bytes that an owner could use of the largest free block.
  public var largestFreeBlock = 0

  /// The bytes of free blocks.
  public var bytesFree: Int { capacity - bytesInUse }
}
