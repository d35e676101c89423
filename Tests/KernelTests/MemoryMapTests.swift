import Testing

@testable import Kernel

private typealias Entry = TestStartInfo.Entry

private let kib: UInt64 = 1 << 10
private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

@Suite struct MemoryMapTests {
  /// What QEMU 8.2 gives a machine "pc" of 64 MiB.
  private static let firmware64MiB: [Entry] = [
    Entry(0, 0x9_FC00),
    Entry(0x9_FC00, 0x400, .reserved),
    Entry(0xF_0000, 0x1_0000, .reserved),
    Entry(0x10_0000, 0x3EE_0000),
    Entry(0x3FE_0000, 0x2_0000, .reserved),
    Entry(0xFFFC_0000, 0x4_0000, .reserved),
    Entry(0xFD_0000_0000, 0x3_0000_0000, .reserved),
  ]

  @Test func firmwareOfQEMU_wholeUsablePages() throws {
    let map = try #require(TestStartInfo(Self.firmware64MiB).read())
    #expect(map.stretches == [0..<0x9_F000, 0x10_0000..<0x3FE_0000])
    #expect(map.byteCount == 0x9_F000 + 0x3EE_0000)
    #expect(map.endBelow4GiB == 0x3FE_0000)
    #expect(map.readCommandLine() == "")
  }

  @Test func wrongMagic_isNoStartInfo() {
    let entries = Self.firmware64MiB
    #expect(TestStartInfo(entries, magic: 0x336E_C577).read() == nil)
    #expect(TestStartInfo(entries, magic: 0).read() == nil)
  }

  @Test func version0_hasNoMap() {
    #expect(TestStartInfo(Self.firmware64MiB, version: 0).read() == nil)
    #expect(TestStartInfo(Self.firmware64MiB, version: 2).read() != nil)
  }

  @Test func nullAddresses_areRefused() {
    #expect(MemoryMap(startInfo: 0) == nil)
    #expect(TestStartInfo(Self.firmware64MiB, hasMap: false).read() == nil)
  }

  @Test func noEntries_isAnEmptyMap() throws {
    let map = try #require(TestStartInfo([]).read())
    #expect(map.stretches.isEmpty)
    #expect(map.byteCount == 0)
    #expect(map.endBelow4GiB == 0)
  }

  private static let shapes: [([Entry], [Range<UInt64>])] = [
    // Part pages are left out.
    ([Entry(1, 8191)], [4096..<8192]),
    ([Entry(4095, 4097)], [4096..<8192]),
    ([Entry(4097, 4095)], []),
    ([Entry(mib, 0)], []),
    // The end overflows, or is as far as it goes.
    ([Entry(.max, .max)], []),
    ([Entry(.max - 4095, 4096)], []),
    ([Entry(mib, .max)], []),
    ([Entry(mib, .max - mib)], [mib..<0xFEC0_0000, 4 * gib..<1 << 40]),
    ([Entry(1 << 40, gib)], []),
    ([Entry(1 << 40 - 4096, gib)], [(1 << 40) - 4096..<1 << 40]),
    // Not in order.
    (
      [Entry(4 * gib, gib), Entry(mib, mib), Entry(gib, mib)],
      [mib..<2 * mib, gib..<gib + mib, 4 * gib..<5 * gib]
    ),
    // Touching, overlapping, within one another, the same twice.
    ([Entry(mib, mib), Entry(2 * mib, mib)], [mib..<3 * mib]),
    ([Entry(2 * mib, mib), Entry(mib, mib)], [mib..<3 * mib]),
    ([Entry(mib, 2 * mib), Entry(2 * mib, 2 * mib)], [mib..<4 * mib]),
    ([Entry(mib, 8 * mib), Entry(2 * mib, mib)], [mib..<9 * mib]),
    ([Entry(mib, mib), Entry(mib, mib)], [mib..<2 * mib]),
    (
      [
        Entry(mib, mib), Entry(3 * mib, mib), Entry(5 * mib, mib),
        Entry(0, 6 * mib),
      ],
      [0..<6 * mib]
    ),
    // Reserved is stronger, before or after, and takes the whole page.
    (
      [Entry(2 * mib, 1, .reserved), Entry(mib, 2 * mib)],
      [mib..<2 * mib, 2 * mib + 4096..<3 * mib]
    ),
    (
      [Entry(mib, 2 * mib), Entry(2 * mib - 1, 2, .acpi)],
      [mib..<2 * mib - 4096, 2 * mib + 4096..<3 * mib]
    ),
    ([Entry(mib, mib), Entry(0, gib, .reserved)], []),
    ([Entry(mib, 2 * mib), Entry(2 * mib, .max, .reserved)], [mib..<2 * mib]),
    ([Entry(mib, mib), Entry(mib + 4096, 0, .reserved)], [mib..<2 * mib]),
    // Nobody has memory where the interrupt controllers are.
    (
      [Entry(0xFEB0_0000, 0x200_0000)],
      [0xFEB0_0000..<0xFEC0_0000, 4 * gib..<4 * gib + 0xB0_0000]
    ),
    ([Entry(0xFEE0_0000, 4096)], []),
  ]

  @Test(arguments: shapes)
  fileprivate func entries_becomeAscendingStretches(
    _ entries: [Entry],
    _ stretches: [Range<UInt64>]
  ) throws {
    #expect(try #require(TestStartInfo(entries).read()).stretches == stretches)
  }

  @Test func moreStretchesThanFit_theHighestAreLeftOut() throws {
    let entries = (1...40).map { Entry(UInt64($0) * mib, 4096) }
    let expected = (1...32).map { UInt64($0) * mib..<UInt64($0) * mib + 4096 }
    let ascending = try #require(TestStartInfo(entries).read())
    #expect(ascending.stretches == expected)
    let descending = try #require(TestStartInfo(entries.reversed()).read())
    #expect(descending.stretches == expected)
  }

  @Test func moreEntriesThanAreRead_theRestIsNotLookedAt() throws {
    var entries = Array(repeating: Entry(mib, mib, .reserved), count: 127)
    entries.append(Entry(2 * mib, mib))
    entries.append(Entry(8 * mib, mib))
    // A count that no memory holds: what is read past the table's end would
    // not be there.
    let info = TestStartInfo(entries, claimedCount: Int(UInt32.max))
    let map = try #require(info.read())
    #expect(map.stretches == [2 * mib..<3 * mib])
  }

  @Test(
    arguments: [
      (gib, gib), (0xC000_0000, 0xC000_0000), (5 * gib, 4 * gib),
    ] as [(UInt64, UInt64)]
  )
  func endBelow4GiB_whereDevicesMayBegin(_ end: UInt64, _ expected: UInt64) {
    // Added by hand, without the hole for the controllers.
    #expect(MemoryMap([mib..<end]).endBelow4GiB == expected)
    #expect(MemoryMap([mib..<end, 6 * gib..<7 * gib]).endBelow4GiB == expected)
  }

  @Test func commandLine_upToItsZero() throws {
    let info = TestStartInfo([], commandLine: Array("a=1 b\0junk".utf8))
    #expect(try #require(info.read()).readCommandLine() == "a=1 b")
    let empty = TestStartInfo([], commandLine: [0])
    #expect(try #require(empty.read()).readCommandLine() == "")
  }

  @Test func commandLineWithoutEnd_isCut() throws {
    let text = Array(repeating: UInt8(ascii: "x"), count: 2048)
    let info = TestStartInfo([], commandLine: text)
    let map = try #require(info.read())
    #expect(map.readCommandLine().utf8.elementsEqual(text))
  }

  @Test func commandLineThatIsNotUTF8_isRepaired() throws {
    let info = TestStartInfo([], commandLine: [0x61, 0xFF, 0x62, 0])
    #expect(try #require(info.read()).readCommandLine() == "a\u{FFFD}b")
  }

  @Test func rootPointer_isRead() throws {
    let info = TestStartInfo([], rootPointer: 0xF_34D0)
    #expect(try #require(info.read()).rootPointer == 0xF_34D0)
    #expect(try #require(TestStartInfo([]).read()).rootPointer == 0)
  }

  @Test func overlaps_saysWhatIsMemory() {
    let map = MemoryMap([0x1000..<0x2000, 0x4000..<0x6000])
    for memory in [0..<0x1001, 0x1FFF..<0x2001, 0x3000..<0x7000, 0x5..<0x7000]
      as [Range<UInt64>]
    {
      #expect(map.overlaps(memory))
    }
    for other in [0..<0x1000, 0x2000..<0x4000, 0x6000..<0x6001]
      as [Range<UInt64>]
    {
      #expect(!map.overlaps(other))
    }
  }

  /// Random entries against a set of pages.
  @Test(arguments: UInt64(1)...50)
  func randomEntries_areAsAModelSays(_ seed: UInt64) throws {
    var numbers = SeededNumbers(seed: seed)
    let pages = 300
    var isUsable = Array(repeating: false, count: pages)
    var isReserved = Array(repeating: false, count: pages)
    var entries: [Entry] = []
    for _ in 0..<Int.random(in: 1...20, using: &numbers) {
      let start = UInt64.random(in: 0..<200 * 4096, using: &numbers)
      let size = UInt64.random(in: 0..<60 * 4096, using: &numbers)
      let isHole = UInt64.random(in: 0..<3, using: &numbers) == 0
      entries.append(Entry(start, size, isHole ? .reserved : .usable))
    }
    for entry in entries where entry.size > 0 {
      let end = entry.address + entry.size
      for page in 0..<pages {
        let first = UInt64(page) * 4096
        if entry.kind == .usable {
          if first >= entry.address, first + 4096 <= end {
            isUsable[page] = true
          }
        } else if first < end, first + 4096 > entry.address {
          isReserved[page] = true
        }
      }
    }
    // Part pages that two entries complete together are left out.
    let map = try #require(TestStartInfo(entries).read())
    for page in 0..<pages {
      let first = UInt64(page) * 4096
      let isInMap = map.stretches.contains { $0.contains(first) }
      #expect(
        isInMap == (isUsable[page] && !isReserved[page]),
        "seed \(seed), page \(page)"
      )
    }
    for (lower, upper) in zip(map.stretches, map.stretches.dropFirst()) {
      #expect(lower.upperBound < upper.lowerBound, "seed \(seed)")
    }
  }
}
