/// Where the firmware's tables lie: the machine's memory, or a test's.
protocol FirmwareMemory {
  /// The bytes at these addresses; `nil` when not all can be read.
  func read(_ addresses: Range<UInt64>) -> [UInt8]?
}

/// The machine's memory, as far as it is mapped.
struct MachineMemory: FirmwareMemory {
  func read(_ addresses: Range<UInt64>) -> [UInt8]? {
    guard Memory.isMapped(addresses) else { return nil }
    // SAFETY: All of it is mapped, and firmware's memory does not change.
    return unsafe [UInt8](
      UnsafeRawBufferPointer(
        start: UnsafeRawPointer(bitPattern: UInt(addresses.lowerBound)),
        count: addresses.count
      )
    )
  }
}

extension [UInt8] {
  /// The little-endian integer of `count` bytes at `offset`; `nil` when it is
  /// not all within.
  func integer(at offset: Int, _ count: Int) -> UInt64? {
    guard offset >= 0, count <= self.count, offset <= self.count - count else {
      return nil
    }
    var value: UInt64 = 0
    for index in stride(from: offset + count - 1, through: offset, by: -1) {
      value = value << 8 | UInt64(self[index])
    }
    return value
  }

  /// Whether `text` is at `offset`.
  func has(_ text: StaticString, at offset: Int) -> Bool {
    let length = text.utf8CodeUnitCount
    guard offset >= 0, length <= count, offset <= count - length else {
      return false
    }
    for index in 0..<length {
      // SAFETY: A static string has as many bytes, for ever.
      guard unsafe self[offset + index] == text.utf8Start[index] else {
        return false
      }
    }
    return true
  }

  /// The sum of the first `count` bytes, modulo 256.
  func sum(_ count: Int) -> UInt8 {
    var sum: UInt8 = 0
    for index in 0..<Swift.min(count, self.count) { sum &+= self[index] }
    return sum
  }
}
