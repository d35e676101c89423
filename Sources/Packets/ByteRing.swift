/// Bytes in order with a bound: what an app has written and a peer has not yet
/// acknowledged.
///
///     |  free  |  bytes  |  free  |        offset 0 is the oldest byte
///            start   start + count         (both ends wrap)
///
/// The app's bytes are copied in once; a transmission, and a retransmission,
/// reads them at their offset; an acknowledgement drops them from the front.
/// Memory is taken when the first byte comes, doubled as more come, and given
/// back by ``releaseIfEmpty()``.
@safe
public struct ByteRing: ~Copyable {
  private var storage: UnsafeMutableRawPointer?
  private var size = 0
  private var start = 0

  /// The number of bytes held.
  public private(set) var count = 0
  /// The most it ever holds.
  public let limit: Int

  /// The memory that a ring takes with its first byte.
  public static var smallestSize: Int { 2048 }

  /// An empty ring that will hold `limit` bytes at the most.
  ///
  /// - Precondition: `limit` is a power of two, at least 2,048.
  public init(limit: Int) {
    precondition(limit >= Self.smallestSize && limit & (limit - 1) == 0)
    self.limit = limit
    unsafe storage = nil
  }

  deinit { unsafe storage?.deallocate() }

  /// Whether nothing is held.
  public var isEmpty: Bool { count == 0 }

  /// The bytes that can still be appended.
  public var available: Int { limit - count }

  /// The bytes of memory that the ring has taken.
  public var memorySize: Int { size }

  /// Appends as much of `bytes` as fits and returns how many that were.
  ///
  /// - Parameter mostMemory: What the ring may grow to, should it have to; it
  ///   never shrinks for this. The smallest size is 2,048 bytes.
  public mutating func append(
    _ bytes: RawSpan,
    mostMemory: Int = .max
  ) -> Int {
    var most = max(size, Self.smallestSize)
    while most < limit, most * 2 <= mostMemory { most *= 2 }
    let accepted = min(bytes.byteCount, most - count)
    guard accepted > 0 else { return 0 }
    grow(toHold: count + accepted)
    let position = (start + count) & (size - 1)
    let first = min(accepted, size - position)
    // SAFETY: position + first <= size, and accepted - first <= start when it
    // wraps, so both parts lie in free memory of the ring.
    unsafe bytes.withUnsafeBytes { source in
      let storage = unsafe storage!
      unsafe (storage + position).copyMemory(
        from: source.baseAddress!,
        byteCount: first
      )
      guard first < accepted else { return }
      unsafe storage.copyMemory(
        from: source.baseAddress! + first,
        byteCount: accepted - first
      )
    }
    count += accepted
    return accepted
  }

  /// Copies the bytes at `offset` from the oldest into the whole of `target`.
  ///
  /// - Precondition: The ring holds `offset + target.byteCount` bytes.
  public func copyBytes(at offset: Int, to target: inout MutableRawSpan) {
    let length = target.byteCount
    precondition(offset >= 0 && length <= count && offset <= count - length)
    guard length > 0 else { return }
    let position = (start + offset) & (size - 1)
    let first = min(length, size - position)
    // SAFETY: Both parts lie within the ring's bytes, by the precondition.
    unsafe target.withUnsafeMutableBytes { target in
      let storage = unsafe storage!
      unsafe target.baseAddress!.copyMemory(
        from: storage + position,
        byteCount: first
      )
      guard first < length else { return }
      unsafe (target.baseAddress! + first).copyMemory(
        from: storage,
        byteCount: length - first
      )
    }
  }

  /// Drops the `count` oldest bytes.
  ///
  /// - Precondition: The ring holds as many.
  public mutating func removeFirst(_ count: Int) {
    precondition(count >= 0 && count <= self.count)
    guard count > 0 else { return }
    self.count -= count
    // From the front of memory the next bytes wrap the latest.
    start = isEmpty ? 0 : (start + count) & (size - 1)
  }

  /// Drops all bytes and gives the memory back.
  public mutating func removeAll() {
    count = 0
    releaseIfEmpty()
  }

  /// Gives the memory back when nothing is held.
  public mutating func releaseIfEmpty() {
    guard count == 0 else { return }
    unsafe storage?.deallocate()
    unsafe storage = nil
    size = 0
    start = 0
  }

  private mutating func grow(toHold needed: Int) {
    guard needed > size else { return }
    var newSize = max(size, Self.smallestSize)
    while newSize < needed { newSize *= 2 }
    // SAFETY: The old bytes fit in front of the new memory, unwrapped.
    let new = UnsafeMutableRawPointer.allocate(
      byteCount: newSize,
      alignment: 16
    )
    if let old = unsafe storage {
      let first = min(count, size - start)
      unsafe new.copyMemory(from: old + start, byteCount: first)
      unsafe (new + first).copyMemory(from: old, byteCount: count - first)
      unsafe old.deallocate()
    }
    unsafe storage = unsafe new
    size = newSize
    start = 0
  }
}

// SAFETY: The ring owns its memory alone.
extension ByteRing: @unchecked Sendable {}
