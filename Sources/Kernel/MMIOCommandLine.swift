/// The memory-mapped devices that the kernel command line tells of, as QEMU and
/// others write it for Linux:
///
///     virtio_mmio.device=SIZE@BASE:INTERRUPT[:ID]
///
/// Numbers are decimal, hexadecimal after `0x`, or octal after `0`; `SIZE` may
/// end in K, M or G. The id is of no use here, but must be a number too.
struct MMIOCommandLine {
  /// The devices, in their order.
  private(set) var places: [MMIOPlace] = []
  /// What was not understood, a line each.
  private(set) var problems: [String] = []

  private static var key: StaticString { "virtio_mmio.device=" }

  /// Looks through the words of `text`.
  init(_ text: String) {
    for word in Array(text.utf8).split(separator: 0x20) {
      let word = Array(word)
      guard word.has(Self.key, at: 0) else { continue }
      let value = word[Self.key.utf8CodeUnitCount...]
      guard let place = Self.place(value) else {
        problems.append(
          "mmio: not understood: \(String(decoding: word, as: UTF8.self))"
        )
        continue
      }
      guard places.count < MMIOPlace.most else {
        problems.append("mmio: more than \(MMIOPlace.most) devices")
        return
      }
      places.append(place)
    }
  }

  private static func place(_ value: ArraySlice<UInt8>) -> MMIOPlace? {
    guard let at = value.firstIndex(of: 0x40) else { return nil }
    let rest = value[(at + 1)...].split(
      separator: 0x3A,
      omittingEmptySubsequences: false
    )
    guard rest.count == 2 || rest.count == 3, let size = size(value[..<at]),
      let base = number(rest[0]), let interrupt = number(rest[1]),
      rest.count == 2 || number(rest[2]) != nil
    else { return nil }
    return MMIOPlace(base: base, size: size, interrupt: interrupt)
  }

  private static func size(_ text: ArraySlice<UInt8>) -> UInt64? {
    guard let last = text.last else { return nil }
    let unit: UInt64
    switch last | 0x20 {
    case 0x6B: unit = 1 << 10
    case 0x6D: unit = 1 << 20
    case 0x67: unit = 1 << 30
    default: return number(text)
    }
    guard let count = number(text.dropLast()) else { return nil }
    let (size, overflow) = count.multipliedReportingOverflow(by: unit)
    return overflow ? nil : size
  }

  private static func number(_ text: ArraySlice<UInt8>) -> UInt64? {
    var digits = text
    var radix: UInt64 = 10
    if digits.first == 0x30, digits.count > 1 {
      digits = digits.dropFirst()
      radix = 8
      if digits.first == 0x78 || digits.first == 0x58 {
        digits = digits.dropFirst()
        radix = 16
      }
    }
    guard !digits.isEmpty else { return nil }
    var value: UInt64 = 0
    for byte in digits {
      guard let digit = digit(byte), digit < radix else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(digit)
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 0x30...0x39: UInt64(byte) - 0x30
    case 0x61...0x66: UInt64(byte) - 0x57
    case 0x41...0x46: UInt64(byte) - 0x37
    default: nil
    }
  }
}
