/// The pairs of queues of a device, as many as are in use.
///
/// An array of noncopyable elements of our own, because the ones there are make
/// the compiler of an Embedded build fail on this element.
@safe
@usableFromInline
struct QueuePairs: ~Copyable {
  private let elements: UnsafeMutablePointer<QueuePair>
  private let capacity: Int
  /// The number of pairs.
  private(set) var count = 0

  /// No pairs, with room for `capacity`.
  init(capacity: Int) {
    self.capacity = capacity
    // SAFETY: Freed in deinit only; the first `count` are initialised.
    unsafe elements = .allocate(capacity: capacity)
  }

  deinit {
    unsafe elements.deinitialize(count: count)
    unsafe elements.deallocate()
  }

  /// The places of the pairs.
  var indices: Range<Int> { 0..<count }

  /// Whether each receive queue has room for `count` buffers.
  func haveRoom(for count: Int, _ features: Features) -> Bool {
    let needed = PacketHeader.isSplitOff(features) ? 2 * count : count
    for index in indices where Int(self[index].receive.size) < needed {
      return false
    }
    return true
  }

  /// Adds a pair.
  ///
  /// - Precondition: There is room.
  mutating func append(_ pair: consuming QueuePair) {
    precondition(count < capacity)
    // SAFETY: The place is within the memory and not initialised.
    unsafe (elements + count).initialize(to: pair)
    count += 1
  }

  /// Pair `index`.
  ///
  /// - Precondition: There is one.
  subscript(index: Int) -> QueuePair {
    _read {
      precondition(index >= 0 && index < count)
      // SAFETY: The place is within those that are initialised.
      yield unsafe elements[index]
    }
    _modify {
      precondition(index >= 0 && index < count)
      // SAFETY: As in `_read`; the access to self is exclusive.
      yield unsafe &elements[index]
    }
  }
}
