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
    // The last word, in the parts that the bits of `count` say.
    var last: UInt64 = 0
    var width: UInt64 = 0
    if count & 4 != 0 {
      last = unsafe UInt64(next.loadUnaligned(as: UInt32.self).littleEndian)
      width = 32
      unsafe next += 4
    }
    if count & 2 != 0 {
      let word = unsafe next.loadUnaligned(as: UInt16.self).littleEndian
      last |= UInt64(word) &<< width
      width &+= 16
      unsafe next += 2
    }
    if count & 1 != 0 {
      last |= UInt64(unsafe next.load(as: UInt8.self)) &<< width
    }
    return sum.addingWithCarry(UInt64(littleEndian: last))
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
