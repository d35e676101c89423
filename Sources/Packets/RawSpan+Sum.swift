extension RawSpan {
  /// The one's complement sum of the span's 64-bit words as memory holds them,
  /// the last padded with zero: RFC 1071, whose sums are the same in either
  /// byte order (§2 B) and whatever the width of the words (§2 C).
  public var onesComplementSum: UInt64 {
    // SAFETY: Every load below is within the span's bytes.
    unsafe withUnsafeBytes { Self.sum($0) }
  }

  @safe
  private static func sum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    guard var next = bytes.baseAddress else { return 0 }
    var count = bytes.count
    var sum: UInt64 = 0
    // SAFETY: `count` bytes are left from `next` on.
    while count >= 32 {
      unsafe sum = sum.addingWithCarry(
        next.loadUnaligned(as: UInt64.self)
      )
      unsafe sum = sum.addingWithCarry(
        next.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      )
      unsafe sum = sum.addingWithCarry(
        next.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
      )
      unsafe sum = sum.addingWithCarry(
        next.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
      )
      unsafe next += 32
      count &-= 32
    }
    while count >= 8 {
      unsafe sum = sum.addingWithCarry(
        next.loadUnaligned(as: UInt64.self)
      )
      unsafe next += 8
      count &-= 8
    }
    var last: UInt64 = 0
    for index in 0..<count {
      let byte = unsafe next.load(fromByteOffset: index, as: UInt8.self)
      last |= UInt64(byte) &<< UInt64(8 &* index)
    }
    return sum.addingWithCarry(last)
  }
}

extension UInt64 {
  /// The one's complement sum: what is carried out comes in at the end.
  @inlinable
  @inline(__always)
  public func addingWithCarry(_ other: UInt64) -> UInt64 {
    let (sum, isCarried) = addingReportingOverflow(other)
    return sum &+ (isCarried ? 1 : 0)
  }
}
