/// What the firmware says of physical memory, from the start info that QEMU
/// hands a PVH guest. Xen's `xen/include/public/arch-x86/hvm/start_info.h`.
///
/// Whatever order the firmware's entries have, and however they touch or
/// overlap, the map's stretches ascend, and between two of them is a gap.
struct MemoryMap {
  /// A stretch of usable memory, in whole pages.
  typealias Region = Range<UInt64>

  private enum StartInfo {
    static let magic = 0
    static let version = 4
    static let commandLine = 24
    static let rootPointer = 32
    static let memoryMap = 40
    static let memoryMapEntries = 48
    static let expectedMagic: UInt32 = 0x336E_C578
  }

  private enum Entry {
    static let address = 0
    static let size = 8
    static let type = 16
    static let stride = 24
    /// Memory as in the E820 table: 1 is usable. ACPI 6.4 §15.4.
    static let usable: UInt32 = 1
  }

  /// More entries than this are not looked at: firmware gives about ten.
  static let mostEntries = 128
  /// Stretches beyond this many are left out, the highest first.
  static let mostRegions = 32
  /// Memory from here on is not used, 1 TiB: more than a machine of one core
  /// has, and what tables in a few megabytes can map.
  static let end: UInt64 = 1 << 40
  /// The interrupt controllers and the firmware's flash are here in every PC,
  /// so nothing else is.
  static let controllers: Region = 0xFEC0_0000..<0x1_0000_0000

  /// The usable stretches, ascending.
  private(set) var regions = BoundedList<32, Region>()
  /// The address of the kernel command line, zero-terminated; 0 when none.
  private(set) var commandLine: UInt64 = 0

  /// The address of ACPI's root pointer; 0 when there is none.
  private(set) var rootPointer: UInt64 = 0

  /// An empty map.
  init() {}

  /// Reads the start info at `address`, or `nil` when it is none, or one
  /// without a memory map (version 0).
  init?(startInfo address: UInt) {
    // SAFETY: QEMU left the start info and the map at these addresses, in
    // memory that nothing has written since.
    guard let info = unsafe UnsafeRawPointer(bitPattern: address),
      unsafe info.loadUnaligned(
        fromByteOffset: StartInfo.magic,
        as: UInt32.self
      ) == StartInfo.expectedMagic,
      unsafe info.loadUnaligned(
        fromByteOffset: StartInfo.version,
        as: UInt32.self
      ) >= 1
    else { return nil }
    unsafe commandLine = info.loadUnaligned(
      fromByteOffset: StartInfo.commandLine,
      as: UInt64.self
    )
    unsafe rootPointer = info.loadUnaligned(
      fromByteOffset: StartInfo.rootPointer,
      as: UInt64.self
    )
    let entries = unsafe info.loadUnaligned(
      fromByteOffset: StartInfo.memoryMapEntries,
      as: UInt32.self
    )
    let map = unsafe UnsafeRawPointer(
      bitPattern: UInt(
        info.loadUnaligned(
          fromByteOffset: StartInfo.memoryMap,
          as: UInt64.self
        )
      )
    )
    guard let map = unsafe map else { return nil }
    let count = min(Int(entries), Self.mostEntries)
    // What one entry calls usable and another does not is not usable, in
    // whatever order they come.
    for index in 0..<count {
      let entry = unsafe map + index * Entry.stride
      if unsafe Self.isUsable(entry) {
        let (address, size) = unsafe Self.extent(entry)
        add(address: address, size: size)
      }
    }
    for index in 0..<count {
      let entry = unsafe map + index * Entry.stride
      if unsafe !Self.isUsable(entry) {
        let (address, size) = unsafe Self.extent(entry)
        remove(address: address, size: size)
      }
    }
    remove(
      address: Self.controllers.lowerBound,
      size: UInt64(Self.controllers.count)
    )
  }

  private static func isUsable(_ entry: UnsafeRawPointer) -> Bool {
    // SAFETY: `entry` is one of the map's, as are those of `extent`.
    unsafe entry.loadUnaligned(fromByteOffset: Entry.type, as: UInt32.self)
      == Entry.usable
  }

  private static func extent(
    _ entry: UnsafeRawPointer
  ) -> (address: UInt64, size: UInt64) {
    unsafe (
      entry.loadUnaligned(fromByteOffset: Entry.address, as: UInt64.self),
      entry.loadUnaligned(fromByteOffset: Entry.size, as: UInt64.self)
    )
  }

  /// The longest command line that is read.
  static let mostCommandLineBytes = 2048

  /// The kernel command line. It lies in low memory, which nothing writes.
  func readCommandLine() -> String {
    var bytes: [UInt8] = []
    // SAFETY: QEMU left a zero-terminated text at the address.
    guard
      let text = unsafe UnsafePointer<UInt8>(
        bitPattern: UInt(commandLine)
      )
    else { return "" }
    while bytes.count < Self.mostCommandLineBytes {
      let byte = unsafe text[bytes.count]
      if byte == 0 { break }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Adds the whole pages of `size` bytes at `address`, unless there are none
  /// below ``end`` or the sum overflows.
  mutating func add(address: UInt64, size: UInt64) {
    let (end, overflow) = address.addingReportingOverflow(size)
    guard !overflow, address < Self.end else { return }
    let first = (address + 4095) & ~4095
    let last = min(end, Self.end) & ~4095
    guard first < last else { return }
    var new = first..<last
    var sorted = BoundedList<32, Region>()
    var isPlaced = false
    for index in regions.indices {
      let region = regions[index]
      if region.upperBound < new.lowerBound {
        sorted.append(region)
      } else if new.upperBound < region.lowerBound {
        if !isPlaced { sorted.append(new) }
        isPlaced = true
        sorted.append(region)
      } else {
        // They touch: they are one.
        new =
          min(
            region.lowerBound,
            new.lowerBound
          )..<max(
            region.upperBound,
            new.upperBound
          )
      }
    }
    if !isPlaced { sorted.append(new) }
    regions = sorted
  }

  /// Removes every page of which `size` bytes at `address` take something.
  mutating func remove(address: UInt64, size: UInt64) {
    guard size > 0 else { return }
    let (end, overflow) = address.addingReportingOverflow(size)
    let first = address & ~4095
    let last = overflow || end > Self.end ? Self.end : (end + 4095) & ~4095
    var kept = BoundedList<32, Region>()
    for index in regions.indices {
      let region = regions[index]
      if region.lowerBound < first {
        kept.append(region.lowerBound..<min(region.upperBound, first))
      }
      if region.upperBound > last {
        kept.append(max(region.lowerBound, last)..<region.upperBound)
      }
    }
    regions = kept
  }

  /// Whether some of `range` is usable memory.
  func overlaps(_ range: Range<UInt64>) -> Bool {
    for index in regions.indices where regions[index].overlaps(range) {
      return true
    }
    return false
  }

  /// Where memory below 4 GiB ends; 0 when there is none.
  var endBelow4GiB: UInt64 {
    var end: UInt64 = 0
    for index in regions.indices where regions[index].lowerBound < 4 << 30 {
      end = min(regions[index].upperBound, 4 << 30)
    }
    return end
  }

  /// The sum of all usable memory in bytes.
  var byteCount: UInt64 {
    var sum: UInt64 = 0
    for index in regions.indices {
      sum += regions[index].upperBound - regions[index].lowerBound
    }
    return sum
  }
}
