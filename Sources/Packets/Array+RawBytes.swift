extension Array where Element == UInt8 {
  /// The array's bytes, uncopied.
  public var rawBytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      // SAFETY: `Span.bytes` is unsafe for elements with padding; a byte has
      // none.
      unsafe span.bytes
    }
  }
}
