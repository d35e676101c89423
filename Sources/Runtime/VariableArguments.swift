/// The arguments of a variadic C function. System V ABI for AMD64 §3.5.7.
@unsafe
struct VariableArguments {
  let list: UnsafeMutableRawPointer

  private enum Field {
    static let registerOffset = 0
    static let overflowArea = 8
    static let registerArea = 16
    /// Six general registers of eight bytes.
    static let registersEnd: UInt32 = 48
  }

  /// The next argument that is an integer or a pointer.
  func next() -> UInt64 {
    // SAFETY: The caller of the variadic function laid the list out so.
    let offset = unsafe list.load(
      fromByteOffset: Field.registerOffset,
      as: UInt32.self
    )
    if offset < Field.registersEnd {
      unsafe list.storeBytes(of: offset + 8, as: UInt32.self)
      let area = unsafe list.load(
        fromByteOffset: Field.registerArea,
        as: UnsafeRawPointer.self
      )
      return unsafe area.load(
        fromByteOffset: Int(offset),
        as: UInt64.self
      )
    }
    let area = unsafe list.load(
      fromByteOffset: Field.overflowArea,
      as: UnsafeRawPointer.self
    )
    unsafe list.storeBytes(
      of: area + 8,
      toByteOffset: Field.overflowArea,
      as: UnsafeRawPointer.self
    )
    return unsafe area.load(as: UInt64.self)
  }
}
