/// An input of the fuzzer as the numbers that a target asks for, one after the
/// other. Behind its end all are 0, so that every input is a whole one.
public final class Input {
  private let bytes: [UInt8]
  private var position = 0

  /// A copy of the `count` bytes at `start`, as libFuzzer gives them.
  public init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
    // SAFETY: libFuzzer says how many bytes there are.
    bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  }

  /// The bytes that were not asked for yet.
  public var count: Int { bytes.count - position }

  /// The next byte.
  public func byte() -> UInt8 {
    guard position < bytes.count else { return 0 }
    defer { position += 1 }
    return bytes[position]
  }

  /// The next byte as an index below `limit`.
  public func index(below limit: Int) -> Int { Int(byte()) % limit }

  /// A truth value of its own byte.
  public func flag() -> Bool { byte() & 1 != 0 }

  /// The next number.
  public func number<Number: FixedWidthInteger>(
    as type: Number.Type = Number.self
  ) -> Number {
    var number: Number = 0
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
      number |= Number(truncatingIfNeeded: byte()) << Number(shift)
    }
    return number
  }
}
