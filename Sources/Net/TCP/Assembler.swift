import BasicContainers
import Packets

/// Segments that came before their turn: in order, without overlap, bounded.
///
/// Nothing here is promised to the peer (there is no selective acknowledgement
/// yet), so each may be dropped again. Without segments it holds no memory.
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
    /// There are as many segments as may be.
    case full
  }

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
    limit: Int
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
    // Those behind that it covers whole go; of the next it covers a part of,
    // the bytes stay.
    while index < segments.count {
      let end = start + packet.count
      if segments[index].end <= end {
        _ = segments.remove(at: index)
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
    guard segments.count < limit else { return .full }
    segments.insert(Segment(start: start, packet: packet), at: index)
    return .kept
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
      let old = next - segment.start
      guard old < segment.packet.count else { continue }
      segment.packet.removeFirst(old)
      return segment.packet
    }
    return nil
  }

  /// Drops the segment that is needed last.
  mutating func dropLast() {
    if !segments.isEmpty { segments.removeLast() }
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
      segments.removeLast()
    }
  }

  /// Drops all and gives the memory back.
  mutating func removeAll() { segments = UniqueArray() }
}
