/// Bytes in order with a bound: what an app has written and a peer has not yet
/// acknowledged.
///
///     block           block                   block
///     | gone | bytes | | bytes .............| | bytes  | free |
///            offset 0      ^ cursor                    ^ the next bytes
///
/// The app's bytes are copied in once. A transmission, and a retransmission,
/// shares them with the packet that carries them; an acknowledgement drops them
/// from the front. A block is free when its bytes are dropped and no packet
/// that is still with the device has a part of them.
@safe
public struct ByteQueue: ~Copyable {
  private var head: UnsafeMutablePointer<Slot>?
  private var tail: UnsafeMutablePointer<Slot>?
  /// The block that was last read, so that reading in order walks no list.
  private var cursor: UnsafeMutablePointer<Slot>?
  /// How far before the oldest byte offset 0 of the cursor's block is; negative
  /// when it is behind it.
  private var cursorDistance: Int32 = 0
  private var bytes: UInt32 = 0
  private var mostBytes: UInt32

  /// An empty queue that will hold `limit` bytes at the most.
  ///
  /// - Precondition: `limit` is positive, and no more than `Int32.max`.
  public init(limit: Int) {
    precondition(limit > 0 && limit <= Int32.max)
    mostBytes = UInt32(limit)
    unsafe head = nil
    unsafe tail = nil
    unsafe cursor = nil
  }

  deinit {
    var next = unsafe head
    while let block = unsafe next {
      unsafe next = unsafe block.pointee.next
      // SAFETY: The queue held a reference to each of its blocks.
      unsafe FreeList.release(block)
    }
  }

  /// The number of bytes held.
  public private(set) var count: Int {
    get { Int(bytes) }
    set { bytes = UInt32(newValue) }
  }

  /// The most it holds. A smaller one drops nothing: what is beyond it goes as
  /// bytes are dropped, and until then none is taken.
  ///
  /// - Precondition: It is positive, and no more than `Int32.max`.
  public var limit: Int {
    get { Int(mostBytes) }
    set {
      precondition(newValue > 0 && newValue <= Int32.max)
      mostBytes = UInt32(newValue)
    }
  }

  /// Whether nothing is held.
  public var isEmpty: Bool { count == 0 }

  /// The bytes that can still be appended, if there is memory.
  public var available: Int { max(limit - count, 0) }

  // MARK: In

  /// Appends a copy of as much of `bytes` as fits and `blocks` has memory for,
  /// and returns how many that were.
  public mutating func append(
    _ bytes: RawSpan,
    from blocks: borrowing SendBlocks
  ) -> Int {
    let wanted = min(bytes.byteCount, available)
    var accepted = 0
    while accepted < wanted {
      if roomInTail == 0 {
        let block = blocks.take(
          for: wanted - accepted,
          held: count,
          isFirst: isEmpty
        )
        guard let block else { break }
        link(block)
      }
      let length = min(wanted - accepted, roomInTail)
      copyToTail(bytes.extracting(accepted..<accepted + length))
      accepted += length
    }
    return accepted
  }

  /// Appends the bytes of `packet` without copying them: its slot becomes a
  /// block.
  ///
  /// - Precondition: The packet has bytes, no more than ``available``, and no
  ///   fragments.
  public mutating func append(consuming packet: consuming PacketBuffer) {
    let length = packet.count
    precondition(
      length > 0 && length <= available && packet.fragmentCount == 0
    )
    link(packet)
    count += length
  }

  private var roomInTail: Int {
    guard let tail = unsafe tail else { return 0 }
    return unsafe Int(tail.pointee.capacity &- tail.pointee.end)
  }

  private mutating func link(_ packet: consuming PacketBuffer) {
    // SAFETY: The queue takes over the reference of the value.
    let block = unsafe packet.unsafeRelease()
    unsafe block.pointee.next = nil
    if let tail = unsafe tail {
      unsafe tail.pointee.next = unsafe block
    } else {
      unsafe head = unsafe block
    }
    unsafe tail = unsafe block
  }

  private mutating func copyToTail(_ bytes: RawSpan) {
    precondition(bytes.byteCount <= roomInTail)
    guard let tail = unsafe tail else { return }
    // SAFETY: The target is in the block, behind its bytes; no packet has a
    // part of what is there.
    unsafe bytes.withUnsafeBytes {
      unsafe (tail.pointee.base + Int(tail.pointee.end)).copyMemory(
        from: $0.baseAddress!,
        byteCount: $0.count
      )
    }
    unsafe tail.pointee.end &+= UInt32(bytes.byteCount)
    count += bytes.byteCount
  }

  // MARK: Out

  /// Copies the bytes at `offset` from the oldest into the whole of `target`.
  ///
  /// - Precondition: The queue holds `offset + target.byteCount` bytes.
  public mutating func copyBytes(
    at offset: Int,
    to target: inout MutableRawSpan
  ) {
    let length = target.byteCount
    check(offset, length)
    var copied = 0
    while copied < length {
      let (block, range) = unsafe find(offset + copied, atMost: length - copied)
      // SAFETY: The range is within the block's bytes.
      let bytes = unsafe RawSpan(
        _unsafeStart: UnsafeRawPointer(block.pointee.base) + range.lowerBound,
        byteCount: range.count
      )
      target.copy(bytes, to: copied)
      copied += range.count
    }
  }

  /// Puts the `length` bytes at `offset` from the oldest behind those of
  /// `packet` without copying them, in up to `mostFragments` fragments; returns
  /// how many bytes those have.
  ///
  /// - Precondition: The queue holds as many, and the packet has tailroom for
  ///   the fragments.
  public mutating func share(
    at offset: Int,
    _ length: Int,
    with packet: inout PacketBuffer,
    mostFragments: Int
  ) -> Int {
    check(offset, length)
    var shared = 0
    var fragments = 0
    while shared < length, fragments < mostFragments {
      let (block, range) = unsafe find(offset + shared, atMost: length - shared)
      // SAFETY: The range is within the block's bytes, which never change.
      let start = unsafe Int(block.pointee.start)
      unsafe packet.append(
        sharing: block,
        range.lowerBound - start..<range.upperBound - start
      )
      shared += range.count
      fragments += 1
    }
    return shared
  }

  private func check(_ offset: Int, _ length: Int) {
    precondition(
      offset >= 0 && length >= 0 && length <= count
        && offset <= count - length
    )
  }

  /// The block that has the byte at `offset`, and where in it up to `most`
  /// bytes from there on are, counted from its first.
  ///
  /// - Precondition: The queue has the byte.
  @unsafe
  private mutating func find(
    _ offset: Int,
    atMost most: Int
  ) -> (UnsafeMutablePointer<Slot>, Range<Int>) {
    // SAFETY: All pointers are to blocks of the list, which has the byte.
    var block = unsafe head!
    var origin = unsafe -Int(block.pointee.start)
    if let cursor = unsafe cursor {
      let cursorOrigin = -Int(cursorDistance)
      if unsafe offset >= cursorOrigin + Int(cursor.pointee.start) {
        unsafe block = cursor
        origin = cursorOrigin
      }
    }
    while unsafe offset >= origin + Int(block.pointee.end) {
      let end = unsafe origin + Int(block.pointee.end)
      unsafe block = block.pointee.next!
      origin = unsafe end - Int(block.pointee.start)
    }
    unsafe cursor = unsafe block
    cursorDistance = Int32(-origin)
    let start = offset - origin
    let length = unsafe min(most, Int(block.pointee.end) - start)
    return unsafe (block, start..<start + length)
  }

  /// Drops the `count` oldest bytes, and the blocks that have no others.
  ///
  /// - Precondition: The queue holds as many.
  public mutating func removeFirst(_ count: Int) {
    precondition(count >= 0 && count <= self.count)
    self.count -= count
    if unsafe cursor != nil { cursorDistance += Int32(count) }
    var left = count
    while left > 0, let block = unsafe head {
      let length = unsafe Int(block.pointee.end &- block.pointee.start)
      guard length <= left else {
        unsafe block.pointee.start &+= UInt32(left)
        return
      }
      left -= length
      unsafe head = unsafe block.pointee.next
      if unsafe head == nil { unsafe tail = nil }
      if unsafe cursor == block { unsafe cursor = nil }
      // SAFETY: The block is out of the list, whose reference it was.
      unsafe FreeList.release(block)
    }
  }

  /// Drops all bytes.
  public mutating func removeAll() { removeFirst(count) }
}

// SAFETY: The queue shares its blocks with packets of the same core only; see
// `PacketBuffer`.
extension ByteQueue: @unchecked Sendable {}
