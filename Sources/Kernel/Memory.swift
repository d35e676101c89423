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
  /// The map that the machine started with.
  ///
  /// SAFETY: set once at boot, on the only core.
  nonisolated(unsafe) private(set) static var map = MemoryMap()

  /// The tables, of which some pages are left for devices.
  ///
  /// SAFETY: As `map`.
  nonisolated(unsafe) private static var root: UInt64 = 0
  nonisolated(unsafe) private static var unusedTables: Range<UInt64> = 0..<0

  /// Maps everything, switches to the new tables, and gives the heap what is
  /// left.
  static func initialize(_ map: MemoryMap) {
    // SAFETY: See `map`.
    unsafe self.map = map
    let plan = plan(for: map)
    var tables = PageTables(in: plan.tables)
    for index in plan.mappings.indices {
      let mapping = plan.mappings[index]
      tables.map(mapping.range, mapping.access)
    }
    cpu_write_cr3(tables.root)
    // SAFETY: See `root`.
    unsafe root = tables.root
    unsafe unusedTables = tables.unused
    for index in plan.heap.indices {
      let range = plan.heap[index]
      // SAFETY: From the firmware's map, behind the image and the tables,
      // mapped just now, and nobody else's.
      unsafe MachineHeap.add(
        address: UInt(range.lowerBound),
        byteCount: range.count
      )
    }
  }

  private static func plan(for map: MemoryMap) -> MemoryPlan {
    do throws(MemoryPlan.Failure) {
      return try MemoryPlan(map, image: image)
    } catch {
      switch error {
      case .imageOutsideMemory:
        panic("the image is not in memory that the firmware calls usable")
      case .tooLittleMemory:
        panic("too little memory: give the machine more (--memory MiB)")
      }
    }
  }

  /// Whether all of `range` is mapped.
  static func isMapped(_ range: Range<UInt64>) -> Bool {
    guard !range.isEmpty, range.upperBound <= physicalEnd else { return false }
    // SAFETY: See `root`.
    let tables = unsafe PageTables(root: root, unused: unusedTables)
    var page = range.lowerBound & ~(PageTables.pageSize - 1)
    while page < range.upperBound {
      guard tables.lookUp(page) != nil else { return false }
      page += PageTables.pageSize
    }
    return true
  }

  /// Maps the registers of a device, as far as they are not: what lies above
  /// 4 GiB.
  ///
  /// - Returns: Whether they can be used: not where memory is, and not when the
  ///   tables have no pages left.
  static func mapDevice(_ range: Range<UInt64>) -> Bool {
    guard range.lowerBound >= 1 << 20, canBeDevice(range) else { return false }
    // SAFETY: See `root`.
    var tables = unsafe PageTables(root: root, unused: unusedTables)
    let isMapped = tables.mapDevice(range)
    unsafe unusedTables = tables.unused
    return isMapped
  }

  /// Whether a device's registers may lie at `range`: where the processor
  /// reaches, and no memory is.
  static func canBeDevice(_ range: Range<UInt64>) -> Bool {
    guard !range.isEmpty, range.upperBound <= physicalEnd else { return false }
    return unsafe !map.overlaps(range)
  }

  /// Where the addresses end that the processor has, or that the tables can map
  /// to themselves. SDM 2A, CPUID: leaf 80000008H.
  private static var physicalEnd: UInt64 {
    guard cpu_id(0x8000_0000, 0).a >= 0x8000_0008 else { return 1 << 36 }
    return 1 << UInt64(min(cpu_id(0x8000_0008, 0).a & 0xFF, 47))
  }

  /// Where memory below 4 GiB ends.
  static var endBelow4GiB: UInt64 { unsafe map.endBelow4GiB }

  /// Where the linker put this image.
  private static var image: MemoryPlan.Image {
    MemoryPlan.Image(
      start: UInt64(boot_address_of_image_start()),
      textEnd: UInt64(boot_address_of_text_end()),
      rodataEnd: UInt64(boot_address_of_rodata_end()),
      dataEnd: UInt64(boot_address_of_data_end()),
      stack: UInt64(
        boot_address_of_boot_stack_bottom()
      )..<UInt64(
        boot_address_of_boot_stack_top()
      ),
      trapStack: UInt64(
        boot_address_of_trap_stack_bottom()
      )..<UInt64(
        boot_address_of_trap_stack_top()
      ),
      end: UInt64(boot_address_of_image_end())
    )
  }
}
