@testable import Kernel

/// A PVH start info in memory of the test's own, as Xen's `start_info.h` has
/// it, and a map behind it.
@safe
final class TestStartInfo {
  /// What an entry says its memory is: ACPI 6.4 §15.4.
  enum Kind: UInt32 {
    case usable = 1
    case reserved = 2
    case acpi = 3
  }

  struct Entry {
    var address: UInt64
    var size: UInt64
    var kind: Kind

    init(_ address: UInt64, _ size: UInt64, _ kind: Kind = .usable) {
      self.address = address
      self.size = size
      self.kind = kind
    }
  }

  private let memory: UnsafeMutableRawBufferPointer
  private static var mapOffset: Int { 64 }

  /// - Parameters:
  ///   - entries: The map.
  ///   - claimedCount: How many entries it says there are, if that is a lie.
  ///   - commandLine: The bytes of the command line, its zero included; none
  ///     when `nil`.
  ///   - rootPointer: The address of ACPI's root pointer.
  init(
    _ entries: [Entry],
    magic: UInt32 = 0x336E_C578,
    version: UInt32 = 1,
    claimedCount: Int? = nil,
    hasMap: Bool = true,
    commandLine: [UInt8]? = nil,
    rootPointer: UInt64 = 0
  ) {
    let textOffset = Self.mapOffset + max(entries.count, 1) * 24
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: textOffset + (commandLine?.count ?? 0),
      alignment: 16
    )
    unsafe self.memory = unsafe memory
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
    let start = UInt64(UInt(bitPattern: memory.baseAddress))
    store(magic, 0)
    store(version, 4)
    store(commandLine == nil ? 0 : start + UInt64(textOffset), 24)
    store(rootPointer, 32)
    store(hasMap ? start + UInt64(Self.mapOffset) : 0, 40)
    store(UInt32(claimedCount ?? entries.count), 48)
    for (index, entry) in entries.enumerated() {
      let offset = Self.mapOffset + index * 24
      store(entry.address, offset)
      store(entry.size, offset + 8)
      store(entry.kind.rawValue, offset + 16)
    }
    for (index, byte) in (commandLine ?? []).enumerated() {
      store(byte, textOffset + index)
    }
  }

  deinit { unsafe memory.deallocate() }

  /// What the kernel makes of it.
  func read() -> MemoryMap? {
    unsafe MemoryMap(startInfo: UInt(bitPattern: memory.baseAddress))
  }

  private func store<Value: BitwiseCopyable>(_ value: Value, _ offset: Int) {
    unsafe memory.storeBytes(of: value, toByteOffset: offset, as: Value.self)
  }
}

extension MemoryMap {
  /// The stretches as an array, to compare.
  var stretches: [Range<UInt64>] { regions.indices.map { regions[$0] } }

  /// A map of these stretches.
  init(_ stretches: [Range<UInt64>]) {
    self.init()
    for stretch in stretches {
      add(
        address: stretch.lowerBound,
        size: stretch.upperBound - stretch.lowerBound
      )
    }
  }
}
