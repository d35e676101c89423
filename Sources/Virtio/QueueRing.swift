/// The rings of a queue, of the kind that was agreed on. VIRTIO 1.2 §2.6.
struct QueueRing {
  private let isPacked: Bool
  // The one that is not meant is never asked: two values of the same size each
  // cost less than a check of a case's payload at each packet.
  private var split: SplitRing
  private var packed: PackedRing

  /// Where the parts are from the beginning on.
  static func offsets(
    size: UInt16,
    _ format: QueueFormat
  ) -> (driver: Int, device: Int, end: Int) {
    format.isPacked
      ? PackedRing.offsets(size: size) : SplitRing.offsets(size: size)
  }

  /// Rings of `size` entries in zeroed memory at `address`.
  init(size: UInt16, at address: UInt, _ format: QueueFormat) {
    isPacked = format.isPacked
    split = SplitRing(size: size, at: address, format)
    packed = PackedRing(size: size, at: address, format)
  }

  // MARK: To the device

  /// Writes a descriptor of the chain `identifier`: where there is a table, at
  /// `place` of it with the next one's place; else at the next of the ring.
  mutating func enter(
    _ part: Virtqueue.Part,
    _ flags: UInt16,
    at place: UInt16,
    next: UInt16,
    of identifier: UInt16
  ) {
    if isPacked {
      packed.enter(part, flags, identifier: identifier)
    } else {
      split.write(place, part, flags, next: next)
    }
  }

  /// The chain that begins at `head` has been entered; the device sees it at
  /// the next ``publish()``.
  mutating func makeAvailable(_ head: UInt16) {
    if !isPacked { split.makeAvailable(head) }
  }

  /// Lets the device see what was entered since the last time.
  ///
  /// - Returns: Whether it wants to be notified of it.
  mutating func publish() -> Bool {
    isPacked ? packed.publish() : split.publish()
  }

  /// What comes with a notification where the device wants it. §2.9.
  var notificationOffset: UInt16 {
    isPacked ? packed.notificationOffset : split.notificationOffset
  }

  // MARK: From the device

  /// Whether the device has given something back that was not taken yet.
  var hasUsed: Bool { isPacked ? packed.hasUsed : split.hasUsed }

  /// What the device says next that it has used, not yet taken; `nil` when it
  /// says nothing.
  ///
  /// - Throws: `badQueue` when it claims more than it was given.
  func nextUsed() throws(VirtioError) -> Virtqueue.Used? {
    if isPacked { return packed.nextUsed() }
    return try split.nextUsed()
  }

  /// Takes what ``nextUsed()`` has read, a chain of `count` descriptors.
  mutating func advance(over count: UInt16) {
    if isPacked {
      packed.advance(by: count)
    } else {
      split.advance()
    }
  }

  /// Asks the device not to interrupt. It may do so all the same.
  func suppressInterrupts() {
    if isPacked {
      packed.suppressInterrupts()
    } else {
      split.suppressInterrupts()
    }
  }

  /// Asks the device to interrupt when it gives something back.
  ///
  /// - Returns: Whether it has done so meanwhile, and may not interrupt for
  ///   that: the caller must look again.
  func requestInterrupts() -> Bool {
    isPacked ? packed.requestInterrupts() : split.requestInterrupts()
  }
}
