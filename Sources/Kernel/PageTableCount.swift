/// How many pages the tables take that map given ranges. SDM 3A §4.5.
struct PageTableCount {
  /// The pages so far: the level 4 table to begin with.
  private(set) var count: UInt64 = 1

  /// For each level, the number of the first table that is not counted yet; a
  /// table's number is the address that it begins to map, without the bits
  /// that lead on from there.
  private var next: (level3: UInt64, level2: UInt64, level1: UInt64) = (0, 0, 0)

  /// The count for tables that map nothing.
  init() {}

  /// Counts what mapping `range` takes beyond the ranges before.
  ///
  /// - Precondition: `range` is page-aligned and behind those added before.
  mutating func add(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    Self.count(range, shift: 39, &next.level3, &count)
    Self.count(range, shift: 30, &next.level2, &count)
    // Level 1 is for what is not a whole 2 MiB: less than that at both ends.
    let large = PageTables.largePageSize
    let headEnd = min(
      (range.lowerBound + large - 1) & ~(large - 1),
      range.upperBound
    )
    let tailStart = max(range.upperBound & ~(large - 1), headEnd)
    Self.count(range.lowerBound..<headEnd, shift: 21, &next.level1, &count)
    Self.count(tailStart..<range.upperBound, shift: 21, &next.level1, &count)
  }

  private static func count(
    _ range: Range<UInt64>,
    shift: UInt64,
    _ next: inout UInt64,
    _ count: inout UInt64
  ) {
    guard !range.isEmpty else { return }
    let first = max(range.lowerBound >> shift, next)
    let end = ((range.upperBound - 1) >> shift) + 1
    guard first < end else { return }
    count += end - first
    next = end
  }
}
