/// A value that is there only at times, on the heap, so that it costs whoever
/// holds it a pointer and no more while it is not.
///
///     holder | ... | record |          record -> nothing
///                     |
///                     +-> value
@safe
public struct SideRecord<Value: ~Copyable>: ~Copyable {
  @usableFromInline
  var pointer: UnsafeMutablePointer<Value>?

  /// No value; no memory is held.
  public init() { unsafe pointer = nil }

  /// Holds `value`.
  public init(_ value: consuming Value) {
    let memory = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    // SAFETY: The memory is new, and for one value.
    unsafe memory.initialize(to: value)
    unsafe pointer = unsafe memory
  }

  deinit {
    guard let pointer = unsafe pointer else { return }
    // SAFETY: The memory has a value, and nobody else knows of it.
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }

  /// Whether there is a value.
  @inlinable
  public var isPresent: Bool { unsafe pointer != nil }

  /// The value.
  ///
  /// - Precondition: There is one.
  @inlinable
  public var value: Value {
    @inline(__always)
    unsafeAddress {
      unsafe UnsafePointer(place())
    }
    @inline(__always)
    unsafeMutableAddress {
      unsafe place()
    }
  }

  @inlinable
  @inline(__always)
  func place() -> UnsafeMutablePointer<Value> {
    guard let pointer = unsafe pointer else {
      preconditionFailure("a record that is not there")
    }
    return unsafe pointer
  }

  /// Gives the value away, with its memory.
  public mutating func take() -> SideRecord {
    var taken = SideRecord()
    swap(&taken, &self)
    return taken
  }
}

// SAFETY: The record owns its value alone.
extension SideRecord: @unchecked Sendable where Value: Sendable & ~Copyable {}
