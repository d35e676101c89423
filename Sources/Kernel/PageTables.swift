/// The map from virtual to physical addresses: identity, with each page allowed
/// just what it is for. SDM 3A §4.5 (4-level paging).
///
///     level 4 → level 3 → level 2 → 2 MiB page, or level 1 → 4 KiB page
///
/// Pages that were never mapped are absent: page 0, the guards under the
/// stacks, what the firmware does not call memory above 4 GiB.
@safe
struct PageTables: ~Copyable {
  /// What a page allows besides reading. There is no case for both writing and
  /// executing.
  enum Access {
    case read
    case readWrite
    case readExecute
    /// A device's registers: reading and writing, uncached.
    case device
  }

  private enum Entry {
    static let present: UInt64 = 1 << 0
    static let writable: UInt64 = 1 << 1
    static let writeThrough: UInt64 = 1 << 3
    static let cacheDisable: UInt64 = 1 << 4
    static let large: UInt64 = 1 << 7
    static let noExecute: UInt64 = 1 << 63
    static let address: UInt64 = 0x000F_FFFF_FFFF_F000
  }

  static let pageSize: UInt64 = 4096
  static let largePageSize: UInt64 = 2 << 20

  /// The address of the level 4 table, for CR3.
  let root: UInt64
  /// Free memory for further tables: taken from the front.
  private var free: Range<UInt64>

  /// Tables that map nothing, in the whole pages of `memory`.
  ///
  /// - Precondition: `memory` is mapped, page-aligned and at least one page.
  init(in memory: Range<UInt64>) {
    free = memory
    root = memory.lowerBound
    _ = takePage()
  }

  /// Tables that exist already.
  init(root: UInt64, unused: Range<UInt64>) {
    self.root = root
    free = unused
  }

  /// The memory of tables not used yet.
  var unused: Range<UInt64> { free }

  /// Maps `range` to itself.
  ///
  /// - Precondition: `range` is page-aligned, nothing of it is mapped, and the
  ///   tables' memory is enough.
  mutating func map(_ range: Range<UInt64>, _ access: Access) {
    precondition(
      range.lowerBound % Self.pageSize == 0
        && range.upperBound % Self.pageSize == 0
    )
    let flags = Self.flags(access)
    var address = range.lowerBound
    while address < range.upperBound {
      let directory = table(
        under: table(under: root, index: address >> 39),
        index: address >> 30
      )
      if address % Self.largePageSize == 0,
        range.upperBound - address >= Self.largePageSize
      {
        write(address | flags | Entry.large, directory, address >> 21)
        address += Self.largePageSize
      } else {
        let pages = table(under: directory, index: address >> 21)
        write(address | flags, pages, address >> 12)
        address += Self.pageSize
      }
    }
  }

  /// Maps a device's registers to themselves, whole pages of them, those that
  /// are not mapped yet.
  ///
  /// - Returns: Whether all are mapped now, as a device's: not when some are
  ///   memory, or when there are no tables left.
  mutating func mapDevice(_ range: Range<UInt64>) -> Bool {
    let end = (range.upperBound + Self.pageSize - 1) & ~(Self.pageSize - 1)
    var page = range.lowerBound & ~(Self.pageSize - 1)
    while page < end {
      if let found = lookUp(page) {
        guard !found.isCached else { return false }
        page += Self.pageSize
        continue
      }
      // A page takes at most one table of each level below the root.
      guard free.count >= 3 * Int(Self.pageSize) else { return false }
      let isLarge =
        page % Self.largePageSize == 0 && end - page >= Self.largePageSize
        && isAbsent(page >> 21)
      let size = isLarge ? Self.largePageSize : Self.pageSize
      map(page..<page + size, .device)
      page += size
    }
    return true
  }

  /// Whether nothing of the 2 MiB with this number is mapped, and no table is
  /// there for its pages.
  private func isAbsent(_ number: UInt64) -> Bool {
    var table = root
    for shift: UInt64 in [18, 9, 0] {
      let entry = Self.read(table, number >> shift)
      guard entry & Entry.present != 0 else { return true }
      guard shift > 0, entry & Entry.large == 0 else { return false }
      table = entry & Entry.address
    }
    return false
  }

  private static func flags(_ access: Access) -> UInt64 {
    switch access {
    case .read: Entry.present | Entry.noExecute
    case .readWrite: Entry.present | Entry.writable | Entry.noExecute
    case .readExecute: Entry.present
    case .device:
      Entry.present | Entry.writable | Entry.noExecute | Entry.cacheDisable
        | Entry.writeThrough
    }
  }

  /// The table that entry `index` (modulo 512) of the table at `parent` leads
  /// to, made if there is none.
  private mutating func table(under parent: UInt64, index: UInt64) -> UInt64 {
    let entry = Self.read(parent, index)
    if entry & Entry.present != 0 {
      precondition(entry & Entry.large == 0, "mapped already")
      return entry & Entry.address
    }
    let new = takePage()
    // The page below decides; the levels above allow all.
    write(new | Entry.present | Entry.writable, parent, index)
    return new
  }

  private mutating func takePage() -> UInt64 {
    precondition(!free.isEmpty, "no memory left for page tables")
    let page = free.lowerBound
    free = page + Self.pageSize..<free.upperBound
    // SAFETY: The page is ours alone, by the initialiser's contract.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(page))!
      .initializeMemory(as: UInt64.self, repeating: 0, count: 512)
    return page
  }

  private static func read(_ table: UInt64, _ index: UInt64) -> UInt64 {
    // SAFETY: `table` is the address of one of our pages; the index is in it.
    unsafe UnsafePointer<UInt64>(bitPattern: UInt(table))![Int(index & 511)]
  }

  private func write(_ entry: UInt64, _ table: UInt64, _ index: UInt64) {
    precondition(Self.read(table, index) == 0, "mapped already")
    // SAFETY: As in `read`.
    unsafe UnsafeMutablePointer<UInt64>(bitPattern: UInt(table))![
      Int(index & 511)
    ] = entry
  }

  /// What an address is mapped to and how: `nil` when it is absent. For tests
  /// and reports; the processor does not ask here.
  func lookUp(_ address: UInt64) -> (
    physical: UInt64, isWritable: Bool, isExecutable: Bool, isCached: Bool
  )? {
    var table = root
    for shift in stride(from: UInt64(39), through: 12, by: -9) {
      let entry = Self.read(table, address >> shift)
      guard entry & Entry.present != 0 else { return nil }
      if shift == 12 || entry & Entry.large != 0 {
        let offset = address & (1 << shift - 1)
        let base = entry & Entry.address & ~(1 << shift - 1)
        return (
          base | offset, entry & Entry.writable != 0,
          entry & Entry.noExecute == 0, entry & Entry.cacheDisable == 0
        )
      }
      table = entry & Entry.address
    }
    return nil
  }
}
