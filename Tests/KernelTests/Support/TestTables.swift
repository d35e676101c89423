@testable import Kernel

/// Page tables in memory of the test's own, and a reader of them that shares
/// nothing with ``PageTables``: it takes the bits as SDM 3A tables 4-14 to 4-20
/// give them. An object, since the macros of Testing take copyable values only.
@safe
final class TestTables {
  private var tables: PageTables
  private let memory: UnsafeMutableRawBufferPointer

  /// Tables in `pages` pages that hold a pattern: nothing works only because
  /// memory was zero.
  init(pages: Int = 64) {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: pages * 4096,
      alignment: 4096
    )
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xA5)
    let start = UInt64(UInt(bitPattern: memory.baseAddress))
    tables = PageTables(in: start..<start + UInt64(memory.count))
    unsafe self.memory = unsafe memory
  }

  deinit { unsafe memory.deallocate() }

  func map(_ range: Range<UInt64>, _ access: PageTables.Access) {
    tables.map(range, access)
  }

  func mapDevice(_ range: Range<UInt64>) -> Bool { tables.mapDevice(range) }

  /// Bytes of tables that are not used yet.
  var unusedByteCount: Int { tables.unused.count }

  /// What ``PageTables/lookUp(_:)`` says of `address`, in words to compare.
  func lookUp(_ address: UInt64) -> Page? {
    guard let found = tables.lookUp(address) else { return nil }
    return Page(
      physical: found.physical,
      isWritable: found.isWritable,
      isExecutable: found.isExecutable,
      isCached: found.isCached
    )
  }

  /// What a page is mapped to, and how.
  struct Page: Equatable {
    var physical: UInt64
    var isWritable: Bool
    var isExecutable: Bool
    var isCached: Bool

    init(
      physical: UInt64,
      isWritable: Bool,
      isExecutable: Bool,
      isCached: Bool
    ) {
      self.physical = physical
      self.isWritable = isWritable
      self.isExecutable = isExecutable
      self.isCached = isCached
    }

    /// What `access` means for the page at `address`.
    init(_ address: UInt64, _ access: PageTables.Access) {
      self.init(
        physical: address,
        isWritable: access == .readWrite || access == .device,
        isExecutable: access == .readExecute,
        isCached: access != .device
      )
    }
  }

  /// A page as an entry maps it.
  struct Leaf {
    var virtual: UInt64
    var byteCount: UInt64
    var page: Page
    /// Bits that no page of ours may have.
    var strayBits: UInt64
  }

  /// Every page that any of the 512^4 entries maps, in order of address.
  func leaves() -> [Leaf] {
    var leaves: [Leaf] = []
    walk(tables.root, shift: 39, virtual: 0, allowed: (true, true), &leaves)
    return leaves
  }

  private func walk(
    _ table: UInt64,
    shift: UInt64,
    virtual: UInt64,
    allowed: (write: Bool, execute: Bool),
    _ leaves: inout [Leaf]
  ) {
    for index in UInt64(0)..<512 {
      // SAFETY: `table` is a page of `memory`, as the entries above say.
      let entry = unsafe UnsafePointer<UInt64>(
        bitPattern: UInt(table)
      )![Int(index)]
      guard entry & 1 != 0 else {
        if entry != 0 { fatalError("an absent entry that is not zero") }
        continue
      }
      // SDM 3A §4.6.1: every level on the way has to allow it.
      let write = allowed.write && entry & 1 << 1 != 0
      let execute = allowed.execute && entry & 1 << 63 == 0
      let address = virtual + index << shift
      let isLarge = entry & 1 << 7 != 0
      if shift == 12 || isLarge {
        let bits: UInt64 = 0x000F_FFFF_FFFF_F000
        let attributes: UInt64 = 0b11011 | 1 << 7 | 1 << 63
        leaves.append(
          Leaf(
            virtual: address,
            byteCount: 1 << shift,
            page: Page(
              physical: entry & bits,
              isWritable: write,
              isExecutable: execute,
              isCached: entry & 1 << 4 == 0
            ),
            // Bit 7 of a level 1 entry chooses a memory type: SDM 3A §11.12.
            strayBits: entry & ~bits & ~attributes
              | (shift == 12 ? entry & 1 << 7 : 0)
          )
        )
      } else {
        walk(
          entry & 0x000F_FFFF_FFFF_F000,
          shift: shift - 9,
          virtual: address,
          allowed: (write, execute),
          &leaves
        )
      }
    }
  }
}
