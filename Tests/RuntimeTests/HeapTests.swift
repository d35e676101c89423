import Testing

@testable import Runtime

@Suite struct HeapTests {
  /// The eight bytes that a block costs.
  static let header = 8

  @Test func noRegion_allocationIsRefused() throws {
    let heap = TestHeap(regions: [])
    #expect(heap.take(1) == nil)
    #expect(heap.statistics.refusals == 1)
    #expect(heap.statistics.capacity == 0)
    try heap.validate()
  }

  /// 32 bytes for the record and its header, 32 for the smallest block, whose
  /// last 8 are the end mark's.
  @Test(arguments: [(0, 0), (1, 0), (63, 0), (64, 32), (79, 32), (80, 48)])
  func region_gainsWhatItsEndsLeave(size: Int, gain: Int) throws {
    let heap = TestHeap(regions: [size])
    #expect(heap.statistics.capacity == gain)
    #expect(heap.statistics.bytesFree == gain)
    try heap.validate()
    #expect((heap.take(24) != nil) == (gain > 0))
    try heap.validate()
  }

  /// The heap's books want 8 KiB of the first region; one that is smaller is
  /// passed over.
  @Test func regionTooSmallForTheBooks_isLeftUnused() throws {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 32_768,
      alignment: 16
    )
    defer { unsafe memory.deallocate() }
    var heap = Heap()
    let small = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<8_192])
    let large = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[8_192...])
    let none = unsafe heap.add(region: small)
    #expect(none == 0)
    let most = unsafe heap.add(region: large)
    #expect(most == 24_576 - 32 - 8_320)
    // With the books elsewhere it is memory like any other.
    let all = unsafe heap.add(region: small)
    #expect(all == 8_192 - 32)
    try heap.validate()
  }

  @Test(arguments: 0..<16)
  func misalignedRegion_staysWithinItself(shift: Int) throws {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 16_384,
      alignment: 16
    )
    defer { unsafe memory.deallocate() }
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xEE)
    let start = UInt(bitPattern: memory.baseAddress)
    let length = 16_384 - 16 - shift
    var heap = Heap()
    unsafe heap.add(
      region: UnsafeMutableRawBufferPointer(
        rebasing: memory[shift..<shift + length]
      )
    )
    try heap.validate()
    let whole = heap.statistics.largestFreeBlock
    let block = unsafe heap.allocate(byteCount: whole)
    let address = UInt(bitPattern: block)
    #expect(address >= start && address % 16 == 0)
    fill(address, whole, with: 0x11)
    try heap.validate()
    #expect(holds(start, shift, 0xEE))
    #expect(holds(start + UInt(shift + length), 16, 0xEE))
  }

  @Test(arguments: [
    (0, 24), (1, 24), (24, 24), (25, 40), (40, 40), (41, 56), (100, 104),
    (4096, 4104),
  ])
  func allocation_hasUsableSize(asked: Int, usable: Int) throws {
    let heap = TestHeap()
    let address = try #require(heap.take(asked))
    #expect(heap.usable(address) == usable)
    #expect(heap.statistics.bytesInUse == usable + Self.header)
  }

  @Test func zeroBytes_areBlocksOfTheirOwn() throws {
    let heap = TestHeap()
    let first = try #require(heap.take(0))
    let second = try #require(heap.take(0))
    #expect(first != second)
    heap.give(first)
    heap.give(second)
    #expect(heap.statistics.bytesInUse == 0)
    try heap.validate()
  }

  @Test(arguments: (0...16).map { 1 << $0 })
  func everyAlignment_isKept(alignment: Int) throws {
    let heap = TestHeap(regions: [1 << 20])
    var addresses: [UInt] = []
    for count in [1, 24, 100, 4096, 9000] {
      // An odd block between, so that free blocks begin anywhere.
      addresses.append(try #require(heap.take(count % 57)))
      let address = try #require(heap.take(count, alignment: alignment))
      #expect(address % UInt(max(16, alignment)) == 0)
      #expect(heap.usable(address) >= count)
      fill(address, heap.usable(address), with: 0x77)
      addresses.append(address)
      try heap.validate()
    }
    for address in addresses { heap.give(address) }
    try heap.validate()
    #expect(heap.largestSize == heap.statistics.capacity)
  }

  @Test(arguments: [
    -1, .min, .max, .max - 7, .max - 15, 1 << 40, (1 << 40) - 1, (1 << 40) - 64,
    1 << 47,
  ])
  func impossibleSize_isRefused(size: Int) throws {
    let heap = TestHeap()
    let kept = try #require(heap.take(10))
    #expect(heap.take(size) == nil)
    #expect(heap.take(size, alignment: 4096) == nil)
    #expect(heap.move(kept, to: size) == nil)
    #expect(heap.statistics.refusals == 3)
    try heap.validate()
  }

  @Test(arguments: [20, 39, 40, 62])
  func impossibleAlignment_isRefused(exponent: Int) throws {
    let heap = TestHeap()
    #expect(heap.take(16, alignment: 1 << exponent) == nil)
    #expect(heap.statistics.refusals == 1)
    try heap.validate()
  }

  @Test func wholeRegion_canBeOneAllocation() throws {
    // 65,536 - 40 lies inside a bin, whose blocks need not all be as large.
    let heap = TestHeap()
    let whole = heap.statistics.largestFreeBlock
    let address = try #require(heap.take(whole))
    #expect(heap.statistics.bytesFree == 0)
    #expect(heap.statistics.largestFreeBlock == 0)
    #expect(heap.take(0) == nil)
    try heap.validate()
    heap.give(address)
    #expect(heap.statistics.largestFreeBlock == whole)
  }

  @Test func exactAlignedBlock_isTaken() throws {
    let heap = TestHeap(regions: [1 << 20])
    let page = try #require(heap.take(4096, alignment: 4096))
    var rest: [UInt] = []
    for size in [65_536, 4096, 256, 0] {
      while let address = heap.take(size) { rest.append(address) }
    }
    heap.give(page)
    // Only the page's own place is left: no room to look for alignment.
    #expect(heap.take(4096, alignment: 4096) == page)
    try heap.validate()
  }

  @Test func exhaustion_isRefusedAndRecovers() throws {
    let heap = TestHeap(regions: [65_536, 32_768])
    for round in 1...3 {
      var addresses: [UInt] = []
      while let address = heap.take(100) {
        fill(address, 100, with: UInt8(round))
        addresses.append(address)
      }
      #expect(addresses.count > 800)
      #expect(heap.statistics.refusals == round)
      #expect(heap.statistics.bytesFree < 2 * 112)
      try heap.validate()
      let last = addresses.removeLast()
      heap.give(last)
      #expect(heap.take(100) == last)
      addresses.append(last)
      for address in addresses { heap.give(address) }
      try heap.validate()
      #expect(heap.statistics.bytesInUse == 0)
      #expect(heap.statistics.blocksInUse == 0)
    }
    #expect(heap.statistics.allocations == heap.statistics.frees)
  }

  /// Three blocks side by side and one behind; the outer two are freed as the
  /// case says before the middle one is.
  @Test(arguments: [
    (previous: false, next: false, free: 112),
    (previous: true, next: false, free: 224),
    (previous: false, next: true, free: 224),
    (previous: true, next: true, free: 336),
  ])
  func freedBlock_joinsItsFreeNeighbours(
    previous: Bool,
    next: Bool,
    free: Int
  ) throws {
    let heap = TestHeap()
    let low = try #require(heap.take(100))
    let middle = try #require(heap.take(100))
    let high = try #require(heap.take(100))
    _ = try #require(heap.take(100))
    #expect(middle - low == 112 && high - middle == 112)
    let rest = heap.largestSize
    while let filler = heap.take(rest - Self.header) { _ = filler }
    #expect(heap.statistics.bytesFree == 0)
    if previous { heap.give(low) }
    if next { heap.give(high) }
    heap.give(middle)
    try heap.validate()
    #expect(heap.largestSize == free)
    let joined = heap.take(free - Self.header)
    #expect(joined == (previous ? low : middle))
    try heap.validate()
  }

  @Test func usableBytes_disturbNoNeighbour() throws {
    let heap = TestHeap()
    var blocks: [(address: UInt, usable: Int, value: UInt8)] = []
    for size in 0..<200 {
      let address = try #require(heap.take(size))
      blocks.append((address, heap.usable(address), UInt8(size)))
    }
    for block in blocks {
      fill(block.address, block.usable, with: block.value)
    }
    try heap.validate()
    for block in blocks {
      #expect(holds(block.address, block.usable, block.value))
    }
    for block in blocks { heap.give(block.address) }
    try heap.validate()
  }

  @Test func statistics_count() throws {
    let heap = TestHeap()
    let capacity = heap.statistics.capacity
    #expect(capacity == 65_536 - 32)
    let first = try #require(heap.take(100))
    let second = try #require(heap.take(40))
    heap.give(first)
    let third = try #require(heap.take(24))
    #expect(heap.take(.max) == nil)
    #expect(
      heap.statistics
        == HeapStatistics(
          capacity: capacity,
          bytesInUse: 48 + 32,
          peakBytesInUse: 112 + 48,
          blocksInUse: 2,
          allocations: 3,
          frees: 1,
          refusals: 1,
          largestFreeBlock: capacity - 112 - 48 - Self.header
        )
    )
    #expect(heap.statistics.bytesFree == capacity - 80)
    heap.give(second)
    heap.give(third)
    #expect(heap.statistics.largestFreeBlock == capacity - Self.header)
  }

  /// Every bin is the one of the sizes from its lowest to the next bin's, and
  /// what a search for a size finds is never smaller.
  @Test func bins_areInOrderOfSize() {
    var last = HeapBins.bin(of: 32)
    for size in stride(from: 48, to: 1 << 18, by: 16) {
      let bin = HeapBins.bin(of: size)
      #expect(bin == last || bin == last + 1)
      let holding = HeapBins.binHolding(size)
      #expect(holding == (bin == last ? bin + 1 : bin))
      last = bin
    }
    #expect(HeapBins.bin(of: HeapBins.sizeLimit - 16) == 1023)
  }
}
