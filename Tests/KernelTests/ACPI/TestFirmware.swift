@testable import Kernel

/// Firmware's tables at addresses of the test's own.
struct TestFirmware: FirmwareMemory {
  private var stretches: [UInt64: [UInt8]] = [:]

  /// Puts `bytes` at `address`.
  mutating func put(_ bytes: [UInt8], at address: UInt64) {
    stretches[address] = bytes
  }

  /// Changes a byte without looking after any checksum.
  mutating func change(
    _ address: UInt64,
    _ offset: Int,
    _ change: (inout UInt8) -> Void
  ) {
    change(&stretches[address]![offset])
  }

  func read(_ addresses: Range<UInt64>) -> [UInt8]? {
    for (start, bytes) in stretches
    where addresses.lowerBound >= start
      && addresses.upperBound <= start + UInt64(bytes.count)
    {
      let offset = Int(addresses.lowerBound - start)
      return Array(bytes[offset..<offset + addresses.count])
    }
    return nil
  }

  /// A table with its header. ACPI 6.4 §5.2.6.
  static func table(_ signature: String, _ contents: [UInt8]) -> [UInt8] {
    var table = Array(signature.utf8) + little(36 + contents.count, 4)
    table += [UInt8](repeating: 0, count: 28) + contents
    table[9] = 0 &- table.reduce(0, &+)
    return table
  }

  /// A root pointer. §5.2.5.3.
  static func rootPointer(
    rsdt: Int = 0,
    xsdt: Int = 0,
    revision: UInt8 = 2
  ) -> [UInt8] {
    var root = Array("RSD PTR ".utf8) + [0] + Array("APUS  ".utf8) + [revision]
    root += little(rsdt, 4)
    root[8] = 0 &- root.reduce(0, &+)
    guard revision >= 2 else { return root }
    root += little(36, 4) + little(xsdt, 8) + [0, 0, 0, 0]
    root[32] = 0 &- root.reduce(0, &+)
    return root
  }

  /// `count` bytes of `value`, the least significant first.
  static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// The bytes that `text` gives in hexadecimal.
  static func bytes(_ text: String) -> [UInt8] {
    let digits = Array(text.filter { !$0.isWhitespace })
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)!
    }
  }
}
