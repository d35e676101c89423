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
