import Packets

/// The receiver: what becomes of a segment's bytes.
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
    limits: borrowing TCPLimits,
    counters: inout TCPCounters,
    at now: Instant
  ) {
    var start = segment.sequenceNumber
    if segment.flags.contains(.syn) { start += 1 }
    packet.removeFirst(segment.parsedLength)
    let count = cut(&packet, at: start, segment, counters: &counters)
    if start < receive.next {
      counters.duplicateBytes &+= UInt64(min(receive.next - start, count))
    }
    let end = start + count
    if count == 0 || end <= receive.next {
      // A FIN out of order, or nothing new: the peer should know what is.
      if segment.flags.contains(.fin) || end != receive.next || count > 0 {
        acknowledgement.require()
      }
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
      assembler.removeAll(from: end)
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
    limits: borrowing TCPLimits,
    at now: Instant
  ) {
    // RFC 5681 §4.2: a segment out of order, and one that fills all or part of
    // a gap, is answered at once; and every second full one at the latest,
    // which the device may have merged.
    let merged = packet.mergedSegmentSize
    let segmentSize = merged > 0 ? merged : receiveSegmentSize
    if start > receive.next || !assembler.isEmpty || count > segmentSize {
      acknowledgement.require()
    } else {
      acknowledgement.received(at: now, delay: limits.acknowledgementDelay)
    }
  }

  /// Takes a piece of text in one slot, less what was received of it. Returns
  /// whether what follows it may be taken.
  private mutating func take(
    _ piece: consuming PacketBuffer,
    at start: SequenceNumber,
    _ pool: PacketPool,
    _ limits: borrowing TCPLimits,
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
    guard deliver(piece, pool, limits, &counters) else {
      counters.packetsShort &+= 1
      acknowledgement.require()
      return false
    }
    while let packet = assembler.popFirst(at: receive.next) {
      // It held its slot before, and goes on to.
      append(packet, &counters)
    }
    changes.insert(.readable)
    return true
  }

  // MARK: Where text waits

  /// The packets that the connection holds.
  private var held: Int { receiveQueue.count + assembler.count }

  /// Puts `packet`, whose first byte is RCV.NXT, before the app, where there is
  /// room for it: see ``TCPLimits/reservedPackets``. Returns whether there was.
  private mutating func deliver(
    _ packet: consuming PacketBuffer,
    _ pool: PacketPool,
    _ limits: borrowing TCPLimits,
    _ counters: inout TCPCounters
  ) -> Bool {
    let room = receiveQueue.lastTailroom
    let isSmall = packet.count <= min(room, TCPLimits.smallText)
    // What is small is copied behind the last, where it goes: see `append`.
    guard !isSmall, !mayStay(packet, pool, limits) else {
      append(packet, &counters)
      return true
    }
    if packet.count <= room {
      count(packet, &counters)
      receiveQueue.appendToLast(copying: packet.bytes)
      return true
    }
    if !pool.owns(packet) {
      packet.removeFirst(copy(packet, pool, limits, &counters))
      if packet.isEmpty { return true }
    }
    // Packets are short. One out of order gives its slot for this one, so
    // that connections that wait for a hole to be filled are never stuck.
    guard !assembler.isEmpty else { return false }
    assembler.dropLast()
    counters.outOfOrderDropped &+= 1
    append(packet, &counters)
    return true
  }

  /// Whether `packet` may wait in the slot that it came in.
  private func mayStay(
    _ packet: borrowing PacketBuffer,
    _ pool: PacketPool,
    _ limits: borrowing TCPLimits
  ) -> Bool {
    let free = packet.freeInPool
    if pool.owns(packet) { return limits.mayHold(held, free: free) }
    let capacity = packet.poolCapacity
    if packet.count <= pool.bytesPerPacket, free < capacity / 4 { return false }
    return limits.mayHold(held, free: free, ofDevice: capacity)
  }

  /// Puts `packet` before the app: behind the last if it is small, so that many
  /// small ones do not hold a slot each.
  private mutating func append(
    _ packet: consuming PacketBuffer,
    _ counters: inout TCPCounters
  ) {
    count(packet, &counters)
    if packet.count <= min(receiveQueue.lastTailroom, TCPLimits.smallText) {
      receiveQueue.appendToLast(copying: packet.bytes)
    } else {
      receiveQueue.append(packet)
    }
  }

  /// RCV.NXT moves on by `packet`.
  private mutating func count(
    _ packet: borrowing PacketBuffer,
    _ counters: inout TCPCounters
  ) {
    counters.bytesReceived &+= UInt64(packet.count)
    receive.next += packet.count
  }

  /// Copies `packet` into slots of `pool`, as much of it as may be, and puts
  /// them before the app. Returns how many bytes that were.
  private mutating func copy(
    _ packet: borrowing PacketBuffer,
    _ pool: PacketPool,
    _ limits: borrowing TCPLimits,
    _ counters: inout TCPCounters
  ) -> Int {
    var copied = 0
    while copied < packet.count {
      guard limits.mayHold(held, free: pool.available),
        var copy = pool.allocate()
      else { break }
      let length = min(packet.count - copied, copy.tailroom)
      copy.append(
        copying: packet.bytes.extracting(copied..<copied + length)
      )
      count(copy, &counters)
      receiveQueue.append(copy)
      copied += length
    }
    if copied > 0 { changes.insert(.readable) }
    counters.bytesCopied &+= UInt64(copied)
    return copied
  }

  private mutating func keep(
    _ packet: consuming PacketBuffer,
    at start: SequenceNumber,
    _ pool: PacketPool,
    _ limits: borrowing TCPLimits,
    _ counters: inout TCPCounters
  ) {
    if mayStay(packet, pool, limits) {
      insert(packet, at: start, limits, &counters)
    } else if !pool.owns(packet), packet.count <= pool.bytesPerPacket,
      limits.mayHold(held, free: pool.available),
      var copy = pool.allocate()
    {
      counters.bytesCopied &+= UInt64(packet.count)
      copy.append(copying: packet.bytes)
      insert(copy, at: start, limits, &counters)
    } else {
      counters.packetsShort &+= 1
    }
  }

  private mutating func insert(
    _ packet: consuming PacketBuffer,
    at start: SequenceNumber,
    _ limits: borrowing TCPLimits,
    _ counters: inout TCPCounters
  ) {
    switch assembler.insert(
      packet,
      at: start,
      limit: limits.outOfOrderSegments
    ) {
    case .kept: counters.outOfOrderKept &+= 1
    case .duplicate: counters.outOfOrderDuplicates &+= 1
    case .full: counters.outOfOrderDropped &+= 1
    }
  }
}
