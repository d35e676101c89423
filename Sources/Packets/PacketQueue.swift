/// Packets in order, first in, first out, without a bound of its own.
///
/// The slots are linked through their control blocks: putting one in and
/// taking one out allocates nothing. Who fills a queue bounds it, by ``count``
/// or ``byteCount``.
@safe
public struct PacketQueue: ~Copyable {
  private var head: UnsafeMutablePointer<Slot>?
  private var tail: UnsafeMutablePointer<Slot>?

  private var packets: UInt32 = 0
  private var bytes: UInt32 = 0

  /// The number of packets.
  public private(set) var count: Int {
    get { Int(packets) }
    set { packets = UInt32(truncatingIfNeeded: newValue) }
  }

  /// The sum of the packets' sizes in bytes.
  public private(set) var byteCount: Int {
    get { Int(bytes) }
    set { bytes = UInt32(truncatingIfNeeded: newValue) }
  }

  /// An empty queue.
  public init() {
    unsafe head = nil
    unsafe tail = nil
  }

  deinit {
    var next = unsafe head
    while let slot = unsafe next {
      unsafe next = unsafe slot.pointee.next
      // SAFETY: The queue owned the slot; the buffer made here ends at once.
      _ = unsafe PacketBuffer(unsafeOwning: slot)
    }
  }

  /// Whether the queue has no packets.
  public var isEmpty: Bool { count == 0 }

  /// Puts `packet` last.
  public mutating func append(_ packet: consuming PacketBuffer) {
    byteCount &+= packet.count
    count &+= 1
    // SAFETY: The queue takes the slot over from the value.
    let slot = unsafe packet.unsafeRelease()
    unsafe slot.pointee.next = nil
    if let tail = unsafe tail {
      unsafe tail.pointee.next = unsafe slot
    } else {
      unsafe head = unsafe slot
    }
    unsafe tail = unsafe slot
  }

  /// Takes the first packet out, or `nil` when there is none.
  public mutating func popFirst() -> PacketBuffer? {
    guard let slot = unsafe head else { return nil }
    unsafe head = unsafe slot.pointee.next
    unsafe slot.pointee.next = nil
    if unsafe head == nil {
      unsafe tail = nil
    }
    // SAFETY: The slot is in no queue now.
    let packet = unsafe PacketBuffer(unsafeOwning: slot)
    count &-= 1
    byteCount &-= packet.count
    return packet
  }

  /// The bytes of the first packet; empty when there is none.
  public var firstBytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      guard let slot = unsafe head else { return RawSpan() }
      // SAFETY: The slot stays in the queue while self is borrowed.
      return unsafe _overrideLifetime(
        RawSpan(
          _unsafeStart: UnsafeRawPointer(slot.pointee.base)
            + Int(slot.pointee.start),
          byteCount: Int(slot.pointee.end &- slot.pointee.start)
        ),
        borrowing: self
      )
    }
  }

  /// The bytes that would still fit behind the last packet's; zero when there
  /// is none.
  public var lastTailroom: Int {
    guard let slot = unsafe tail else { return 0 }
    return unsafe Int(slot.pointee.capacity &- slot.pointee.end)
  }

  /// Puts a copy of `bytes` behind those of the last packet, so that many small
  /// ones do not hold a slot each.
  ///
  /// - Precondition: ``lastTailroom`` is as large.
  public mutating func appendToLast(copying bytes: RawSpan) {
    precondition(bytes.byteCount <= lastTailroom)
    guard !bytes.isEmpty, let slot = unsafe tail else { return }
    // SAFETY: The target lies within the slot, behind its bytes.
    unsafe bytes.withUnsafeBytes {
      unsafe (slot.pointee.base + Int(slot.pointee.end)).copyMemory(
        from: $0.baseAddress!,
        byteCount: $0.count
      )
    }
    unsafe slot.pointee.end &+= UInt32(bytes.byteCount)
    byteCount &+= bytes.byteCount
  }
}

// SAFETY: The queue owns its slots alone; see `PacketBuffer`.
extension PacketQueue: @unchecked Sendable {}

extension PacketBuffer {
  /// Gives the slot to the caller, who owns it from here on.
  @unsafe
  consuming func unsafeRelease() -> UnsafeMutablePointer<Slot> {
    let slot = unsafe self.slot
    discard self
    return unsafe slot
  }
}
