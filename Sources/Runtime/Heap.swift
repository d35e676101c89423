/// An allocator over memory that it is given: what Swift's runtime asks
/// `malloc`, `posix_memalign`, `free` and `malloc_usable_size` for.
///
/// Allocating and freeing take the same short time however many blocks there
/// are (``HeapBins``). A freed block is joined with its free neighbours at
/// once, so memory that is all free is one block a region again. A block costs
/// eight bytes, and every byte of ``usableSize(of:)`` is the owner's.
///
/// The heap keeps its books in the regions, and allocates nothing. It belongs to one core and is not entered from an interrupt.
///
/// A pointer that is not a block in use, a second `free`, and a block or free
/// memory whose ends were written over are broken contracts and trap where
/// they are met: going on would hand the same bytes to two owners.
@safe
public struct Heap: ~Copyable {
  var bins = HeapBins()
  /// The region added last, from which the others hang.
  private(set) var lastRegion: HeapRegion?
  /// All but `largestFreeBlock`, which is looked up when asked for.
  private var counts = HeapStatistics()
  /// Where the lowest region's first block begins and the highest region ends.
  private var bounds = (lowest: UInt.max, highest: UInt.min)

  /// A heap without memory.
  public init() {}

  /// Gives the heap memory to hand out, and returns how many bytes of blocks it
  /// gained: none from a region too small for one, which is left unused. The
  /// first also holds the heap's books, of some 8 KiB. Of a region larger than
  /// a tebibyte, the rest is left unused.
  ///
  /// - Precondition: The memory is used by nothing else from here on, and
  ///   overlaps no region added before.
  @discardableResult
  public mutating func add(region: UnsafeMutableRawBufferPointer) -> Int {
    let start = UInt(bitPattern: region.baseAddress)
    let end = start &+ UInt(region.count)
    var earlier = lastRegion
    while let region = earlier {
      precondition(!region.overlaps(start, end), "heap: regions overlap")
      earlier = region.next
    }
    // SAFETY: The memory is the heap's, by the precondition, and the reserve
    // is as large as the bins ask.
    guard
      let added = unsafe HeapRegion(
        unsafeMemory: region,
        reserve: bins.hasTable ? 0 : HeapBins.tableSize,
        next: lastRegion
      )
    else { return 0 }
    if !bins.hasTable {
      unsafe bins.attach(unsafeTable: added.unsafeReserve)
    }
    lastRegion = added
    bounds.lowest = min(bounds.lowest, added.first.address)
    bounds.highest = max(bounds.highest, added.end.address)
    bins.insert(added.first)
    counts.capacity &+= added.first.size
    return added.first.size
  }

  /// Memory of at least `byteCount` bytes at a multiple of `alignment`, and of
  /// 16 in any case, or `nil` when there is none: memory is out, or no machine
  /// has as much. Zero bytes are an allocation like another. The bytes are
  /// what was last written there.
  ///
  /// - Precondition: `alignment` is a power of two.
  public mutating func allocate(
    byteCount: Int,
    alignment: Int = 16
  ) -> UnsafeMutableRawPointer? {
    precondition(
      alignment > 0 && alignment & (alignment &- 1) == 0,
      "heap: an alignment is not a power of two"
    )
    guard let size = Self.size(holding: byteCount),
      let found = findBlock(size: size, alignment: alignment)
    else {
      counts.refusals &+= 1
      return nil
    }
    let block = take(found, size: size, alignment: alignment)
    counts.allocations &+= 1
    counts.blocksInUse &+= 1
    countInUse(block.size)
    return unsafe block.start
  }

  /// Takes memory back.
  ///
  /// - Precondition: `pointer` came from ``allocate(byteCount:alignment:)`` or
  ///   ``reallocate(_:byteCount:)`` and was not freed since.
  public mutating func free(_ pointer: UnsafeMutableRawPointer) {
    let block = unsafe Self.blockInUse(at: pointer, within: bounds)
    counts.frees &+= 1
    counts.blocksInUse &-= 1
    counts.bytesInUse &-= block.size
    release(block)
  }

  /// Makes the memory at `pointer` at least `byteCount` bytes large, in its
  /// place where the bytes behind it are free, or else elsewhere, at a multiple
  /// of 16, with its contents as far as they fit. `nil` when there is no such
  /// memory; the old is as it was then.
  ///
  /// - Precondition: As for ``free(_:)``.
  public mutating func reallocate(
    _ pointer: UnsafeMutableRawPointer,
    byteCount: Int
  ) -> UnsafeMutableRawPointer? {
    let block = unsafe Self.blockInUse(at: pointer, within: bounds)
    guard let size = Self.size(holding: byteCount) else {
      counts.refusals &+= 1
      return nil
    }
    let oldSize = block.size
    let next = block.next
    if size > oldSize, next.isFree, oldSize &+ next.size >= size {
      absorb(next, into: block)
    }
    if block.size >= size {
      trim(block, to: size)
      countInUse(block.size &- oldSize)
      return unsafe pointer
    }
    guard let new = unsafe allocate(byteCount: byteCount) else { return nil }
    // SAFETY: The new block is the larger one, and the two are apart.
    unsafe new.copyMemory(from: pointer, byteCount: block.usableSize)
    unsafe free(pointer)
    return unsafe new
  }

  /// The bytes at `pointer` that its owner may use: as many as were asked for,
  /// or a few more.
  ///
  /// - Precondition: As for ``free(_:)``.
  public func usableSize(of pointer: UnsafeMutableRawPointer) -> Int {
    unsafe Self.blockInUse(at: pointer, within: bounds).usableSize
  }

  /// What the heap holds and has done.
  public var statistics: HeapStatistics {
    var result = counts
    result.largestFreeBlock = max(0, bins.largestSize - HeapBlock.headerSize)
    return result
  }

  // MARK: Finding

  /// The size of a block for `byteCount` bytes, or `nil` when none can be as
  /// large.
  private static func size(holding byteCount: Int) -> Int? {
    guard byteCount >= 0 && byteCount < HeapBins.sizeLimit else { return nil }
    let mask = HeapBlock.granule &- 1
    let size = (byteCount &+ HeapBlock.headerSize &+ mask) & ~mask
    return max(size, HeapBlock.smallestSize)
  }

  private mutating func findBlock(size: Int, alignment: Int) -> HeapBlock? {
    guard alignment > HeapBlock.granule else {
      return bins.firstBlock(holding: size)
        ?? bins.firstBlock(near: size, fitting: size, alignment: alignment)
    }
    guard alignment < HeapBins.sizeLimit else { return nil }
    // With this much it fits wherever the block begins; with less it may.
    let enough = size &+ alignment &+ HeapBlock.granule
    return bins.firstBlock(holding: enough)
      ?? bins.firstBlock(near: enough, fitting: size, alignment: alignment)
      ?? bins.firstBlock(near: size, fitting: size, alignment: alignment)
  }

  /// Takes `size` bytes at a multiple of `alignment` out of a free block; what
  /// is before and behind them stays free.
  private mutating func take(
    _ found: HeapBlock,
    size: Int,
    alignment: Int
  ) -> HeapBlock {
    bins.remove(found)
    let gap = found.gap(alignment: alignment)
    let whole = found.size
    let block = found.block(at: gap)
    block.initialize(size: whole &- gap, isPreviousFree: false)
    block.next.isPreviousFree = false
    if gap > 0 {
      found.initializeFree(size: gap)
      bins.insert(found)
    }
    trim(block, to: size)
    return block
  }

  // MARK: Splitting and joining

  /// Frees what of a block in use is behind its first `size` bytes, if that is
  /// enough for a block.
  private mutating func trim(_ block: HeapBlock, to size: Int) {
    let rest = block.size &- size
    guard rest >= HeapBlock.smallestSize else { return }
    block.initialize(size: size, isPreviousFree: block.isPreviousFree)
    let tail = block.next
    tail.initialize(size: rest, isPreviousFree: false)
    release(tail)
  }

  /// Joins a block in use with the free one behind it.
  private mutating func absorb(_ next: HeapBlock, into block: HeapBlock) {
    bins.remove(next)
    block.initialize(
      size: block.size &+ next.size,
      isPreviousFree: block.isPreviousFree
    )
    block.next.isPreviousFree = false
  }

  /// Makes a block in use free, joined with its free neighbours.
  private mutating func release(_ block: HeapBlock) {
    var first = block
    var size = block.size
    let next = block.next
    if next.isFree {
      bins.remove(next)
      size &+= next.size
    }
    if block.isPreviousFree {
      first = block.previous
      precondition(
        first.isSealed && first.isFree && first.size == block.previousSize,
        "heap: free memory was written to"
      )
      bins.remove(first)
      size &+= first.size
      block.erase()
    }
    first.initializeFree(size: size)
    bins.insert(first)
  }

  private mutating func countInUse(_ bytes: Int) {
    counts.bytesInUse &+= bytes
    counts.peakBytesInUse = max(counts.peakBytesInUse, counts.bytesInUse)
  }

  /// The block at `pointer`, of which everything that one look can tell says
  /// that it is one, and in use. Not a method of the value: a borrow of all of
  /// it is a copy of all of it.
  private static func blockInUse(
    at pointer: UnsafeMutableRawPointer,
    within bounds: (lowest: UInt, highest: UInt)
  ) -> HeapBlock {
    // SAFETY: Nothing is written through it before it is known to be a block;
    // its header is read only if it lies between the heap's regions' ends.
    let block = unsafe HeapBlock(unsafeStart: pointer)
    precondition(
      block.address >= bounds.lowest && block.address < bounds.highest
        && block.address & UInt(HeapBlock.granule &- 1) == 0
        && block.isSealed && block.size >= HeapBlock.smallestSize,
      "heap: a pointer is not to a block, or was freed, or a write before it"
    )
    precondition(!block.isFree, "heap: a block was freed twice")
    precondition(
      block.next.isSealed && !block.next.isPreviousFree,
      "heap: a write past the end of a block"
    )
    return block
  }
}
