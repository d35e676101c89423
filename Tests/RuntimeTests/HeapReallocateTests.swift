import Testing

@testable import Runtime

@Suite struct HeapReallocateTests {
  @Test func freeMemoryBehind_growsInPlace() throws {
    let heap = TestHeap()
    let address = try #require(heap.take(100))
    fill(address, heap.usable(address), with: 0x42)
    #expect(heap.move(address, to: 5000) == address)
    #expect(heap.usable(address) >= 5000)
    #expect(holds(address, 104, 0x42))
    #expect(heap.statistics.allocations == 1)
    try heap.validate()
  }

  @Test func memoryBehindInUse_movesWithContents() throws {
    let heap = TestHeap()
    let address = try #require(heap.take(100))
    let wall = try #require(heap.take(100))
    fill(address, 104, with: 0x42)
    fill(wall, 104, with: 0x43)
    let moved = try #require(heap.move(address, to: 5000))
    #expect(moved > wall)
    #expect(holds(moved, 104, 0x42))
    #expect(holds(wall, 104, 0x43))
    #expect(heap.statistics.blocksInUse == 2)
    try heap.validate()
    // The old place is free again.
    #expect(heap.take(100) == address)
  }

  @Test func smaller_staysAndGivesTheRestBack() throws {
    let heap = TestHeap()
    let address = try #require(heap.take(1000))
    let wall = try #require(heap.take(100))
    fill(address, 1000, with: 0x42)
    #expect(heap.move(address, to: 100) == address)
    #expect(heap.usable(address) == 104)
    #expect(heap.statistics.bytesInUse == 224)
    #expect(holds(address, 104, 0x42))
    try heap.validate()
    // The rest is joined to what is freed behind it.
    heap.give(wall)
    try heap.validate()
    #expect(heap.move(address, to: 0) == address)
    #expect(heap.usable(address) == 24)
    try heap.validate()
  }

  @Test func sixteenBytesFewer_areNotABlock() throws {
    let heap = TestHeap()
    let address = try #require(heap.take(104))
    #expect(heap.move(address, to: 88) == address)
    #expect(heap.usable(address) == 104)
    try heap.validate()
  }

  @Test func noMemory_leavesTheOldAsItWas() throws {
    let heap = TestHeap(regions: [4096])
    let address = try #require(heap.take(1000))
    _ = try #require(heap.take(1000))
    fill(address, 1000, with: 0x42)
    #expect(heap.move(address, to: 4000) == nil)
    #expect(heap.usable(address) == 1000)
    #expect(holds(address, 1000, 0x42))
    #expect(heap.statistics.refusals == 1)
    try heap.validate()
  }

  @Test func wholeOfTheNextBlock_isTaken() throws {
    let heap = TestHeap()
    let address = try #require(heap.take(100))
    let next = try #require(heap.take(100))
    _ = try #require(heap.take(100))
    heap.give(next)
    #expect(heap.move(address, to: 216) == address)
    #expect(heap.usable(address) == 216)
    try heap.validate()
  }
}
