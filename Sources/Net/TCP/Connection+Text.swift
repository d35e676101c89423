import Packets

/// The receiver: what of a segment's bytes is new, and when to answer. Where
/// they wait is in `Connection+Room`.
extension Connection {
  /// RFC 9293 §3.10.7.4, seventh check: takes the segment text of `packet`,
  /// which begins at its header and is acceptable. Notes where the FIN stands,
  /// for the eighth check.
  ///
  /// Text in several slots is taken piece by piece, each as a segment of its
  /// own would be.
  mutating func receiveText(
    _ segment: TCPHeader,
    _ packet: consuming PacketBuffer,
    pool: PacketPool,
    limits: borrowing Constant<TCPLimits>,
    counters: inout TCPCounters,
    at now: Instant
  ) {
    var start = segment.sequenceNumber
    if segment.flags.contains(.syn) { start += 1 }
    packet.removeFirst(segment.parsedLength)
    // One without is not answered: two ends that both miss something would go
    // on answering each other.
    let isEmpty = packet.totalCount == 0
    let count = cut(&packet, at: start, segment, counters: &counters)
    if start < receive.next {
      cameAgain(from: start, count)
      counters.duplicateBytes &+= UInt64(min(receive.next - start, count))
    }
    let end = start + count
    if count == 0 || end <= receive.next {
      // A FIN out of order, or nothing new: the peer should know what is.
      if segment.flags.contains(.fin) || !isEmpty { acknowledgement.require() }
      return
    }
    noteText(count, of: packet, at: start, limits: limits, at: now)
    guard packet.fragmentCount > 0 else {
      _ = take(packet, at: start, pool, limits, &counters)
      return
    }
    var others = PacketQueue()
    packet.moveFragments(to: &others)
    var next = start + packet.count
    var isTaken = take(packet, at: start, pool, limits, &counters)
    // Behind one that was not taken in its turn, no other is in its turn.
    while isTaken, let piece = others.popFirst() {
      let after = next + piece.count
      isTaken = take(piece, at: next, pool, limits, &counters)
      next = after
    }
  }

  /// `count` bytes came, the first of which is `start`: those before RCV.NXT
  /// came once more. RFC 2883 §4.1.
  mutating func cameAgain(from start: SequenceNumber, _ count: Int) {
    guard isSelective else { return }
    needEarly()
    let end = start + count
    early.value.selective.cameAgain(
      SACKBlock(start: start, end: end < receive.next ? end : receive.next)
    )
  }

  /// A segment with an acknowledgement was sent. It told of what came early
  /// if it had the room; if it had not, one without text does.
  mutating func noteAcknowledgement(in plan: SegmentPlan) {
    keepalive.sent()
    if early.isPresent, !early.value.selective.isEmpty {
      guard hasRoomForBlocks(plan) else { return }
      early.value.selective.sent()
    }
    acknowledgement.done()
  }

  /// There is a record for what comes early from now on: one of its own, if it
  /// was lent none.
  mutating func needEarly() {
    if early.isPresent { return }
    early = SideRecord(EarlySegments(isSelective: isSelective))
  }

  /// Whether something came before its turn.
  @_addressableSelf
  func hasEarly() -> Bool {
    early.isPresent && !early.value.assembler.isEmpty
  }

  /// Cuts off what of the text at `start` lies beyond the window, or beyond the
  /// peer's end, and returns how much is left.
  private mutating func cut(
    _ packet: inout PacketBuffer,
    at start: SequenceNumber,
    _ segment: TCPHeader,
    counters: inout TCPCounters
  ) -> Int {
    let count = packet.totalCount
    let end = start + count
    if segment.flags.contains(.fin), receive.fin == nil, end <= receive.edge {
      receive.fin = end
      // Whoever sent more than that before its turn contradicts itself.
      if early.isPresent {
        early.value.assembler.removeAll(from: end)
        early.value.selective.truncate(from: end)
      }
    }
    var limit = receive.edge
    if let fin = receive.fin, fin < limit { limit = fin }
    guard end > limit else { return count }
    let over = min(end - limit, count)
    packet.truncate(to: count - over)
    counters.bytesBeyondWindow &+= UInt64(over)
    return count - over
  }

  /// Text came of which something is new: when to acknowledge it.
  private mutating func noteText(
    _ count: Int,
    of packet: borrowing PacketBuffer,
    at start: SequenceNumber,
    limits: borrowing Constant<TCPLimits>,
    at now: Instant
  ) {
    if receiveQueue.isEmpty {
      receive.capacity = tuning.begins(
        capacity: receive.capacity,
        smallest: limits.value.initialReceiveBuffer,
        at: now
      )
    }
    // RFC 5681 §4.2: a segment out of order, and one that fills all or part of
    // a gap, is answered at once; and every second full one at the latest,
    // which the device may have merged.
    let merged = packet.mergedSegmentSize
    let segmentSize = merged > 0 ? merged : receiveSegmentSize
    let segments = (count + segmentSize - 1) / segmentSize
    let isQuick = quick.received(segments, at: now)
    if start > receive.next || hasEarly() || count > segmentSize
      || isQuick
    {
      acknowledgement.require()
    } else {
      acknowledgement.received(
        at: now,
        delay: limits.value.acknowledgementDelay
      )
    }
  }

  /// Takes a piece of text in one slot, less what was received of it. Returns
  /// whether what follows it may be taken.
  private mutating func take(
    _ piece: consuming PacketBuffer,
    at start: SequenceNumber,
    _ pool: PacketPool,
    _ limits: borrowing Constant<TCPLimits>,
    _ counters: inout TCPCounters
  ) -> Bool {
    // RFC 9293 §3.10.7.4: the front that was received is cut off.
    let old = min(max(receive.next - start, 0), piece.count)
    piece.removeFirst(old)
    if piece.isEmpty { return true }
    if start + old > receive.next {
      keep(piece, at: start, pool, limits, &counters)
      return true
    }
    if early.isPresent {
      early.value.assembler.restore(in: &piece, at: receive.next)
    }
    guard deliver(piece, pool, limits, &counters) else {
      counters.packetsShort &+= 1
      acknowledgement.require()
      return false
    }
    if early.isPresent {
      while let packet = early.value.assembler.popFirst(at: receive.next) {
        // It held its slot before, and goes on to.
        append(packet, &counters)
      }
      early.value.selective.advance(to: receive.next)
    }
    changes.insert(.readable)
    return true
  }
}
