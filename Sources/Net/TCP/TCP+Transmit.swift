import BasicContainers
import Packets

/// Segments out, and the passing of time.
extension TCP {
  /// The next segment to send over `interface`, or `nil` when there is none or
  /// `pool` is empty.
  ///
  /// To be called only while the device has room, so that nothing is dropped
  /// for want of it. Connections with something to send take turns.
  mutating func transmit(
    on interface: Int = 0,
    at now: Instant,
    pool: PacketPool
  ) -> OutgoingSegment? {
    // In turns, so that who makes us reply does not hold back the others.
    if outlets[interface].isReplysTurn {
      outlets[interface].isSegmentsTurn = true
      return transmitReply(on: interface, pool: pool)
    }
    outlets[interface].isSegmentsTurn = false
    let capabilities = outlets[interface].capabilities
    while let slot = outlets[interface].sending.first {
      let index = Int(slot)
      let next = slots[index].connection.nextPacket(capabilities)
      guard var plan = next else {
        outlets[interface].sending.remove(slot, in: &sendingLinks)
        continue
      }
      guard
        var packet = pool.allocate(
          headroom: limits.value.headroom + TCPHeader.maximumLength
        )
      else {
        counters.poolEmpty &+= 1
        return nil
      }
      if plan.needsMemory { lendRecords(to: index) }
      let mayFragment = slots[index].connection.mayFragment(plan)
      let ends = slots[index].connection.send(
        &plan,
        in: &packet,
        capabilities,
        at: now,
        limits: limits,
        share: shares.segments,
        counters: &counters
      )
      let services = slots[index].connection.differentiatedServices
      let timeToLive = slots[index].connection.timeToLive
      outlets[interface].sending.moveToEnd(slot, in: &sendingLinks)
      settle(slot, at: now)
      return OutgoingSegment(
        packet: packet,
        source: ends.local.address,
        destination: ends.remote.address,
        ecn: plan.codepoint,
        differentiatedServices: services,
        timeToLive: timeToLive,
        mayFragment: mayFragment
      )
    }
    guard !outlets[interface].replies.isEmpty else { return nil }
    return transmitReply(on: interface, pool: pool)
  }

  private mutating func transmitReply(
    on interface: Int,
    pool: PacketPool
  ) -> OutgoingSegment? {
    guard
      var packet = pool.allocate(
        headroom: limits.value.headroom + TCPHeader.maximumLength
      )
    else {
      counters.poolEmpty &+= 1
      return nil
    }
    guard let reply = outlets[interface].replies.popFirst() else { return nil }
    var header = TCPHeader(
      sourcePort: reply.local.port,
      destinationPort: reply.remote.port,
      sequenceNumber: reply.sequenceNumber,
      flags: reply.flags
    )
    header.acknowledgementNumber = reply.acknowledgementNumber
    header.window = reply.window
    header.options = reply.options
    packet.prepend(
      header,
      from: reply.local.address,
      to: reply.remote.address,
      mayLeaveChecksum: outlets[interface].capabilities.completesChecksums
    )
    counters.segmentsSent &+= 1
    if reply.flags.contains(.reset) { counters.resetsSent &+= 1 }
    return OutgoingSegment(
      packet: packet,
      source: reply.local.address,
      destination: reply.remote.address
    )
  }

  /// When ``poll(at:)`` next has something to do.
  var deadline: Instant? {
    @inline(__always)
    get { Instant.earliest(deadlines.first?.deadline, timeWait.deadline) }
  }

  /// Does what the deadlines up to `now` ask for.
  ///
  /// - Complexity: that of the connections whose deadline has come, times the
  ///   logarithm of the number of connections.
  mutating func poll(at now: Instant) {
    timeWait.expire(at: now)
    while let (slot, deadline) = deadlines.first, deadline <= now {
      slots[Int(slot)].connection.poll(
        at: now,
        limits: limits,
        counters: &counters
      )
      if slots[Int(slot)].connection.suspectsPath { suspect(slot) }
      // Beyond, what was claimed stays with the connection until its next timeout.
      if smallerPaths.count < TCPLimits.reports,
        let size = slots[Int(slot)].connection.pathClaim.takeConfirmed()
      {
        confirm(size, of: slot)
      }
      settle(slot, at: now)
    }
  }

  /// RFC 9293 §3.8.3 (MUST-20): R1 is reached on the connection in `slot`.
  private mutating func suspect(_ slot: UInt32) {
    slots[Int(slot)].connection.suspectsPath = false
    counters.pathsSuspected &+= 1
    let address = slots[Int(slot)].connection.remote.address
    let interface = interface(of: slot)
    let isKnown = suspects.contains {
      $0.address == address && $0.interface == interface
    }
    if suspects.count < TCPLimits.reports, !isKnown {
      suspects.append((address, interface))
    }
  }
}

extension PacketBuffer {
  /// Puts `header` before the payload, and fills in the checksum or leaves it
  /// to the device.
  mutating func prepend(
    _ header: TCPHeader,
    from source: IPAddress,
    to destination: IPAddress,
    mayLeaveChecksum: Bool = false
  ) {
    let length = header.length
    prepend(length)
    var bytes = mutableBytes
    header.write(to: &bytes, length: length)
    if mayLeaveChecksum {
      TCPHeader.leaveChecksum(of: &self, from: source, to: destination)
    } else {
      TCPHeader.fillChecksum(in: &self, from: source, to: destination)
    }
  }
}
