import BasicContainers
import Packets

/// Segments in: to their connection, their listener, or nobody.
extension TCP {
  /// Takes a segment that came from `source` to `destination`, one of our
  /// addresses.
  ///
  /// - Parameters:
  ///   - packet: begins at the TCP header, which is whole in its first slot,
  ///     and ends with the IP payload. A device may have merged several segments
  ///     into it.
  ///   - ecn: what IP said of congestion; of a merged one, for all segments.
  ///   - maximumSegmentSize: the most payload a segment to or from `source` can
  ///     have; a packet of the pool must hold it.
  ///   - pool: where text goes that may not stay in the device's slots.
  ///   - interface: the one that has `destination`.
  mutating func receive(
    _ packet: consuming PacketBuffer,
    from source: IPAddress,
    to destination: IPAddress,
    ecn: ECNCodepoint,
    maximumSegmentSize: Int,
    pool: PacketPool,
    on interface: Int = 0,
    at now: Instant
  ) {
    let segment: TCPHeader
    do throws(TCPHeader.Malformed) {
      segment = try TCPHeader(parsing: packet.bytes)
    } catch {
      counters.segmentsReceived &+= 1
      counters.malformed &+= 1
      return
    }
    let payload = packet.totalCount - segment.parsedLength
    counters.segmentsReceived &+= UInt64(
      segmentCount(payload, mergedSize: packet.mergedSegmentSize)
    )
    // RFC 9293 §3.1 (MUST-3).
    guard
      packet.isChecksumVerified
        || TCPHeader.isChecksumRight(of: packet, from: source, to: destination)
    else {
      counters.checksumWrong &+= 1
      return
    }
    // RFC 9293 §3.9.2.3 (MUST-63): a source that is no host is not answered;
    // RFC 1122 §4.2.3.10 (MUST-57): nor is a segment to many.
    guard source.isUnicast || source.isLoopback,
      destination.isUnicast || destination.isLoopback
    else {
      counters.notUnicast &+= 1
      return
    }
    if segment.options.isMalformed { counters.malformedOptions &+= 1 }

    if ecn == .congestion { counters.congestionExperienced &+= 1 }

    if payload > 0 || segment.flags.contains(.syn) {
      shares.look(at: pool, limits.value)
    }

    let key = Key(
      local: Endpoint(address: destination, port: segment.destinationPort),
      remote: Endpoint(address: source, port: segment.sourcePort),
      interface: UInt8(interface)
    )
    var found = table.find(key, in: slots)
    if found == nil {
      if let index = timeWait.find(key) {
        let found = segmentArrivesInTimeWait(
          index,
          segment,
          payload: payload,
          at: now
        )
        guard let listener = found else { return }
        let used = timeWait[index].state.sendNext
        timeWait.remove(index)
        return beginAnew(
          segment,
          listener: listener,
          key: key,
          maximumSegmentSize: maximumSegmentSize,
          beyond: used,
          at: now
        )
      }
      switch cookieArrives(
        segment,
        payload: payload,
        key: key,
        maximumSegmentSize: maximumSegmentSize,
        at: now
      ) {
      case .none: break
      case .ignored: return
      case .connection(let slot): found = slot
      }
    }
    guard let slot = found else {
      return segmentArrivesWithoutConnection(
        segment,
        payload: payload,
        key: key,
        maximumSegmentSize: maximumSegmentSize,
        at: now
      )
    }
    let acknowledged = slots[Int(slot)].connection.send.unacknowledged
    if payload > 0 {
      lendEarly(to: Int(slot), segment)
      shares.received(&slots[Int(slot)].receivedIn, at: now)
    }
    let verdict = slots[Int(slot)].connection.segmentArrives(
      segment,
      packet,
      ecn: ecn,
      pool: pool,
      limits: limits,
      counters: &counters,
      at: now
    )
    if slots[Int(slot)].connection.send.unacknowledged != acknowledged {
      progressingPeer = source
      if slots[Int(slot)].connection.path.search != .none {
        judgePath(of: slot)
      }
    }
    switch verdict {
    case .done: break
    case .reset: replyWithReset(to: segment, payload: payload, key: key)
    case .reopen:
      if let listener = listenerToReopen(key.local) {
        return reopen(
          slot,
          segment,
          listener: listener,
          key: key,
          maximumSegmentSize: maximumSegmentSize,
          at: now
        )
      }
      slots[Int(slot)].connection.challenge(
        limits: limits,
        counters: &counters,
        at: now
      )
    }
    settle(slot, at: now)
  }

  /// How many segments a device has merged.
  private func segmentCount(_ payload: Int, mergedSize: Int) -> Int {
    guard mergedSize > 0, payload > mergedSize else { return 1 }
    return (payload + mergedSize - 1) / mergedSize
  }

  /// LISTEN, third check. The initial sequence number lies beyond `beyond`,
  /// what an earlier connection of the same ends has used. The SYN's text is
  /// not taken: it is not acknowledged, and the peer sends it again.
  mutating func synArrives(
    _ segment: TCPHeader,
    listener: UInt32,
    key: Key,
    maximumSegmentSize: Int,
    beyond: SequenceNumber?,
    at now: Instant
  ) {
    let index = Int(listener)
    if listeners[index].pending >= listeners[index].backlog,
      !evictHalfOpen(of: listener, at: now)
    {
      counters.backlogFull &+= 1
      return answerWithCookie(
        segment,
        listener: index,
        key: key,
        maximumSegmentSize: maximumSegmentSize,
        at: now
      )
    }
    var initial = InitialSequenceNumber.generate(
      local: key.local,
      remote: key.remote,
      secret: secret,
      at: now
    )
    if let beyond, initial <= beyond {
      initial = beyond + limits.value.sendBuffer
    }
    var connection = newConnection(
      to: listener,
      key: key,
      initial: initial,
      maximumSegmentSize: maximumSegmentSize
    )
    connection.receive.capacity = firstWindow(maximumSegmentSize)
    connection.synchronize(with: segment, limits: limits, at: now)
    guard let slot = insert(connection) else {
      counters.tableFull &+= 1
      return
    }
    listeners[index].pending += 1
    slots[Int(slot)].halfOpenSince = now
    settle(slot, at: now)
  }

  /// What a SYN,ACK may promise.
  func firstWindow(_ maximumSegmentSize: Int) -> Int {
    shares.firstWindow(
      of: ReceiveSequence(limits.value).capacity,
      connections: table.count,
      segmentSize: maximumSegmentSize
    )
  }

  /// A connection to a listener, on which nothing was sent.
  func newConnection(
    to listener: UInt32,
    key: Key,
    initial: SequenceNumber,
    maximumSegmentSize: Int
  ) -> Connection {
    Connection(
      local: key.local,
      remote: key.remote,
      interface: key.interface,
      state: .synReceived,
      listener: ListenerID(
        index: listener,
        generation: listeners[Int(listener)].generation
      ),
      initialSequenceNumber: initial,
      timestampOffset: clockOffset(of: key),
      receiveSegmentSize: maximumSegmentSize,
      options: listeners[Int(listener)].options,
      limits: limits
    )
  }

  /// A SYN came to the connection in `slot`, which is in TIME-WAIT, and begins
  /// a new one. RFC 9293 §3.10.7.4, fourth check.
  private mutating func reopen(
    _ slot: UInt32,
    _ segment: TCPHeader,
    listener: UInt32,
    key: Key,
    maximumSegmentSize: Int,
    at now: Instant
  ) {
    let used = slots[Int(slot)].connection.send.next
    slots[Int(slot)].connection.end(nil)
    settle(slot, at: now)
    beginAnew(
      segment,
      listener: listener,
      key: key,
      maximumSegmentSize: maximumSegmentSize,
      beyond: used,
      at: now
    )
  }

  /// The SYN `segment` begins a connection after one of the same two ends, which
  /// has used what is before `used`.
  private mutating func beginAnew(
    _ segment: TCPHeader,
    listener: UInt32,
    key: Key,
    maximumSegmentSize: Int,
    beyond used: SequenceNumber,
    at now: Instant
  ) {
    counters.timeWaitReopened &+= 1
    synArrives(
      segment,
      listener: listener,
      key: key,
      maximumSegmentSize: maximumSegmentSize,
      beyond: used,
      at: now
    )
  }

  /// RFC 9293 §3.5.2 and §3.10.7.1: the reset that `segment` believes, unless
  /// it is one itself.
  mutating func replyWithReset(
    to segment: TCPHeader,
    payload: Int,
    key: Key
  ) {
    guard !segment.flags.contains(.reset) else { return }
    let length =
      payload + (segment.flags.contains(.syn) ? 1 : 0)
      + (segment.flags.contains(.fin) ? 1 : 0)
    var reply = Reply(
      local: key.local,
      remote: key.remote,
      sequenceNumber: SequenceNumber(0),
      flags: .reset
    )
    if segment.flags.contains(.acknowledgement) {
      reply.sequenceNumber = segment.acknowledgementNumber
    } else {
      reply.flags.insert(.acknowledgement)
      reply.acknowledgementNumber = segment.sequenceNumber + length
    }
    send(reply, on: Int(key.interface))
  }

  /// ICMP says that a segment of ours could not be delivered.
  ///
  /// - Parameters:
  ///   - local: the source that ICMP quotes; `remote`, the destination.
  ///   - sequenceNumber: of the segment that ICMP quotes.
  ///   - isHard: protocol or port unreachable, RFC 1122 §4.2.3.9; the other
  ///     codes are expected to pass.
  mutating func destinationUnreachable(
    local: Endpoint,
    remote: Endpoint,
    sequenceNumber: UInt32,
    isHard: Bool,
    on interface: Int = 0,
    at now: Instant
  ) {
    let key = Key(local: local, remote: remote, interface: UInt8(interface))
    guard let slot = table.find(key, in: slots),
      slots[Int(slot)].connection.isInFlight(SequenceNumber(sequenceNumber))
    else {
      counters.unreachableIgnored &+= 1
      return
    }
    counters.unreachableReceived &+= 1
    slots[Int(slot)].connection.unreachable(isHard: isHard)
    settle(slot, at: now)
  }

  /// The address of an interface is ours no more: its connections fail, and
  /// nothing is sent.
  ///
  /// - Complexity: linear in the number of slots.
  mutating func abortAll(
    from address: IPAddress,
    on interface: Int = 0,
    at now: Instant
  ) {
    for slot in 0..<slots.count
    where slots[slot].isUsed
      && slots[slot].connection.local.address == address
      && self.interface(of: UInt32(slot)) == interface
    {
      slots[slot].connection.owesReset = false
      if slots[slot].connection.state != .closed {
        slots[slot].connection.end(.noAddress)
      }
      settle(UInt32(slot), at: now)
    }
    outlets[interface].replies.removeAll(from: address)
    timeWait.removeAll(from: address, on: UInt8(interface))
  }
}
