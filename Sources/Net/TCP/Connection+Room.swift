import Packets

/// The receiver: where text waits for the app, or for its turn, and whether
/// there is room for it.
extension Connection {
  /// The packets that the connection holds.
  @_addressableSelf
  private func held() -> Int {
    receiveQueue.count + (early.isPresent ? early.value.assembler.count : 0)
  }

  /// Puts `packet`, whose first byte is RCV.NXT, before the app, where there is
  /// room for it: see ``TCPLimits/reservedPackets``. Returns whether there was.
  mutating func deliver(
    _ packet: consuming PacketBuffer,
    _ pool: PacketPool,
    _ limits: borrowing Constant<TCPLimits>,
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
    // Packets are short. What came early gives its slot for what comes in its
    // turn, so that connections that wait for a hole to be filled are never
    // stuck. But no small slot is given for one of the device's: without those
    // it would hear nobody.
    while hasEarly() {
      let isOfDevice = dropEarly(pool, &counters)
      if isOfDevice || pool.owns(packet) {
        append(packet, &counters)
        return true
      }
      packet.removeFirst(copy(packet, pool, limits, &counters))
      if packet.isEmpty { return true }
    }
    packet.removeFirst(copyFirst(packet, pool, &counters))
    return packet.isEmpty
  }

  /// Who holds nothing is heard a little at a time, even when others hold all
  /// there is: copies as much of `packet` as a small slot takes, if there is
  /// one, and puts it before the app. Returns how many bytes that were.
  private mutating func copyFirst(
    _ packet: borrowing PacketBuffer,
    _ pool: PacketPool,
    _ counters: inout TCPCounters
  ) -> Int {
    guard held() == 0, var copy = pool.small?.allocate() else { return 0 }
    let length = min(packet.count, copy.tailroom)
    copy.append(copying: packet.bytes.extracting(0..<length))
    count(copy, &counters)
    receiveQueue.append(copy)
    changes.insert(.readable)
    counters.bytesCopied &+= UInt64(length)
    return length
  }

  /// Drops what came early and is needed last. Returns whether that was in a
  /// slot of the device's own pool.
  private mutating func dropEarly(
    _ pool: PacketPool,
    _ counters: inout TCPCounters
  ) -> Bool {
    let (end, isOfDevice) = early.value.assembler.dropLast(pool)
    // The peer may have been told of it: RFC 2018 §8 has it keep what it was
    // told of.
    early.value.selective.truncate(from: end)
    counters.outOfOrderDropped &+= 1
    if isSelective { counters.selectivelyReneged &+= 1 }
    return isOfDevice
  }

  /// Whether `packet`, which was received, may wait in its slot to be sent and
  /// acknowledged. All that does is taken to be in packets as large.
  @_addressableSelf
  func maySend(
    _ packet: borrowing PacketBuffer,
    _ pool: PacketPool,
    _ limits: borrowing Constant<TCPLimits>
  ) -> Bool {
    let size = packet.count
    guard size > TCPLimits.smallText else { return false }
    return mayStay(packet, beside: 1 + sendBuffer.count / size, pool, limits)
  }

  /// Whether `packet` may wait in the slot that it came in, beside `others` that
  /// the connection holds elsewhere.
  @_addressableSelf
  private func mayStay(
    _ packet: borrowing PacketBuffer,
    beside others: Int = 0,
    _ pool: PacketPool,
    _ limits: borrowing Constant<TCPLimits>
  ) -> Bool {
    let held = self.held() + others
    let free = packet.freeInPool
    if pool.owns(packet) { return limits.value.mayHold(held, free: free) }
    let capacity = packet.poolCapacity
    if packet.count <= pool.bytesPerPacket, free < capacity / 4 { return false }
    return limits.value.mayHold(held, free: free, ofDevice: capacity)
  }

  /// Puts `packet` before the app: behind the last if it is small, so that many
  /// small ones do not hold a slot each.
  mutating func append(
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
    _ limits: borrowing Constant<TCPLimits>,
    _ counters: inout TCPCounters
  ) -> Int {
    var copied = 0
    while copied < packet.count {
      guard limits.value.mayHold(held(), free: pool.available),
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

  mutating func keep(
    _ packet: consuming PacketBuffer,
    at start: SequenceNumber,
    _ pool: PacketPool,
    _ limits: borrowing Constant<TCPLimits>,
    _ counters: inout TCPCounters
  ) {
    // A peer that leaves gaps could pin a large slot with every byte.
    needEarly()
    let isSmall =
      packet.count <= limits.value.smallSegment && !pool.owns(packet)
    let isWithin =
      early.value.assembler.memory + Assembler.memory(of: packet)
      <= limits.value.outOfOrderMemory
    if !isSmall, isWithin, mayStay(packet, pool, limits) {
      insert(packet, at: start, limits, &counters)
    } else if !pool.owns(packet), packet.count <= pool.bytesPerPacket,
      limits.value.mayHold(held(), free: pool.available),
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
    _ limits: borrowing Constant<TCPLimits>,
    _ counters: inout TCPCounters
  ) {
    let block = SACKBlock(start: start, end: start + packet.count)
    if isSelective, let overlap = early.value.assembler.overlap(with: block) {
      early.value.selective.cameAgain(overlap)
    }
    switch early.value.assembler.insert(
      packet,
      at: start,
      limit: limits.value.outOfOrderSegments,
      mostMemory: limits.value.outOfOrderMemory
    ) {
    case .kept: counters.outOfOrderKept &+= 1
    case .duplicate: counters.outOfOrderDuplicates &+= 1
    case .full:
      counters.outOfOrderDropped &+= 1
      return
    }
    if isSelective {
      let joined = early.value.selective.joined(with: block)
      early.value.selective.grew(early.value.assembler.run(around: joined))
    }
  }
}
