/// A value that never changes, on the heap: handed on as a pointer, where a
/// large one would be copied each time.
@safe
public struct Constant<Value>: ~Copyable {
  @usableFromInline
  let pointer: UnsafeMutablePointer<Value>

  /// Holds `value`.
  public init(_ value: Value) {
    // SAFETY: The memory is new, and for one value.
    unsafe pointer = .allocate(capacity: 1)
    unsafe pointer.initialize(to: value)
  }

  deinit {
    // SAFETY: The memory has a value, and nobody else knows of it.
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }

  /// The value.
  @inlinable
  public var value: Value {
    @inline(__always)
    unsafeAddress {
      unsafe UnsafePointer(pointer)
    }
  }
}

// SAFETY: Nobody changes the value.
extension Constant: @unchecked Sendable where Value: Sendable {}
