/// One packet in memory that a device can reach, owned by exactly one place.
///
/// A packet buffer owns a slot of a ``PacketPool`` and gives it back when the
/// value ends, so a leak or a double free does not compile. It travels by being
/// consumed: the device fills it, the stack reads it in place, a connection
/// keeps it until the app has read it, and its end makes room for the next.
///
///     slot    | control | headroom |     bytes     | tailroom |
///     offset            0        start            end      capacity
///
/// Headers are taken off by ``removeFirst(_:)`` and put on by
/// ``prepend(_:)``; the payload never moves.
///
/// A packet may go on in other slots, its fragments (`PacketFragments.swift`),
/// and says what of it is left to the device, or was done by it
/// (`PacketOffload.swift`). Here ``count`` and ``bytes`` are of the first slot.
///
/// A buffer and its pool belong to one core: nothing here is synchronised.
@safe
@frozen
public struct PacketBuffer: ~Copyable {
  /// The slot this value owns. Its control block holds the bounds, so that the
  /// value is one pointer and a queue can link slots without allocating.
  @usableFromInline
  let slot: UnsafeMutablePointer<Slot>

  init(unsafeOwning slot: UnsafeMutablePointer<Slot>) {
    unsafe self.slot = slot
  }

  @inlinable
  deinit {
    // SAFETY: The value owned its slot and a reference to each fragment's.
    if unsafe slot.pointee.fragmentCount != 0 {
      unsafe Fragment.releaseAll(of: slot)
    }
    unsafe FreeList.release(slot)
  }

  /// The number of bytes in the packet's first slot.
  public var count: Int {
    unsafe Int(slot.pointee.end &- slot.pointee.start)
  }

  /// Whether the packet's first slot has no bytes.
  public var isEmpty: Bool { count == 0 }

  /// The bytes between the slot's first and the packet's first.
  public var headroom: Int { unsafe Int(slot.pointee.start) }

  /// The bytes behind the packet's last.
  public var tailroom: Int {
    unsafe Int(slot.pointee.capacity &- slot.pointee.end)
      - Self.fragmentTailroom * fragmentCount
  }

  /// The slots of the packet's pool that are free, less those that a device is
  /// owed: fewer than none, when it cannot have all.
  public var freeInPool: Int {
    unsafe slot.pointee.pool.pointee.available
      - slot.pointee.pool.pointee.owed
  }

  /// A device has given up a slot of the packet's pool: it is owed one more. See
  /// ``PacketPool/owed``.
  @inlinable
  public func owe() { unsafe slot.pointee.pool.pointee.owed &+= 1 }

  /// The slots of the packet's pool, in all.
  public var poolCapacity: Int { unsafe slot.pointee.pool.pointee.capacity }

  /// The packet's bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      // SAFETY: start..<end lies within the slot, which lives as long as self.
      unsafe _overrideLifetime(
        RawSpan(
          _unsafeStart: UnsafeRawPointer(slot.pointee.base)
            + Int(slot.pointee.start),
          byteCount: count
        ),
        borrowing: self
      )
    }
  }

  /// The packet's bytes, to be written.
  ///
  /// - Precondition: They are no other packet's fragment.
  public var mutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      unsafe precondition(slot.pointee.references == 1)
      // SAFETY: As in `bytes`; the access is exclusive while self is, and no
      // other packet refers to the slot.
      return unsafe _overrideLifetime(
        MutableRawSpan(
          _unsafeStart: slot.pointee.base + Int(slot.pointee.start),
          byteCount: count
        ),
        mutating: &self
      )
    }
  }

  /// Takes `count` bytes off the front, as when a header has been read.
  ///
  /// - Precondition: The packet has as many bytes.
  public mutating func removeFirst(_ count: Int) {
    precondition(count >= 0 && count <= self.count)
    unsafe slot.pointee.start &+= UInt32(truncatingIfNeeded: count)
  }

  /// Takes `count` bytes off the back, as when padding is cut.
  ///
  /// - Precondition: The packet has as many bytes.
  public mutating func removeLast(_ count: Int) {
    precondition(count >= 0 && count <= self.count)
    unsafe slot.pointee.end &-= UInt32(truncatingIfNeeded: count)
  }

  /// Puts `count` bytes before the first, for a header; their values are what
  /// the slot last held there.
  ///
  /// - Precondition: The headroom is as large.
  public mutating func prepend(_ count: Int) {
    precondition(count >= 0 && count <= headroom)
    unsafe slot.pointee.start &-= UInt32(truncatingIfNeeded: count)
  }

  /// Puts `count` bytes behind the last; their values are what the slot last
  /// held there.
  ///
  /// - Precondition: The tailroom is as large.
  public mutating func append(_ count: Int) {
    precondition(count >= 0 && count <= tailroom)
    unsafe slot.pointee.end &+= UInt32(truncatingIfNeeded: count)
  }

  /// Puts a copy of `bytes` behind the last.
  ///
  /// - Precondition: The tailroom is as large.
  public mutating func append(copying bytes: RawSpan) {
    let offset = count
    append(bytes.byteCount)
    var target = mutableBytes
    target.copy(bytes, to: offset)
  }

  /// Makes the packet empty, with `headroom` bytes before it and nothing left
  /// to the device.
  ///
  /// - Precondition: `headroom` is at most the slot's capacity, and the packet
  ///   has no fragments.
  public mutating func clear(headroom: Int) {
    unsafe precondition(
      headroom >= 0 && headroom <= Int(slot.pointee.capacity)
        && slot.pointee.fragmentCount == 0
    )
    clearOffload()
    unsafe slot.pointee.start = UInt32(truncatingIfNeeded: headroom)
    unsafe slot.pointee.end = UInt32(truncatingIfNeeded: headroom)
  }

  /// The number of the interface that the packet came over, 0 to 255, for those
  /// that it waits for; what it last was until it is set.
  public var interface: Int {
    get { unsafe Int(slot.pointee.interface) }
    set { unsafe slot.pointee.interface = UInt8(newValue) }
  }

  /// The address of the packet's first byte. Memory is identity-mapped, so in
  /// the guest this is what a device is told.
  @unsafe
  public var unsafeAddress: UInt {
    unsafe UInt(bitPattern: slot.pointee.base) &+ UInt(slot.pointee.start)
  }
}

// SAFETY: The value owns its slot alone, and pool and buffers belong to one
// core, on which the executor runs one job at a time.
extension PacketBuffer: @unchecked Sendable {}
