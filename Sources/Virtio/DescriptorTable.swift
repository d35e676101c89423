/// What the driver knows of a queue's descriptors, in memory of its own that
/// the device cannot write: which are free, which are linked to which, and what
/// was posted. What a used entry names is looked up here. VIRTIO 1.2 §2.7.8.
///
///     free    3 → 0 → 7 → end            chain    5 → 2 → end
///
/// What becomes free is used again last, so that a device that gives back in
/// order is given descriptors in the order of the table, as §2.7.5 wants it.
@safe
@usableFromInline
struct DescriptorTable: ~Copyable {
  private struct Entry: BitwiseCopyable {
    /// The next of its chain, or of the free descriptors.
    var next: UInt16
    /// At a chain's head: the bytes that the device may write.
    var postedCount: UInt32
    /// At a chain's head: how many were posted before it, modulo 2^32.
    var number: UInt32
  }

  /// What comes behind the last. No queue has so many descriptors.
  private static var end: UInt16 { .max }

  private let entries: UnsafeMutablePointer<Entry>
  private let count: Int
  private var firstFree: UInt16 = 0
  private var lastFree: UInt16
  /// The descriptors that are free.
  private(set) var freeCount: Int

  /// `count` descriptors, all free.
  ///
  /// - Precondition: `count` is positive and at most 32,768.
  init(count: Int) {
    precondition(count > 0 && count <= 32768)
    self.count = count
    freeCount = count
    lastFree = UInt16(count - 1)
    // SAFETY: Freed in deinit only; all `count` entries are initialised here,
    // and `check` keeps every later access within them.
    unsafe entries = .allocate(capacity: count)
    for index in 0..<count {
      let next = index + 1 < count ? UInt16(index + 1) : Self.end
      unsafe (entries + index).initialize(
        to: Entry(next: next, postedCount: 0, number: 0)
      )
    }
  }

  deinit { unsafe entries.deallocate() }

  private func check(_ descriptor: UInt16) -> Int {
    precondition(Int(descriptor) < count)
    return Int(descriptor)
  }

  /// Takes a free descriptor, as a chain of one.
  ///
  /// - Precondition: ``freeCount`` is positive.
  mutating func take() -> UInt16 {
    precondition(freeCount > 0, "no descriptor is free")
    let descriptor = firstFree
    let index = check(descriptor)
    // SAFETY: `check` has found the index within the entries.
    firstFree = unsafe entries[index].next
    unsafe entries[index].next = Self.end
    freeCount -= 1
    return descriptor
  }

  /// Takes a free descriptor to follow `descriptor` in its chain.
  ///
  /// - Precondition: ``freeCount`` is positive.
  mutating func take(after descriptor: UInt16) -> UInt16 {
    let next = take()
    // SAFETY: As in `take`.
    unsafe entries[check(descriptor)].next = next
    return next
  }

  /// Notes how many bytes the device may write to the chain at `head`, and how
  /// many chains were posted before it.
  mutating func setPosted(
    _ count: UInt32,
    number: UInt32,
    of head: UInt16
  ) {
    // SAFETY: As in `take`.
    unsafe entries[check(head)].postedCount = count
    unsafe entries[check(head)].number = number
  }

  /// How many chains were posted before the one at `head`.
  func number(of head: UInt16) -> UInt32 {
    // SAFETY: As in `take`.
    unsafe entries[check(head)].number
  }

  /// The bytes that the device may write to the chain at `head`.
  func postedCount(of head: UInt16) -> UInt32 {
    // SAFETY: As in `take`.
    unsafe entries[check(head)].postedCount
  }

  /// Makes all descriptors of the chain at `head` free, and says how many those
  /// were.
  @discardableResult
  mutating func release(_ head: UInt16) -> UInt16 {
    var last = head
    var released: UInt16 = 1
    // SAFETY: As in `take`.
    while case let next = unsafe entries[check(last)].next, next != Self.end {
      last = next
      released += 1
    }
    if freeCount == 0 {
      firstFree = head
    } else {
      // SAFETY: As in `take`.
      unsafe entries[check(lastFree)].next = head
    }
    lastFree = last
    freeCount += Int(released)
    return released
  }
}
