import Testing

@testable import Kernel

private let kib: UInt64 = 1 << 10
private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

@Suite struct MemoryPlanTests {
  /// An image of 700 KiB, laid out as linker.ld does.
  private static let image = MemoryPlan.Image(
    start: mib,
    textEnd: mib + 0x4_2000,
    rodataEnd: mib + 0x5_5000,
    dataEnd: mib + 0x6_9000,
    stack: mib + 0x6_A000..<mib + 0xA_A000,
    trapStack: mib + 0xA_B000..<mib + 0xA_F000,
    end: mib + 0xA_F000
  )

  /// What is left for devices above 4 GiB.
  private static let spareByteCount = Int(MemoryPlan.spareTables) * 4096

  /// The maps of machines as QEMU makes them, and of some that nobody makes.
  private static let maps: [[Range<UInt64>]] = [
    // 16 MiB, 64 MiB, 3 GiB, 6 GiB: the hole is below 4 GiB.
    [0..<0x9_F000, mib..<16 * mib - 0x2_0000],
    [0..<0x9_F000, mib..<64 * mib - 0x2_0000],
    [0..<0x9_F000, mib..<3 * gib],
    [0..<0x9_F000, mib..<3 * gib, 4 * gib..<7 * gib],
    [0..<0x9_F000, mib..<0x8000_0000, 4 * gib..<8 * gib],
    // All of what is used.
    [0..<0x9_F000, mib..<0xFEC0_0000, 4 * gib..<1 << 40],
    // Just enough.
    [mib..<mib + 0xA_F000 + 128 * kib],
    // One piece from 0; from inside low memory.
    [0..<64 * mib],
    [512 * kib..<64 * mib],
    // Odd ends, and single pages between, across and above 4 GiB.
    [mib..<5 * mib + 12 * kib, 7 * mib + 4 * kib..<7 * mib + 8 * kib],
    [mib..<64 * mib, 4 * gib - 4 * kib..<4 * gib + 4 * kib],
    [mib..<64 * mib, 4 * gib..<4 * gib + 4 * kib, 9 * gib..<9 * gib + 4 * kib],
    [mib..<64 * mib, 511 * gib..<513 * gib],
    // As many pieces as a map holds, far apart: each wants tables of its own.
    [mib..<64 * mib]
      + (1...31).map { UInt64($0) * 30 * gib..<UInt64($0) * 30 * gib + 4 * kib },
    // Pieces below the image only.
    (1...20).map { UInt64($0) * 8 * kib..<UInt64($0) * 8 * kib + 4 * kib }
      + [mib..<8 * mib],
  ]

  @Test(arguments: maps)
  func plan_keepsEverybodyApart(_ stretches: [Range<UInt64>]) throws {
    try check(MemoryPlan(MemoryMap(stretches), image: Self.image), stretches)
  }

  @Test(arguments: maps)
  func plannedTables_areJustEnough(_ stretches: [Range<UInt64>]) throws {
    let plan = try MemoryPlan(MemoryMap(stretches), image: Self.image)
    let tables = TestTables(pages: plan.tables.count / 4096)
    for mapping in plan.list { tables.map(mapping.range, mapping.access) }
    #expect(tables.unusedByteCount == Self.spareByteCount)

    // The whole claim, entry by entry, of the tables as they would be loaded.
    let broken = tables.leaves().filter { leaf in
      leaf.page.physical != leaf.virtual || leaf.strayBits != 0
        || leaf.page.isWritable && leaf.page.isExecutable
        || !leaf.page.isCached && leaf.virtual >= 4 * gib
    }
    #expect(broken.isEmpty)
    let image = Self.image
    #expect(tables.lookUp(0) == nil)
    #expect(tables.lookUp(4095) == nil)
    #expect(tables.lookUp(4096) == .init(4096, .readWrite))
    #expect(tables.lookUp(image.start) == .init(image.start, .readExecute))
    #expect(tables.lookUp(image.textEnd) == .init(image.textEnd, .read))
    #expect(
      tables.lookUp(image.rodataEnd) == .init(image.rodataEnd, .readWrite)
    )
    for absent in [image.dataEnd, image.stack.upperBound] {
      #expect(tables.lookUp(absent) == nil)
      #expect(tables.lookUp(absent + 4095) == nil)
    }
    for stack in [image.stack, image.trapStack] {
      let top = stack.upperBound - 1
      #expect(
        tables.lookUp(stack.lowerBound) == .init(stack.lowerBound, .readWrite)
      )
      #expect(tables.lookUp(top) == .init(top, .readWrite))
    }
    #expect(tables.lookUp(0xFEE0_0000) == .init(0xFEE0_0000, .device))
    #expect(tables.lookUp(0xFEC0_0000) == .init(0xFEC0_0000, .device))
    let end = max(stretches.map(\.upperBound).max()!, 4 * gib)
    #expect(tables.lookUp(end) == nil)
  }

  @Test func sixGibibytes_whatIsWhere() throws {
    let map = MemoryMap([0..<0x9_F000, mib..<3 * gib, 4 * gib..<7 * gib])
    let plan = try MemoryPlan(map, image: Self.image)
    let image = Self.image
    // Level 4, level 3, seven of level 2; level 1 for 0 to 2 MiB, where the
    // image ends and the heap begins; and sixteen for devices to come.
    #expect(plan.tables == image.end..<image.end + 26 * 4096)
    #expect(
      plan.heapList == [plan.tables.upperBound..<3 * gib, 4 * gib..<7 * gib]
    )
    #expect(
      plan.list.suffix(3).map(\.range)
        == [image.end..<3 * gib, 3 * gib..<4 * gib, 4 * gib..<7 * gib]
    )
    #expect(
      plan.list.map(\.access)
        == [
          .readWrite, .readExecute, .read, .readWrite, .readWrite, .readWrite,
          .readWrite, .device, .readWrite,
        ]
    )
  }

  private static let failures: [([Range<UInt64>], MemoryPlan.Failure)] = [
    ([], .imageOutsideMemory),
    ([0..<0x9_F000], .imageOutsideMemory),
    ([2 * mib..<64 * mib], .imageOutsideMemory),
    ([mib + 4096..<64 * mib], .imageOutsideMemory),
    ([mib..<mib + 0xA_E000], .imageOutsideMemory),
    ([mib..<mib + 0x5_0000, mib + 0x5_1000..<64 * mib], .imageOutsideMemory),
    ([mib..<mib + 0xA_F000], .tooLittleMemory),
    // The tables would take all that is left.
    ([mib..<mib + 0xA_F000 + 28 * kib], .tooLittleMemory),
    // A tebibyte that a mebibyte has to hold the tables of.
    ([mib..<2 * mib, 4 * gib..<1 << 40], .tooLittleMemory),
  ]

  @Test(arguments: failures)
  func unusableMaps_areRefused(
    _ stretches: [Range<UInt64>],
    _ failure: MemoryPlan.Failure
  ) {
    #expect(throws: failure) {
      try MemoryPlan(MemoryMap(stretches), image: Self.image)
    }
  }

  @Test(arguments: UInt64(1)...100)
  func randomMaps_keepEverybodyApart(_ seed: UInt64) throws {
    var numbers = SeededNumbers(seed: seed)
    var stretches: [Range<UInt64>] = [
      mib..<UInt64.random(in: 2048...8192, using: &numbers) * 4 * kib
    ]
    for _ in 0..<Int.random(in: 0...25, using: &numbers) {
      let gap = UInt64.random(in: 1...2048, using: &numbers)
      let start = stretches.last!.upperBound + gap * gap * 4 * kib
      let pages = UInt64.random(in: 1...2000, using: &numbers)
      stretches.append(start..<start + pages * 4 * kib)
    }
    let map = MemoryMap(stretches)
    let plan = try MemoryPlan(map, image: Self.image)
    check(plan, map.stretches, "seed \(seed)")
    let tables = TestTables(pages: plan.tables.count / 4096)
    for mapping in plan.list { tables.map(mapping.range, mapping.access) }
    #expect(tables.unusedByteCount == Self.spareByteCount, "seed \(seed)")
  }

  /// What holds for every plan.
  private func check(
    _ plan: MemoryPlan,
    _ stretches: [Range<UInt64>],
    _ comment: Comment? = nil
  ) {
    let mappings = plan.list
    for (lower, upper) in zip(mappings, mappings.dropFirst()) {
      #expect(lower.range.upperBound <= upper.range.lowerBound, comment)
    }
    #expect(mappings.first?.range.lowerBound == 4096, comment)

    // The heap is usable, mapped to be written, and nobody else's.
    for range in plan.heapList {
      #expect(!range.isEmpty, comment)
      #expect(stretches.contains { $0.contains(range) }, comment)
      #expect(
        mappings.contains {
          $0.access == .readWrite && $0.range.contains(range)
        },
        comment
      )
      #expect(range.lowerBound >= Self.image.end, comment)
      #expect(!range.overlaps(plan.tables), comment)
    }
    for (lower, upper) in zip(plan.heapList, plan.heapList.dropFirst()) {
      #expect(lower.upperBound <= upper.lowerBound, comment)
    }
    // Nothing usable behind the image is lost.
    let usable = stretches.filter { $0.lowerBound >= Self.image.end }
      .reduce(0) { $0 + $1.count }
    let home = stretches.first { $0.contains(Self.image.start) }!
    let behind = Int(home.upperBound - Self.image.end)
    let given = plan.heapList.reduce(0) { $0 + $1.count }
    #expect(given == usable + behind - plan.tables.count, comment)

    // Devices: below 4 GiB, and never what is memory.
    for mapping in mappings where mapping.access == .device {
      #expect(mapping.range.upperBound <= 4 * gib, comment)
      #expect(!stretches.contains { $0.overlaps(mapping.range) }, comment)
    }
    // All below 4 GiB is mapped from the image's memory on.
    var next = home.upperBound
    for mapping in mappings where mapping.range.lowerBound == next {
      next = mapping.range.upperBound
    }
    #expect(next >= 4 * gib, comment)
  }
}

extension MemoryPlan {
  fileprivate var list: [Mapping] { mappings.indices.map { mappings[$0] } }
  fileprivate var heapList: [Range<UInt64>] { heap.indices.map { heap[$0] } }
}
