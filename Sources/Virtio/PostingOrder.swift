/// In which order packets were given to a device that gives them back in that
/// order, and may name only the last of several. VIRTIO 1.2 §2.7.9, §2.8.8.
@safe
@usableFromInline
struct PostingOrder: ~Copyable {
  private let identifiers: UnsafeMutablePointer<UInt16>
  private let capacity: Int
  private var first = 0
  private var count = 0
  /// The last of the batch that is being taken, and what was written to it.
  private var lastOfBatch: UInt16 = 0
  private var lengthOfLast: UInt32 = 0
  /// Whether a batch is being taken.
  private(set) var isInBatch = false

  /// Room for `capacity` identifiers.
  init(capacity: Int) {
    self.capacity = capacity
    // SAFETY: Freed in deinit only, and indexed below `capacity`.
    unsafe identifiers = .allocate(capacity: max(capacity, 1))
    unsafe identifiers.initialize(repeating: 0, count: max(capacity, 1))
  }

  deinit { unsafe identifiers.deallocate() }

  /// Notes that the device was given `identifier`.
  ///
  /// - Precondition: There is room.
  mutating func append(_ identifier: UInt16) {
    precondition(count < capacity)
    var position = first + count
    if position >= capacity { position -= capacity }
    // SAFETY: The position is below `capacity`.
    unsafe identifiers[position] = identifier
    count += 1
  }

  /// The device has named `identifier`, which it was given: that one and all
  /// before it are used.
  mutating func beginBatch(upTo identifier: UInt16, length: UInt32) {
    isInBatch = true
    lastOfBatch = identifier
    lengthOfLast = length
  }

  /// The next of the batch, and how much was written to it; `nil`: all of it.
  ///
  /// - Precondition: A batch is being taken.
  mutating func takeNext() -> (identifier: UInt16, length: UInt32?) {
    precondition(isInBatch && count > 0)
    // SAFETY: The position is below `capacity`.
    let identifier = unsafe identifiers[first]
    first += 1
    if first == capacity { first = 0 }
    count -= 1
    guard identifier == lastOfBatch else { return (identifier, nil) }
    isInBatch = false
    return (identifier, lengthOfLast)
  }
}
