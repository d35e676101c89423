import Packets

/// The receiver: what becomes of a segment's bytes.
extension Connection {
  /// RFC 9293 §3.10.7.4, seventh check: takes the segment text of `packet`,
  /// which begins at its header and is acceptable. Notes where the FIN stands,
  /// for the eighth check.
  mutating func receiveText(
    _ segment: TCPHeader,
    _ packet: consuming PacketBuffer,
    freePackets: Int,
    limits: borrowing TCPLimits,
    counters: inout TCPCounters,
    at now: Instant
  ) {
    var start = segment.sequenceNumber
    if segment.flags.contains(.syn) { start += 1 }
    packet.removeFirst(segment.parsedLength)
    if start < receive.next {
      // RFC 9293 §3.10.7.4: the front that was received is cut off.
      let old = min(receive.next - start, packet.count)
      packet.removeFirst(old)
      start += old
      counters.duplicateBytes &+= UInt64(old)
    }
    var end = start + packet.count
    if segment.flags.contains(.fin), receive.fin == nil, end <= receive.edge {
      receive.fin = end
      // Whoever sent more than that before its turn contradicts itself.
      assembler.removeAll(from: end)
    }
    // And so is what lies beyond the window, or beyond the peer's end.
    var limit = receive.edge
    if let fin = receive.fin, fin < limit { limit = fin }
    if end > limit {
      let over = min(end - limit, packet.count)
      packet.removeLast(over)
      end = end - over
      counters.bytesBeyondWindow &+= UInt64(over)
    }
    if packet.isEmpty {
      // A FIN out of order, or nothing new: the peer should know what is.
      if segment.flags.contains(.fin) || start != receive.next {
        acknowledgement.require()
      }
      return
    }
    if start == receive.next {
      receiveInOrder(
        packet,
        freePackets: freePackets,
        limits: limits,
        counters: &counters,
        at: now
      )
    } else {
      // RFC 5681 §4.2: a segment out of order is answered at once.
      acknowledgement.require()
      keep(
        packet,
        at: start,
        freePackets: freePackets,
        limits: limits,
        counters: &counters
      )
    }
  }

  private mutating func receiveInOrder(
    _ packet: consuming PacketBuffer,
    freePackets: Int,
    limits: borrowing TCPLimits,
    counters: inout TCPCounters,
    at now: Instant
  ) {
    let fits = packet.count <= receiveQueue.lastTailroom
    if !fits, !mayHoldPacket(freePackets: freePackets, limits: limits) {
      // Packets are short. One out of order gives its slot for this one, so
      // that connections that wait for a hole to be filled are never stuck.
      guard !assembler.isEmpty else {
        counters.packetsShort &+= 1
        acknowledgement.require()
        return
      }
      assembler.dropLast()
      counters.outOfOrderDropped &+= 1
    }
    // RFC 5681 §4.2: one that fills all or part of a gap is answered at once.
    if assembler.isEmpty {
      acknowledgement.received(at: now, delay: limits.acknowledgementDelay)
    } else {
      acknowledgement.require()
    }
    deliver(packet, counters: &counters)
    while let packet = assembler.popFirst(at: receive.next) {
      deliver(packet, counters: &counters)
    }
    changes.insert(.readable)
  }

  /// Whether the connection may hold one more packet of the pool, of which
  /// `freePackets` are left: see ``TCPLimits/reservedPackets``.
  private func mayHoldPacket(
    freePackets: Int,
    limits: borrowing TCPLimits
  ) -> Bool {
    let held = receiveQueue.count + assembler.count
    if held == 0 { return freePackets > limits.reservedPackets / 2 }
    let free = freePackets - limits.reservedPackets - limits.firstPackets
    return held < free / 4
  }

  /// Puts `packet`, whose first byte is RCV.NXT, before the app.
  private mutating func deliver(
    _ packet: consuming PacketBuffer,
    counters: inout TCPCounters
  ) {
    counters.bytesReceived &+= UInt64(packet.count)
    receive.next += packet.count
    if packet.count <= receiveQueue.lastTailroom {
      receiveQueue.appendToLast(copying: packet.bytes)
    } else {
      receiveQueue.append(packet)
    }
  }

  private mutating func keep(
    _ packet: consuming PacketBuffer,
    at start: SequenceNumber,
    freePackets: Int,
    limits: borrowing TCPLimits,
    counters: inout TCPCounters
  ) {
    guard mayHoldPacket(freePackets: freePackets, limits: limits) else {
      counters.packetsShort &+= 1
      return
    }
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
