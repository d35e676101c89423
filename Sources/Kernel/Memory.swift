import CPU
import Runtime

/// The machine's memory: which is whose, and what each page allows.
///
///     0        absent                      a null pointer traps
///     4 KiB    firmware's                  read, write
///     1 MiB    text | rodata | data, bss   as the linker laid them out
///              guard | stack | guard | trap stack
///              page tables, then heap      read, write
///     …        to 4 GiB                    devices: uncached
///     4 GiB…   memory, if there is more    heap
enum Memory {
  private static var fourGibibytes: UInt64 { 4 << 30 }
  private static var oneMebibyte: UInt64 { 1 << 20 }

  /// The map that the machine started with.
  ///
  /// SAFETY: set once at boot, on the only core.
  nonisolated(unsafe) private(set) static var map = MemoryMap()

  /// Maps everything, switches to the new tables, and gives the heap what is
  /// left.
  static func initialize(_ map: MemoryMap) {
    // SAFETY: See `map`.
    unsafe self.map = map
    let imageEnd = UInt64(boot_address_of_image_end())
    guard let home = region(of: map, containing: imageEnd - 1) else {
      panic("the image is not in memory that the firmware calls usable")
    }

    let gibibytes = (map.highest + (1 << 30) - 1) >> 30
    // One table a GiB of 2 MiB pages, a few of 4 KiB pages at the borders.
    let tablesEnd = imageEnd + (32 + max(4, gibibytes)) * PageTables.pageSize
    guard tablesEnd <= home.upperBound else {
      panic("too little memory: give the machine more (--memory MiB)")
    }
    var tables = PageTables(in: imageEnd..<tablesEnd)
    mapImage(in: &tables)
    tables.map(imageEnd..<home.upperBound, .readWrite)
    mapRest(of: map, home: home, in: &tables)
    cpu_write_cr3(tables.root)

    // SAFETY: From the firmware's map, behind the image and the tables, mapped
    // just now, and nobody else's.
    give(tables.unused.lowerBound..<home.upperBound)
    for index in 0..<map.count where map.regions[index] != home {
      let region = map.regions[index]
      if region.lowerBound >= oneMebibyte { give(region) }
    }
  }

  /// Where memory below 4 GiB ends.
  static var endBelow4GiB: UInt64 {
    var end: UInt64 = 0
    let map = unsafe self.map
    for index in 0..<map.count
    where map.regions[index].lowerBound < fourGibibytes {
      end = max(end, min(map.regions[index].upperBound, fourGibibytes))
    }
    return end
  }

  /// Whether `byteCount` bytes at `address` are memory that can be read.
  static func isUsable(_ address: UInt64, byteCount: UInt64) -> Bool {
    guard address >= oneMebibyte, address <= .max - byteCount else {
      return false
    }
    let guards = [
      UInt64(boot_address_of_stack_guard()),
      UInt64(boot_address_of_trap_stack_guard()),
    ]
    for page in guards
    where address < page + PageTables.pageSize && address + byteCount > page {
      return false
    }
    let map = unsafe self.map
    guard let region = region(of: map, containing: address) else {
      return false
    }
    return address + byteCount <= region.upperBound
  }

  private static func mapImage(in tables: inout PageTables) {
    let parts: [(UInt, UInt, PageTables.Access)] = [
      (UInt(PageTables.pageSize), boot_address_of_image_start(), .readWrite),
      (
        boot_address_of_image_start(), boot_address_of_text_end(),
        .readExecute
      ),
      (boot_address_of_text_end(), boot_address_of_rodata_end(), .read),
      (boot_address_of_rodata_end(), boot_address_of_data_end(), .readWrite),
      (
        boot_address_of_boot_stack_bottom(), boot_address_of_boot_stack_top(),
        .readWrite
      ),
      (
        boot_address_of_trap_stack_bottom(), boot_address_of_trap_stack_top(),
        .readWrite
      ),
    ]
    for (start, end, access) in parts {
      tables.map(UInt64(start)..<UInt64(end), access)
    }
  }

  /// Maps what lies between and behind the usable stretches: below 4 GiB as
  /// devices', above it as memory only.
  private static func mapRest(
    of map: MemoryMap,
    home: MemoryMap.Region,
    in tables: inout PageTables
  ) {
    var next = home.upperBound
    for index in 0..<map.count {
      let region = map.regions[index]
      guard region.lowerBound >= next else { continue }
      if next < fourGibibytes {
        tables.map(next..<min(region.lowerBound, fourGibibytes), .device)
      }
      tables.map(region, .readWrite)
      next = region.upperBound
    }
    if next < fourGibibytes { tables.map(next..<fourGibibytes, .device) }
  }

  private static func give(_ range: Range<UInt64>) {
    // SAFETY: The caller's ranges are usable, mapped and nobody else's.
    unsafe MachineHeap.add(
      address: UInt(range.lowerBound),
      byteCount: Int(range.upperBound - range.lowerBound)
    )
  }

  private static func region(
    of map: MemoryMap,
    containing address: UInt64
  ) -> MemoryMap.Region? {
    for index in 0..<map.count where map.regions[index].contains(address) {
      return map.regions[index]
    }
    return nil
  }
}
