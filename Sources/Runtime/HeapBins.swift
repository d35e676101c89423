/// The free blocks of a ``Heap`` by size, in two levels, so that one that fits
/// is found in two bit searches however many there are: the two-level
/// segregated fit of Masmano, Ripoll, Crespo and Real, 2004.
///
///     size below 512           a bin for each multiple of 16
///     2^k ..< 2^(k+1), k >= 9  32 bins, each 2^(k-5) wide
///
/// A bin is a doubly linked list, last in, first out; the links are in the
/// blocks. One bit says whether a bin has blocks, and one whether any of a
/// row of 32 bins has.
struct HeapBins: ~Copyable {
  /// Sizes are below this, a tebibyte: 32 rows.
  static var sizeLimit: Int { 1 << 40 }

  /// How many blocks ``firstBlock(near:where:)`` looks at, so that a search
  /// ends in the same time whatever the bins hold.
  static var nearbyLimit: Int { 8 }

  /// Blocks looked at in searches, since the beginning.
  private(set) var steps = 0

  private var rows: UInt64 = 0
  private var bins = InlineArray<32, UInt32>(repeating: 0)
  private var heads = InlineArray<1024, HeapBlock?>(repeating: nil)

  /// The bin that blocks of `size` bytes are in.
  static func bin(of size: Int) -> Int {
    guard size >= 512 else { return size &>> 4 }
    let exponent = 63 &- size.leadingZeroBitCount
    // The bit that `exponent` names is 32 here, so it adds one row.
    return (exponent &- 9) &<< 5 &+ size &>> (exponent &- 5)
  }

  /// The first bin whose blocks all have `size` bytes or more.
  static func binHolding(_ size: Int) -> Int {
    guard size >= 512 else { return size &>> 4 }
    let exponent = 63 &- size.leadingZeroBitCount
    return bin(of: size &+ 1 &<< (exponent &- 5) &- 1)
  }

  /// Puts a free block into its bin.
  mutating func insert(_ block: HeapBlock) {
    let bin = Self.bin(of: block.size)
    let head = heads[bin]
    block.nextInBin = head
    block.previousInBin = nil
    head?.previousInBin = block
    heads[bin] = block
    bins[bin &>> 5] |= 1 &<< UInt32(truncatingIfNeeded: bin & 31)
    rows |= 1 &<< UInt64(truncatingIfNeeded: bin &>> 5)
  }

  /// Takes a free block out of its bin.
  ///
  /// - Precondition: Its links are as ``insert(_:)`` and this left them: who
  ///   writes to memory after freeing it is found here.
  mutating func remove(_ block: HeapBlock) {
    let next = block.nextInBin
    let previous = block.previousInBin
    if let next {
      precondition(
        next.previousInBin == block,
        "heap: free memory was written to"
      )
      next.previousInBin = previous
    }
    if let previous {
      precondition(
        previous.nextInBin == block,
        "heap: free memory was written to"
      )
      previous.nextInBin = next
      return
    }
    let bin = Self.bin(of: block.size)
    precondition(heads[bin] == block, "heap: free memory was written to")
    heads[bin] = next
    guard next == nil else { return }
    let row = bin &>> 5
    bins[row] &= ~(1 &<< UInt32(truncatingIfNeeded: bin & 31))
    if bins[row] == 0 {
      rows &= ~(1 &<< UInt64(truncatingIfNeeded: row))
    }
  }

  /// A block of `size` bytes or more, from the lowest bin all of whose blocks
  /// are that large. It stays in its bin.
  mutating func firstBlock(holding size: Int) -> HeapBlock? {
    let lowest = Self.binHolding(size)
    guard lowest < heads.count else { return nil }
    var row = lowest &>> 5
    var found = bins[row] & (.max &<< UInt32(truncatingIfNeeded: lowest & 31))
    if found == 0 {
      let above = rows & (.max &<< UInt64(truncatingIfNeeded: row &+ 1))
      guard above != 0 else { return nil }
      row = above.trailingZeroBitCount
      found = bins[row]
    }
    steps &+= 1
    return heads[row &<< 5 | found.trailingZeroBitCount]
  }

  /// The first of a few blocks in the bin of `size` that `fits`: the bin may
  /// have one that is large enough among those that are not. It stays in its
  /// bin.
  mutating func firstBlock(
    near size: Int,
    where fits: (HeapBlock) -> Bool
  ) -> HeapBlock? {
    let bin = Self.bin(of: size)
    guard bin < heads.count else { return nil }
    var candidate = heads[bin]
    for _ in 0..<Self.nearbyLimit {
      guard let block = candidate else { return nil }
      steps &+= 1
      if fits(block) { return block }
      candidate = block.nextInBin
    }
    return nil
  }

  /// The size of the largest free block, or zero. Takes as long as there are
  /// blocks in the highest bin.
  var largestSize: Int {
    guard rows != 0 else { return 0 }
    let row = 63 &- rows.leadingZeroBitCount
    var next = heads[row &<< 5 | (31 &- bins[row].leadingZeroBitCount)]
    var largest = 0
    while let block = next {
      largest = max(largest, block.size)
      next = block.nextInBin
    }
    return largest
  }

  /// Checks that every bin holds `count` free blocks of its sizes in all, with
  /// links that agree, and that the bits say which bins have any.
  func validate(count: Int) throws(HeapDefect) {
    var remaining = count
    for bin in 0..<heads.count {
      let row = bin &>> 5
      let isMarked = bins[row] &>> UInt32(bin & 31) & 1 == 1
      guard isMarked == (heads[bin] != nil) else { throw .bits }
      var previous: HeapBlock?
      var next = heads[bin]
      while let block = next {
        guard remaining > 0, block.isFree, block.previousInBin == previous,
          Self.bin(of: block.size) == bin
        else { throw .bin }
        remaining -= 1
        previous = block
        next = block.nextInBin
      }
    }
    for row in 0..<bins.count {
      guard (rows &>> UInt64(row) & 1 == 1) == (bins[row] != 0) else {
        throw .bits
      }
    }
    guard remaining == 0 else { throw .bin }
  }
}
