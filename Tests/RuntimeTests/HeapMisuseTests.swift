import Testing

@testable import Runtime

/// Broken contracts end the program, for the reason that is theirs.
@Suite struct HeapMisuseTests {
  @Test func blockFreedTwice_traps() async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      let heap = TestHeap()
      let address = heap.take(100)!
      _ = heap.take(100)
      heap.give(address)
      heap.give(address)
    }
    expect(result, says: "a block was freed twice")
  }

  /// The second free meets a block that its free neighbour has swallowed.
  @Test func joinedBlockFreedTwice_traps() async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      let heap = TestHeap()
      let low = heap.take(100)!
      let high = heap.take(100)!
      _ = heap.take(100)
      heap.give(low)
      heap.give(high)
      heap.give(high)
    }
    expect(result, says: "a pointer is not to a block, or was freed")
  }

  /// The swallowed header is still there, in memory that is in use again.
  @Test func swallowedBlockFreedTwice_traps() async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      let heap = TestHeap()
      let low = heap.take(100)!
      let high = heap.take(100)!
      heap.give(high)
      heap.give(low)
      _ = heap.take(400)
      heap.give(high)
    }
    expect(result, says: "a block was freed twice")
  }

  @Test func freedBlockReused_whenFreedAgain_traps() async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      let heap = TestHeap()
      let low = heap.take(100)!
      let high = heap.take(100)!
      heap.give(high)
      heap.give(low)
      // The old block is now in the middle of another's bytes.
      fill(heap.take(400)!, 400, with: 0xFF)
      heap.give(high)
    }
    expect(result, says: "a pointer is not to a block, or was freed")
  }

  @Test(arguments: [8, 15, 16, 32, 64, -16, -32, 4096, 1 << 30])
  func foreignPointer_traps(offset: Int) async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) { [offset] in
      let heap = TestHeap()
      let address = heap.take(1000)!
      fill(address, 1000, with: 0)
      heap.give(address &+ UInt(bitPattern: offset))
    }
    expect(result, says: "a pointer is not to a block")
  }

  @Test func stackAddress_traps() async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      let heap = TestHeap()
      var words: (UInt, UInt, UInt, UInt) = (0, 0, 0, 0)
      let address = unsafe withUnsafeMutablePointer(to: &words) {
        UInt(bitPattern: $0)
      }
      _ = heap.usable(address)
    }
    expect(result, says: "a pointer is not to a block")
  }

  @Test func writePastTheEnd_traps() async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      let heap = TestHeap()
      let address = heap.take(100)!
      fill(address, heap.usable(address) + 8, with: 0x41)
      heap.give(address)
    }
    expect(result, says: "a write past the end of a block")
  }

  @Test func writeAfterFree_traps() async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      let heap = TestHeap()
      let first = heap.take(100)!
      _ = heap.take(100)
      let second = heap.take(100)!
      _ = heap.take(100)
      heap.give(first)
      heap.give(second)
      // The links of the bin, which the two are in, now lead elsewhere.
      fill(first + 8, 8, with: 0)
      _ = heap.take(100)
      _ = heap.take(100)
    }
    expect(result, says: "free memory was written to")
  }

  @Test func writeToTheEndOfFreeMemory_traps() async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) {
      let heap = TestHeap()
      let low = heap.take(100)!
      let high = heap.take(100)!
      heap.give(low)
      // The copy of its size, by which `high` would find it.
      fill(low + 96, 1, with: 32)
      heap.give(high)
    }
    expect(result, says: "free memory was written to")
  }

  @Test(arguments: [0, 3, -16, 24])
  func oddAlignment_traps(alignment: Int) async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) { [alignment] in
      let heap = TestHeap()
      _ = heap.take(1, alignment: alignment)
    }
    expect(result, says: "an alignment is not a power of two")
  }

  /// In the heap's books, in blocks, and over the end of one region and the
  /// beginning of the next.
  @Test(arguments: [0, 100, 9_000, 12_000, 16_000])
  func overlappingRegion_traps(start: Int) async throws {
    let result = try await #require(
      processExitsWith: .failure,
      observing: [\.standardErrorContent]
    ) { [start] in
      let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 16_384,
        alignment: 16
      )
      var heap = Heap()
      unsafe heap.add(region: .init(rebasing: memory[..<12_288]))
      unsafe heap.add(region: .init(rebasing: memory[12_288...]))
      unsafe heap.add(region: .init(rebasing: memory[start..<start + 384]))
    }
    expect(result, says: "regions overlap")
  }

  private func expect(_ result: ExitTest.Result, says message: String) {
    let error = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(error.contains("heap: " + message))
  }
}

/// Damage is found by ``Heap/validate()`` and named.
@Suite struct HeapValidationTests {
  @Test(arguments: [
    // In use: the header behind the first block.
    (offset: 104, value: 0xFF, defect: HeapDefect.header),
    // The lowest bits of the third block's header, whose previous is free.
    (offset: 216, value: 0x70, defect: .previous),
    // The free block's size at its end.
    (offset: 208, value: 0x60, defect: .footer),
    // The free block's flags, as if in use.
    (offset: 104, value: 0x70, defect: .previous),
    // The free block's link to the one before it in its bin.
    (offset: 120, value: 0x10, defect: .bin),
  ])
  func damage_isNamed(offset: UInt, value: UInt8, defect: HeapDefect) throws {
    let heap = TestHeap()
    let first = try #require(heap.take(100))
    let second = try #require(heap.take(100))
    _ = try #require(heap.take(100))
    heap.give(second)
    try heap.validate()
    fill(first + offset, 1, with: value)
    #expect(throws: defect) { try heap.validate() }
  }
}
