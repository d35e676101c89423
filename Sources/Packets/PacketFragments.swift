/// The bytes of a packet that are in other slots.
///
///     | control | headroom | bytes ... tailroom | record 1 | record 0 |
///                                                  |           |
///              bytes of another slot  <------------+           |
///              bytes of another slot  <------------------------+
///
/// What a device merges from several buffers, and what a connection sends from
/// where the app's bytes already are, is one packet: headers in the first slot,
/// the rest behind it in order. The records lie at the end of the first slot, so
/// that a fragment costs 16 bytes of its tailroom and no allocation.
///
/// A fragment's slot is either the packet's own, as received, or shared with
/// whoever else refers to its bytes: it is free again when nobody does.
@unsafe
@usableFromInline
struct Fragment {
  @usableFromInline
  let slot: UnsafeMutablePointer<Slot>
  @usableFromInline
  var start: UInt32
  @usableFromInline
  var end: UInt32

  /// Where the record of fragment `index` of the packet in `slot` is.
  @inlinable
  static func record(
    _ index: Int,
    of slot: UnsafeMutablePointer<Slot>
  ) -> UnsafeMutablePointer<Fragment> {
    // SAFETY: Records lie within the slot, behind its packet's bytes: each was
    // taken from the tailroom. Capacities are multiples of 16.
    unsafe (slot.pointee.base + Int(slot.pointee.capacity)
      - PacketBuffer.fragmentTailroom * (index + 1))
      .assumingMemoryBound(to: Fragment.self)
  }

  /// Drops the references of the packet in `slot` to all its fragments.
  @usableFromInline
  @inline(never)
  static func releaseAll(of slot: UnsafeMutablePointer<Slot>) {
    for index in unsafe 0..<Int(slot.pointee.fragmentCount) {
      unsafe FreeList.release(record(index, of: slot).pointee.slot)
    }
    unsafe slot.pointee.fragmentCount = 0
  }

  @inlinable
  init(slot: UnsafeMutablePointer<Slot>, start: UInt32, end: UInt32) {
    unsafe self.slot = unsafe slot
    unsafe self.start = start
    unsafe self.end = end
  }
}

extension PacketBuffer {
  /// The most fragments that a packet has: 64 KiB in the smallest slots.
  public static var mostFragments: Int { 40 }
  /// The tailroom that a fragment takes.
  @inlinable
  public static var fragmentTailroom: Int { 16 }

  /// The number of fragments behind the first slot's bytes.
  public var fragmentCount: Int {
    Int(unsafe slot.pointee.fragmentCount)
  }

  /// The bytes of the packet, fragments included.
  public var totalCount: Int {
    var total = count
    for index in 0..<fragmentCount {
      // SAFETY: `index` is below the number of records.
      let fragment = unsafe Fragment.record(index, of: slot).pointee
      unsafe total += Int(fragment.end - fragment.start)
    }
    return total
  }

  /// Puts all of `packet` behind the bytes there are, without moving them.
  ///
  /// - Precondition: `packet` has no fragments itself, and there is tailroom
  ///   for the record and place for one more.
  public mutating func append(fragment packet: consuming PacketBuffer) {
    precondition(packet.fragmentCount == 0)
    // SAFETY: The record takes over the reference that the value held.
    let other = unsafe packet.unsafeRelease()
    let record = unsafe Fragment(
      slot: other,
      start: other.pointee.start,
      end: other.pointee.end
    )
    unsafe append(record: record)
  }

  /// Puts the `range` of the bytes of `packet`, which stay where they are,
  /// behind the bytes there are. From now on they must not change.
  ///
  /// - Precondition: The range is within the bytes of `packet`, which has no
  ///   fragments itself, and there is tailroom and place.
  public mutating func append(
    sharing range: Range<Int>,
    of packet: borrowing PacketBuffer
  ) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= packet.count
        && packet.fragmentCount == 0
    )
    // SAFETY: The record holds the reference that is added here.
    unsafe append(sharing: packet.slot, range)
  }

  /// The same for a slot of a ``PacketQueue`` or a ``ByteQueue``.
  mutating func append(
    sharing other: UnsafeMutablePointer<Slot>,
    _ range: Range<Int>
  ) {
    let start = unsafe other.pointee.start
    unsafe other.pointee.references += 1
    let record = unsafe Fragment(
      slot: other,
      start: start + UInt32(range.lowerBound),
      end: start + UInt32(range.upperBound)
    )
    unsafe append(record: record)
  }

  private mutating func append(record: Fragment) {
    let index = fragmentCount
    precondition(
      index < Self.mostFragments && tailroom >= Self.fragmentTailroom
    )
    // SAFETY: There is tailroom for the record.
    unsafe Fragment.record(index, of: slot).initialize(to: record)
    unsafe slot.pointee.fragmentCount &+= 1
  }

  /// The bytes of fragment `index`.
  ///
  /// - Precondition: There is such a fragment.
  @_lifetime(borrow self)
  public borrowing func fragmentBytes(_ index: Int) -> RawSpan {
    precondition(index >= 0 && index < fragmentCount)
    // SAFETY: The packet refers to the slot as long as it lives, and the range
    // was checked when the fragment came.
    let fragment = unsafe Fragment.record(index, of: slot).pointee
    return unsafe _overrideLifetime(
      RawSpan(
        _unsafeStart: UnsafeRawPointer(fragment.slot.pointee.base)
          + Int(fragment.start),
        byteCount: Int(fragment.end - fragment.start)
      ),
      borrowing: self
    )
  }

  /// Moves the fragments, as packets of their own and in order, to the end of
  /// `queue`; this packet keeps the bytes of its first slot.
  ///
  /// - Precondition: No other packet refers to them, as with received ones.
  public mutating func moveFragments(to queue: inout PacketQueue) {
    for index in 0..<fragmentCount {
      // SAFETY: The record's reference becomes the packet's.
      let fragment = unsafe Fragment.record(index, of: slot).pointee
      unsafe precondition(fragment.slot.pointee.references == 1)
      unsafe fragment.slot.pointee.start = unsafe fragment.start
      unsafe fragment.slot.pointee.end = unsafe fragment.end
      unsafe queue.append(PacketBuffer(unsafeOwning: fragment.slot))
    }
    unsafe slot.pointee.fragmentCount = 0
  }

  /// Cuts bytes off the back until `total` are left, fragments included.
  ///
  /// - Precondition: The packet has as many.
  public mutating func truncate(to total: Int) {
    var surplus = totalCount - total
    precondition(total >= 0 && surplus >= 0)
    while surplus > 0, fragmentCount > 0 {
      let last = unsafe Fragment.record(fragmentCount - 1, of: slot)
      let length = unsafe Int(last.pointee.end - last.pointee.start)
      guard length <= surplus else {
        unsafe last.pointee.end -= UInt32(surplus)
        return
      }
      surplus -= length
      unsafe FreeList.release(last.pointee.slot)
      unsafe slot.pointee.fragmentCount &-= 1
    }
    removeLast(surplus)
  }

  /// Where the bytes of fragment `index` are, for a device.
  @unsafe
  public func unsafeFragment(_ index: Int) -> (address: UInt, count: Int) {
    precondition(index >= 0 && index < fragmentCount)
    let fragment = unsafe Fragment.record(index, of: slot).pointee
    return unsafe (
      UInt(bitPattern: fragment.slot.pointee.base) &+ UInt(fragment.start),
      Int(fragment.end - fragment.start)
    )
  }

  /// The address of `byteCount` bytes at the end of the tailroom, aligned to
  /// 16, or `nil` when there are not as many. They are the caller's as long as
  /// nothing is put behind the packet.
  @unsafe
  public func unsafeTail(byteCount: Int) -> UInt? {
    guard byteCount <= tailroom - 15 else { return nil }
    let end = unsafe slot.pointee.capacity
    let offset =
      (Int(end) - Self.fragmentTailroom * fragmentCount - byteCount) & ~15
    return unsafe UInt(bitPattern: slot.pointee.base) &+ UInt(offset)
  }
}
