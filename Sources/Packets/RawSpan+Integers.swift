/// Reading and writing integers of the wire in raw bytes, bounds checked.
extension RawSpan {
  /// The byte at `offset`.
  ///
  /// - Precondition: `offset` is within the span.
  public func byte(at offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < byteCount)
    // SAFETY: The byte is within the span, by the precondition.
    return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }

  /// The integer whose bytes, most significant first, begin at `offset`.
  ///
  /// - Precondition: All of its bytes are within the span.
  public func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int,
    as type: T.Type = T.self
  ) -> T {
    T(bigEndian: native(at: offset))
  }

  /// The integer whose bytes, least significant first, begin at `offset`.
  ///
  /// - Precondition: All of its bytes are within the span.
  public func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int,
    as type: T.Type = T.self
  ) -> T {
    T(littleEndian: native(at: offset))
  }

  private func native<T: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int
  ) -> T {
    precondition(
      offset >= 0 && byteCount >= MemoryLayout<T>.size
        && offset <= byteCount &- MemoryLayout<T>.size
    )
    // SAFETY: All bytes are within the span, by the precondition.
    return unsafe unsafeLoadUnaligned(
      fromUncheckedByteOffset: offset,
      as: T.self
    )
  }
}

extension MutableRawSpan {
  /// Writes `value` at `offset`, most significant byte first.
  ///
  /// - Precondition: All of its bytes are within the span.
  public mutating func storeBigEndian<
    T: FixedWidthInteger & BitwiseCopyable
  >(
    _ value: T,
    at offset: Int
  ) {
    storeNative(value.bigEndian, at: offset)
  }

  /// Writes `value` at `offset`, least significant byte first.
  ///
  /// - Precondition: All of its bytes are within the span.
  public mutating func storeLittleEndian<
    T: FixedWidthInteger & BitwiseCopyable
  >(
    _ value: T,
    at offset: Int
  ) {
    storeNative(value.littleEndian, at: offset)
  }

  /// Copies all of `source` to `offset`.
  ///
  /// - Precondition: The bytes fit.
  public mutating func copy(_ source: RawSpan, to offset: Int) {
    precondition(
      offset >= 0 && source.byteCount <= byteCount
        && offset <= byteCount &- source.byteCount
    )
    guard !source.isEmpty else { return }
    // SAFETY: The target range is within the span, by the precondition. The
    // access to self is exclusive, so the two do not overlap.
    unsafe withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { source in
        unsafe (target.baseAddress! + offset).copyMemory(
          from: source.baseAddress!,
          byteCount: source.count
        )
      }
    }
  }

  private mutating func storeNative<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T,
    at offset: Int
  ) {
    precondition(
      offset >= 0 && byteCount >= MemoryLayout<T>.size
        && offset <= byteCount &- MemoryLayout<T>.size
    )
    // SAFETY: All bytes are within the span, by the precondition.
    unsafe storeBytes(
      of: value,
      toUncheckedByteOffset: offset,
      as: T.self
    )
  }
}
