import BasicContainers
import Packets

/// Segments that came before their turn: in order, without overlap, bounded by
/// their number and by the memory of the slots that they hold.
///
/// What is here the peer may have been told of by ``SelectiveBlocks``, and does
/// not send again unless it must: so newcomers are refused at the bounds, and
/// what is held is dropped last.
struct Assembler: ~Copyable {
  struct Segment: ~Copyable {
    var start: SequenceNumber
    var packet: PacketBuffer
    var end: SequenceNumber { start + packet.count }
  }

  private var segments = UniqueArray<Segment>()

  enum Insertion: Equatable {
    case kept
    /// All of its bytes are here already.
    case duplicate
    /// There are as many segments, or they hold as much memory, as may be.
    case full
  }

  /// The bytes of the slots that the segments hold.
  private(set) var memory = 0

  var isEmpty: Bool { segments.isEmpty }
  var count: Int { segments.count }

  /// Keeps `packet`, whose first byte is `start`, cut to what is missing.
  /// Among overlapping bytes the first to come stay.
  ///
  /// - Precondition: `packet` has a byte.
  /// - Complexity: linear in ``count``, which `limit` bounds; constant for a
  ///   segment behind all others, as they come when one is lost.
  mutating func insert(
    _ packet: consuming PacketBuffer,
    at start: SequenceNumber,
    limit: Int,
    mostMemory: Int = .max
  ) -> Insertion {
    var start = start
    var index = segments.count
    while index > 0, segments[index - 1].start > start { index -= 1 }
    // The one before may cover the front.
    if index > 0 {
      let covered = segments[index - 1].end - start
      if covered >= packet.count { return .duplicate }
      if covered > 0 {
        packet.removeFirst(covered)
        start += covered
      }
    }
    // Those behind that it covers whole go, and it takes their bytes; of the
    // next it covers a part of, the bytes stay.
    while index < segments.count {
      let end = start + packet.count
      if segments[index].end <= end {
        let offset = segments[index].start - start
        var target = packet.mutableBytes
        target.copy(segments[index].packet.bytes, to: offset)
        remove(at: index)
        continue
      }
      let covered = end - segments[index].start
      if covered > 0 { packet.removeLast(covered) }
      break
    }
    if packet.isEmpty { return .duplicate }
    if appendToPredecessor(of: index, packet.bytes, at: start) {
      return .kept
    }
    let size = Self.memory(of: packet)
    guard segments.count < limit, memory + size <= mostMemory else {
      return .full
    }
    memory += size
    segments.insert(Segment(start: start, packet: packet), at: index)
    return .kept
  }

  /// Gives `packet`, whose first byte is `start`, the bytes that are here in the
  /// place of its own: among overlapping bytes the first to come stay. What the
  /// peer was told of it could not take back else.
  ///
  /// - Complexity: linear in the segments that `packet` covers.
  func restore(in packet: inout PacketBuffer, at start: SequenceNumber) {
    for index in 0..<segments.count {
      let offset = segments[index].start - start
      guard offset < packet.count else { return }
      // Of one that begins before, nothing is read any more up to `start`.
      let old = max(-offset, 0)
      let count = min(
        segments[index].packet.count - old,
        packet.count - max(offset, 0)
      )
      guard count > 0 else { continue }
      let bytes = segments[index].packet.bytes.extracting(old..<old + count)
      var target = packet.mutableBytes
      target.copy(bytes, to: max(offset, 0))
    }
  }

  /// Copies `bytes` behind those of the segment before `index` if they follow
  /// and fit, so that many small segments do not hold a slot each.
  private mutating func appendToPredecessor(
    of index: Int,
    _ bytes: RawSpan,
    at start: SequenceNumber
  ) -> Bool {
    guard index > 0, segments[index - 1].end == start,
      bytes.byteCount
        <= min(segments[index - 1].packet.tailroom, TCPLimits.smallText)
    else { return false }
    segments[index - 1].packet.append(copying: bytes)
    return true
  }

  /// Takes the first segment out if it continues at `next`, cut to what begins
  /// there. Those that end before it are dropped.
  mutating func popFirst(at next: SequenceNumber) -> PacketBuffer? {
    while !segments.isEmpty, segments[0].start <= next {
      var segment = segments.remove(at: 0)
      memory -= Self.memory(of: segment.packet)
      let old = next - segment.start
      guard old < segment.packet.count else { continue }
      segment.packet.removeFirst(old)
      return segment.packet
    }
    return nil
  }

  /// Drops the segment that is needed last, and returns where it began, and
  /// whether its slot was of another pool than `pool`.
  ///
  /// - Precondition: There is one.
  @discardableResult
  mutating func dropLast(
    _ pool: PacketPool
  ) -> (start: SequenceNumber, isOther: Bool) {
    let last = segments.count - 1
    let start = segments[last].start
    let isOther = !pool.owns(segments[last].packet)
    remove(at: last)
    return (start, isOther)
  }

  /// Drops the segment at `index`.
  private mutating func remove(at index: Int) {
    memory -= Self.memory(of: segments[index].packet)
    _ = segments.remove(at: index)
  }

  /// The bytes of the slot that `packet` is in.
  static func memory(of packet: borrowing PacketBuffer) -> Int {
    packet.headroom + packet.count + packet.tailroom
  }

  // MARK: What is told of it

  /// The index of the first segment that begins at `number` or behind it.
  private func firstIndex(from number: SequenceNumber) -> Int {
    var low = 0
    var high = segments.count
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].start < number {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  /// `block`, all of which is here, with what is here before and behind it
  /// without a gap.
  ///
  /// - Complexity: linear in the segments beside `block`, logarithmic in all.
  func run(around block: SACKBlock) -> SACKBlock {
    var block = block
    var index = firstIndex(from: block.start)
    while index > 0, segments[index - 1].end >= block.start {
      index -= 1
      block.start = segments[index].start
    }
    index = firstIndex(from: block.end)
    if index > 0 {
      block.end = SequenceNumber.later(block.end, segments[index - 1].end)
    }
    while index < segments.count, segments[index].start == block.end {
      block.end = segments[index].end
      index += 1
    }
    return block
  }

  /// The first part of `block` that is here already, if one is.
  func overlap(with block: SACKBlock) -> SACKBlock? {
    var index = firstIndex(from: block.start)
    if index > 0, segments[index - 1].end > block.start { index -= 1 }
    guard index < segments.count, segments[index].start < block.end else {
      return nil
    }
    let (start, end) = (segments[index].start, segments[index].end)
    return SACKBlock(
      start: SequenceNumber.later(start, block.start),
      end: end < block.end ? end : block.end
    )
  }

  /// Drops every byte from `end` on.
  mutating func removeAll(from end: SequenceNumber) {
    while !segments.isEmpty {
      let last = segments.count - 1
      guard segments[last].start >= end else {
        let over = segments[last].end - end
        if over > 0 { segments[last].packet.removeLast(over) }
        return
      }
      remove(at: last)
    }
  }

  /// Drops all, and keeps the memory for others.
  mutating func removeAll() {
    segments.removeAll(keepingCapacity: true)
    memory = 0
  }
}
