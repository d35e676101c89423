import Testing

@testable import Runtime

/// Random work against a model that knows only what the callers were told.
@Suite struct HeapWorkloadTests {
  struct Live {
    var address: UInt
    var asked: Int
    var usable: Int
    var value: UInt8
  }

  @Test(arguments: [1, 2, 20_261_121, 0xDEAD_BEEF] as [UInt64])
  func randomWork_keepsEveryByte(seed: UInt64) throws {
    let regions = [1 << 20, 65_536 + 24, 300_000]
    let heap = TestHeap(regions: regions)
    var numbers = SeededNumbers(seed: seed)
    var live: [Live] = []
    var allocations = 0
    var frees = 0
    var refusals = 0

    func fail(_ operation: Int, _ what: Comment) {
      Issue.record("seed \(seed), operation \(operation): \(what)")
    }

    for operation in 0..<200_000 {
      // Fill up and empty out in turns, so that memory runs out at times.
      let growing = operation / 10_000 % 2 == 0
      let chance = Int.random(in: 0..<100, using: &numbers)
      if chance < (growing ? 55 : 35) || live.isEmpty {
        let asked = Self.size(&numbers)
        let alignment = 1 << (chance % 5 == 0 ? Int(numbers.next() % 13) : 0)
        guard let address = heap.take(asked, alignment: alignment) else {
          refusals += 1
          continue
        }
        allocations += 1
        if address % UInt(max(16, alignment)) != 0 {
          fail(operation, "alignment \(alignment) not kept")
        }
        let block = Live(
          address: address,
          asked: asked,
          usable: heap.usable(address),
          value: UInt8(truncatingIfNeeded: numbers.next())
        )
        if block.usable < asked { fail(operation, "too small") }
        fill(address, block.usable, with: block.value)
        live.append(block)
      } else if chance < 90 {
        let index = Int.random(in: 0..<live.count, using: &numbers)
        let block = live[index]
        live[index] = live[live.count - 1]
        live.removeLast()
        if heap.usable(block.address) != block.usable
          || !holds(block.address, block.usable, block.value)
        {
          fail(operation, "contents changed before free")
        }
        heap.give(block.address)
        frees += 1
      } else {
        let index = Int.random(in: 0..<live.count, using: &numbers)
        let block = live[index]
        let asked = Self.size(&numbers)
        guard let address = heap.move(block.address, to: asked) else {
          refusals += 1
          if !holds(block.address, block.usable, block.value) {
            fail(operation, "contents changed in a refused reallocation")
          }
          continue
        }
        if address != block.address {
          allocations += 1
          frees += 1
        }
        let usable = heap.usable(address)
        if usable < asked { fail(operation, "too small") }
        if !holds(address, min(usable, block.usable), block.value) {
          fail(operation, "contents changed in a reallocation")
        }
        fill(address, usable, with: block.value)
        live[index] = Live(
          address: address,
          asked: asked,
          usable: usable,
          value: block.value
        )
      }
      if operation % 2_000 == 0 {
        try check(heap, live, "seed \(seed), operation \(operation)")
      }
    }
    let counts = heap.statistics
    #expect(counts.allocations == allocations, "seed \(seed)")
    #expect(counts.frees == frees, "seed \(seed)")
    #expect(counts.refusals == refusals, "seed \(seed)")
    #expect(refusals > 0, "seed \(seed): memory never ran out")

    live.shuffle(using: &numbers)
    for block in live { heap.give(block.address) }
    try heap.validate()
    // Each region is one block again, and the regions never join.
    var rest: [Int] = []
    while heap.statistics.bytesFree > 0 {
      rest.append(heap.statistics.largestFreeBlock)
      _ = try #require(heap.take(rest[rest.count - 1]))
    }
    #expect(
      rest == [(1 << 20) - 40, 300_000 - 40, 65_536 + 16 - 40],
      "seed \(seed)"
    )
  }

  /// Sizes as of a program: most are small, some large, a few awkward.
  private static func size(_ numbers: inout SeededNumbers) -> Int {
    switch numbers.next() % 16 {
    case 0: return 0
    case 1..<10: return Int(numbers.next() % 200)
    case 10..<14: return Int(numbers.next() % 3_000)
    case 14: return 1 << Int(numbers.next() % 16)
    default: return Int(numbers.next() % 60_000)
    }
  }

  private func check(
    _ heap: TestHeap,
    _ live: [Live],
    _ place: Comment
  ) throws {
    try heap.validate()
    let sorted = live.sorted { $0.address < $1.address }
    for (low, high) in zip(sorted, sorted.dropFirst()) {
      // At least the header lies between.
      if low.address + UInt(low.usable) + 8 > high.address {
        Issue.record("\(place): overlap at \(low.address)")
      }
    }
    for block in live where !holds(block.address, block.usable, block.value) {
      Issue.record("\(place): contents changed at \(block.address)")
    }
    let inUse = live.reduce(0) { $0 + $1.usable + 8 }
    let counts = heap.statistics
    #expect(counts.bytesInUse == inUse, place)
    #expect(counts.blocksInUse == live.count, place)
    #expect(counts.bytesInUse + counts.bytesFree == counts.capacity, place)
  }

  /// A search looks at one block when any bin surely holds one, and at a few
  /// more otherwise, with ten blocks or with ten thousand, free or in use.
  @Test(arguments: [10, 100, 1_000, 10_000])
  func search_takesAsLongWhateverTheHeapHolds(blocks: Int) throws {
    let heap = TestHeap(regions: [16 << 20])
    var numbers = SeededNumbers(seed: UInt64(blocks))
    var addresses: [UInt] = []
    for _ in 0..<blocks {
      addresses.append(try #require(heap.take(Int(numbers.next() % 1_000))))
    }
    // Every other one is free, so no two join and the bins are long.
    for index in stride(from: 0, to: blocks, by: 2) {
      heap.give(addresses[index])
    }
    for size in 0..<1_000 {
      let before = heap.steps
      let address = try #require(heap.take(size))
      #expect(heap.steps - before == 1)
      heap.give(address)
    }
    var most = 0
    for (size, alignment) in [(16 << 20, 16), (15 << 20, 1 << 22)] {
      let before = heap.steps
      _ = heap.take(size, alignment: alignment)
      most = max(most, heap.steps - before)
    }
    #expect(most <= 1 + 2 * HeapBins.nearbyLimit)
  }

  /// The worst bin: all its blocks are a little too small.
  @Test func search_givesUpInABinOfTooSmallBlocks() throws {
    let heap = TestHeap(regions: [4 << 20])
    var addresses: [UInt] = []
    while let address = heap.take(2048) { addresses.append(address) }
    while heap.take(0) != nil {}
    for index in stride(from: 0, to: addresses.count, by: 2) {
      heap.give(addresses[index])
    }
    let before = heap.steps
    #expect(heap.take(2048 + 16) == nil)
    #expect(heap.steps - before == HeapBins.nearbyLimit)
    #expect(heap.take(2048) != nil)
    try heap.validate()
  }
}
