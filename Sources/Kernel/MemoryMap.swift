/// What the firmware says of physical memory, from the start info that QEMU
/// hands a PVH guest. Xen's `xen/include/public/arch-x86/hvm/start_info.h`.
struct MemoryMap {
  /// A stretch of usable memory.
  typealias Region = Range<UInt64>

  private enum StartInfo {
    static let magic = 0
    static let version = 4
    static let commandLine = 24
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
  static let mostRegions = 32

  /// The usable stretches, in the order of the firmware, whole pages.
  private(set) var regions: InlineArray<32, Region> = .init(repeating: 0..<0)
  /// How many of `regions` are used.
  private(set) var count = 0
  /// The address of the kernel command line, zero-terminated; 0 when none.
  private(set) var commandLine: UInt64 = 0

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
    for index in 0..<min(Int(entries), Self.mostRegions) {
      let entry = unsafe map + index * Entry.stride
      guard
        unsafe entry.loadUnaligned(
          fromByteOffset: Entry.type,
          as: UInt32.self
        ) == Entry.usable
      else { continue }
      unsafe add(
        address: entry.loadUnaligned(
          fromByteOffset: Entry.address,
          as: UInt64.self
        ),
        size: entry.loadUnaligned(
          fromByteOffset: Entry.size,
          as: UInt64.self
        )
      )
    }
  }

  /// The longest command line that is read.
  static let mostCommandLineBytes = 2048

  /// The kernel command line. It lies in low memory, which nothing writes.
  func readCommandLine() -> String {
    var bytes: [UInt8] = []
    // SAFETY: QEMU left a zero-terminated text at the address.
    guard let text = unsafe UnsafePointer<UInt8>(
      bitPattern: UInt(commandLine)
    ) else { return "" }
    while bytes.count < Self.mostCommandLineBytes {
      let byte = unsafe text[bytes.count]
      if byte == 0 { break }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Adds the whole pages of `size` bytes at `address`, unless there are none
  /// or the end overflows.
  mutating func add(address: UInt64, size: UInt64) {
    let (end, overflow) = address.addingReportingOverflow(size)
    guard !overflow, count < Self.mostRegions, address <= UInt64.max - 4095
    else { return }
    let first = (address + 4095) & ~4095
    let last = end & ~4095
    guard first < last else { return }
    regions[count] = first..<last
    count += 1
  }

  /// The end of the highest usable stretch; 0 when there is none.
  var highest: UInt64 {
    var highest: UInt64 = 0
    for index in 0..<count {
      highest = max(highest, regions[index].upperBound)
    }
    return highest
  }

  /// The sum of all usable memory in bytes.
  var byteCount: UInt64 {
    var sum: UInt64 = 0
    for index in 0..<count {
      sum += regions[index].upperBound - regions[index].lowerBound
    }
    return sum
  }
}
