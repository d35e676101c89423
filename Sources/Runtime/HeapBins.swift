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
///
/// The bins' heads and bits are in memory that the first region gives up: in
/// the struct they would be copied with it wherever it is borrowed.
@safe
struct HeapBins: ~Copyable {
  /// Sizes are below this, a tebibyte: 32 rows.
  static var sizeLimit: Int { 1 << 40 }

  /// How many blocks ``firstBlock(near:fitting:alignment:)`` looks at, so that a search
  /// ends in the same time whatever the bins hold.
  static var nearbyLimit: Int { 8 }

  /// The bytes that ``attach(unsafeTable:)`` wants: a pointer for each bin,
  /// then a bit for each.
  static var tableSize: Int { 1024 * 8 + 32 * 4 }

  /// Blocks looked at in searches, since the beginning.
  private(set) var steps = 0

  /// One bit for each row of 32 bins that has blocks. Without a table it is
  /// zero, and nothing reads the table then.
  private var rows: UInt64 = 0
  private var table: UnsafeMutableRawPointer?

  init() { unsafe table = nil }

  /// Whether there is a table, without which nothing can be inserted.
  var hasTable: Bool { unsafe table != nil }

  /// Keeps the bins in ``tableSize`` bytes at `table`, from here on.
  @unsafe
  mutating func attach(unsafeTable table: UnsafeMutableRawPointer) {
    unsafe table.initializeMemory(
      as: UInt8.self,
      repeating: 0,
      count: Self.tableSize
    )
    unsafe self.table = unsafe table
  }

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
    let head = self.head(of: bin)
    block.nextInBin = head
    block.previousInBin = nil
    head?.previousInBin = block
    setHead(block, of: bin)
    let row = bin &>> 5
    setBits(bits(of: row) | Self.bit(of: bin), of: row)
    rows |= 1 &<< UInt64(truncatingIfNeeded: row)
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
    precondition(head(of: bin) == block, "heap: free memory was written to")
    setHead(next, of: bin)
    guard next == nil else { return }
    let row = bin &>> 5
    let remaining = bits(of: row) & ~Self.bit(of: bin)
    setBits(remaining, of: row)
    if remaining == 0 {
      rows &= ~(1 &<< UInt64(truncatingIfNeeded: row))
    }
  }

  /// A block of `size` bytes or more, from the lowest bin all of whose blocks
  /// are that large. It stays in its bin.
  mutating func firstBlock(holding size: Int) -> HeapBlock? {
    let lowest = Self.binHolding(size)
    guard rows != 0, lowest < Self.binCount else { return nil }
    var row = lowest &>> 5
    var found =
      bits(of: row) & (.max &<< UInt32(truncatingIfNeeded: lowest & 31))
    if found == 0 {
      let above = rows & (.max &<< UInt64(truncatingIfNeeded: row &+ 1))
      guard above != 0 else { return nil }
      row = above.trailingZeroBitCount
      found = bits(of: row)
    }
    steps &+= 1
    return head(of: row &<< 5 | found.trailingZeroBitCount)
  }

  /// The first of a few blocks in the bin of `nearby` bytes from which `size`
  /// can be taken at a multiple of `alignment`: the bin may have one among
  /// those that are too small. It stays in its bin.
  mutating func firstBlock(
    near nearby: Int,
    fitting size: Int,
    alignment: Int
  ) -> HeapBlock? {
    let bin = Self.bin(of: nearby)
    guard rows != 0, bin < Self.binCount else { return nil }
    var candidate = head(of: bin)
    for _ in 0..<Self.nearbyLimit {
      guard let block = candidate else { return nil }
      steps &+= 1
      if block.gap(alignment: alignment) &+ size <= block.size { return block }
      candidate = block.nextInBin
    }
    return nil
  }

  /// The size of the largest free block, or zero. Takes as long as there are
  /// blocks in the highest bin.
  var largestSize: Int {
    guard rows != 0 else { return 0 }
    let row = 63 &- rows.leadingZeroBitCount
    var next = head(of: row &<< 5 | (31 &- bits(of: row).leadingZeroBitCount))
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
    guard hasTable else { return }
    var remaining = count
    for bin in 0..<Self.binCount {
      let isMarked = bits(of: bin &>> 5) & Self.bit(of: bin) != 0
      guard isMarked == (head(of: bin) != nil) else { throw .bits }
      var previous: HeapBlock?
      var next = head(of: bin)
      while let block = next {
        guard remaining > 0, block.isFree, block.previousInBin == previous,
          Self.bin(of: block.size) == bin
        else { throw .bin }
        remaining -= 1
        previous = block
        next = block.nextInBin
      }
    }
    for row in 0..<Self.binCount / 32 {
      guard (rows &>> UInt64(row) & 1 == 1) == (bits(of: row) != 0) else {
        throw .bits
      }
    }
    guard remaining == 0 else { throw .bin }
  }

  // MARK: The table

  private static var binCount: Int { 1024 }

  private static func bit(of bin: Int) -> UInt32 {
    1 &<< UInt32(truncatingIfNeeded: bin & 31)
  }

  private func head(of bin: Int) -> HeapBlock? {
    // SAFETY: `offset(of:)` lies in the table; its words are blocks or zero.
    guard
      let start = unsafe UnsafeMutableRawPointer(
        bitPattern: table!.load(fromByteOffset: offset(of: bin), as: UInt.self)
      )
    else { return nil }
    return unsafe HeapBlock(unsafeStart: start)
  }

  private func setHead(_ block: HeapBlock?, of bin: Int) {
    // SAFETY: As above, and the heap alone writes there.
    unsafe table!.storeBytes(
      of: block?.address ?? 0,
      toByteOffset: offset(of: bin),
      as: UInt.self
    )
  }

  private func offset(of bin: Int) -> Int {
    precondition(bin >= 0 && bin < Self.binCount)
    return bin &<< 3
  }

  private func bits(of row: Int) -> UInt32 {
    // SAFETY: `bitsOffset(of:)` lies in the table.
    unsafe table!.load(fromByteOffset: bitsOffset(of: row), as: UInt32.self)
  }

  private func setBits(_ bits: UInt32, of row: Int) {
    // SAFETY: As above, and the heap alone writes there.
    unsafe table!.storeBytes(
      of: bits,
      toByteOffset: bitsOffset(of: row),
      as: UInt32.self
    )
  }

  private func bitsOffset(of row: Int) -> Int {
    precondition(row >= 0 && row < 32)
    return Self.binCount &<< 3 &+ row &<< 2
  }
}
