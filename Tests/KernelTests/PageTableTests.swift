import Testing

@testable import Kernel

private let kib: UInt64 = 1 << 10
private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

@Suite struct PageTableTests {
  private static let accesses: [PageTables.Access] = [
    .read, .readWrite, .readExecute, .device,
  ]

  @Test func freshTables_mapNothing() {
    let tables = TestTables(pages: 1)
    #expect(tables.leaves().isEmpty)
    for address: UInt64 in [0, 4095, 4096, gib, 1 << 47 - 1] {
      #expect(tables.lookUp(address) == nil)
    }
    #expect(tables.unusedByteCount == 0)
  }

  @Test(arguments: accesses)
  func map_identityWithJustThatAccess(_ access: PageTables.Access) {
    let tables = TestTables()
    tables.map(mib..<mib + 8 * kib, access)
    #expect(tables.lookUp(mib - 1) == nil)
    #expect(tables.lookUp(mib) == .init(mib, access))
    #expect(tables.lookUp(mib + 8191) == .init(mib + 8191, access))
    #expect(tables.lookUp(mib + 8192) == nil)
    #expect(tables.leaves().map(\.byteCount) == [4096, 4096])
  }

  @Test(arguments: accesses)
  func noAccess_bothWritesAndExecutes(_ access: PageTables.Access) {
    let tables = TestTables()
    tables.map(2 * mib - 4 * kib..<4 * mib + 4 * kib, access)
    let leaves = tables.leaves()
    #expect(leaves.map(\.byteCount) == [4096, 2 * mib, 4096])
    for leaf in leaves {
      #expect(!(leaf.page.isWritable && leaf.page.isExecutable))
      #expect(leaf.page == .init(leaf.virtual, access))
      #expect(leaf.strayBits == 0)
    }
  }

  /// The range to map, and the sizes of the pages that do it.
  private static let borders: [(Range<UInt64>, [UInt64])] = [
    (4096..<4096, []),
    (0..<4096, [4096]),
    (0..<2 * mib, [2 * mib]),
    (0..<2 * mib + 4096, [2 * mib, 4096]),
    (2 * mib - 4096..<4 * mib, [4096, 2 * mib]),
    (2 * mib - 4096..<2 * mib + 4096, [4096, 4096]),
    (gib - 2 * mib..<gib + 2 * mib, [2 * mib, 2 * mib]),
    (512 * gib - 4096..<512 * gib + 4096, [4096, 4096]),
    (4 * gib - 2 * mib..<4 * gib, [2 * mib]),
    (1 << 47 - 2 * mib..<1 << 47, [2 * mib]),
  ]

  @Test(arguments: borders)
  func map_takesLargePagesWhereAligned(
    _ range: Range<UInt64>,
    _ sizes: [UInt64]
  ) {
    let tables = TestTables()
    tables.map(range, .readWrite)
    let leaves = tables.leaves()
    #expect(leaves.map(\.byteCount) == sizes)
    #expect(leaves.first?.virtual ?? range.lowerBound == range.lowerBound)
    #expect(
      leaves.reduce(0) { $0 + $1.byteCount } == range.upperBound
        - range.lowerBound
    )
    for leaf in leaves { #expect(leaf.page.physical == leaf.virtual) }
  }

  @Test func twoMappings_shareTables() {
    let tables = TestTables(pages: 4)
    tables.map(mib..<mib + 4096, .readExecute)
    #expect(tables.unusedByteCount == 0)
    tables.map(mib + 4096..<mib + 8192, .read)
    #expect(tables.lookUp(mib) == .init(mib, .readExecute))
    #expect(tables.lookUp(mib + 4096) == .init(mib + 4096, .read))
  }

  @Test func devicePage_isUncachedAndItsNeighbourIsNot() {
    let tables = TestTables()
    tables.map(0xFEE0_0000 - 4096..<0xFEE0_0000, .readWrite)
    tables.map(0xFEE0_0000..<0xFEE0_1000, .device)
    #expect(tables.lookUp(0xFEDF_FFFF)?.isCached == true)
    #expect(tables.lookUp(0xFEE0_00B0)?.isCached == false)
    #expect(tables.lookUp(0xFEE0_00B0)?.isWritable == true)
    #expect(tables.lookUp(0xFEE0_00B0)?.isExecutable == false)
  }

  @Test func mappingTwice_traps() async {
    await #expect(processExitsWith: .failure) {
      let tables = TestTables()
      tables.map(0x10_0000..<0x10_1000, .read)
      tables.map(0x10_0000..<0x10_1000, .readWrite)
    }
    await #expect(processExitsWith: .failure) {
      let tables = TestTables()
      tables.map(0x20_0000..<0x40_0000, .read)
      tables.map(0x20_1000..<0x20_2000, .readWrite)
    }
  }

  @Test func unalignedRange_traps() async {
    await #expect(processExitsWith: .failure) {
      TestTables().map(0x10_0001..<0x10_2000, .read)
    }
    await #expect(processExitsWith: .failure) {
      TestTables().map(0x10_0000..<0x10_0800, .read)
    }
  }

  @Test func tablesWithoutRoom_trapInsteadOfWritingElsewhere() async {
    await #expect(processExitsWith: .failure) {
      TestTables(pages: 3).map(0x10_0000..<0x10_1000, .read)
    }
  }

  /// Random ranges that do not overlap, and each page of them and around them
  /// compared with what was asked for.
  @Test(arguments: UInt64(1)...20)
  func randomRanges_areAsAModelSays(_ seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    let tables = TestTables(pages: 256)
    var model: [(range: Range<UInt64>, access: PageTables.Access)] = []
    var next: UInt64 = 0
    for _ in 0..<24 {
      let gap = UInt64.random(in: 0...700, using: &numbers) * 4096
      // Now and then far away, so that the upper levels take part.
      let jump: UInt64 =
        UInt64.random(in: 0..<4, using: &numbers) == 0
        ? UInt64.random(in: 0...600, using: &numbers) * gib : 0
      let count = UInt64.random(in: 1...1500, using: &numbers) * 4096
      let start = next + gap + jump
      let access = Self.accesses.randomElement(using: &numbers)!
      model.append((start..<start + count, access))
      next = start + count
    }
    for (range, access) in model.shuffled(using: &numbers) {
      tables.map(range, access)
    }

    let leaves = tables.leaves()
    var remaining = leaves[...]
    for (range, access) in model {
      var address = range.lowerBound
      while address < range.upperBound, let leaf = remaining.popFirst() {
        #expect(leaf.virtual == address, "seed \(seed)")
        #expect(leaf.page == .init(address, access), "seed \(seed)")
        #expect(leaf.strayBits == 0, "seed \(seed)")
        let last = address + leaf.byteCount - 1
        #expect(tables.lookUp(last) == .init(last, access), "seed \(seed)")
        address += leaf.byteCount
      }
      #expect(address == range.upperBound, "seed \(seed)")
      for edge in [range.lowerBound &- 1, range.upperBound] {
        let isMapped = model.contains { $0.range.contains(edge) }
        #expect((tables.lookUp(edge) != nil) == isMapped, "seed \(seed)")
      }
    }
    #expect(remaining.isEmpty, "seed \(seed): pages nobody asked for")
  }

  // MARK: Devices above 4 GiB

  @Test func device_isMappedInWholePages() {
    let tables = TestTables()
    #expect(tables.mapDevice(16 * gib + 100..<16 * gib + 4097))
    #expect(tables.lookUp(16 * gib) == .init(16 * gib, .device))
    #expect(tables.lookUp(16 * gib + 8191) == .init(16 * gib + 8191, .device))
    #expect(tables.lookUp(16 * gib + 8192) == nil)
    #expect(tables.lookUp(16 * gib - 1) == nil)
  }

  /// A doorbell a page for each of 1,024 queues: QEMU's page-per-vq.
  @Test func largeDevice_takesLargePages() {
    let tables = TestTables(pages: 6)
    #expect(tables.mapDevice(16 * gib..<16 * gib + 8 * mib))
    #expect(
      tables.leaves().map(\.byteCount) == [2 * mib, 2 * mib, 2 * mib, 2 * mib]
    )
  }

  @Test func devicesOfOnePage_shareIt() {
    let tables = TestTables()
    #expect(tables.mapDevice(16 * gib..<16 * gib + 256))
    let unused = tables.unusedByteCount
    #expect(tables.mapDevice(16 * gib + 256..<16 * gib + 512))
    #expect(tables.unusedByteCount == unused)
    // And 2 MiB of which a page is mapped already are the others, one by one.
    #expect(tables.mapDevice(16 * gib..<16 * gib + 2 * mib))
    #expect(tables.leaves().count == 512)
  }

  @Test func memory_isNoDevice() {
    let tables = TestTables()
    tables.map(mib..<mib + 4096, .readWrite)
    #expect(!tables.mapDevice(mib - 4096..<mib + 4096))
    #expect(tables.lookUp(mib) == .init(mib, .readWrite))
  }

  @Test func devices_endWithTheTables() {
    let tables = TestTables(pages: 8)
    var mapped: UInt64 = 0
    while mapped < 100, tables.mapDevice(mapped << 39..<mapped << 39 + 4096) {
      mapped += 1
    }
    // Three pages each, besides the root; and never into what is not there.
    #expect(mapped == 2)
    #expect(tables.lookUp(2 << 39) == nil)
  }
}
