import Packets

/// This host as its own peer: 127.0.0.0/8, and its addresses. RFC 1122 §3.2.1.3
/// (g): such datagrams never reach a link.
///
/// They count to the interface that has the address, those of 127.0.0.0/8 to the
/// first, and wait with all others while its link is down.
extension Stack {
  /// Sends a datagram, from its IP header on, to this host itself.
  mutating func loopBack(_ packet: consuming PacketBuffer, at now: Instant) {
    guard let segmentation = packet.segmentation else {
      return appendLoopback(flat(packet), at: now)
    }
    // The device would cut it; nobody is there who takes it whole.
    let payload = packet.totalCount - segmentation.headerSize
    var offset = 0
    while offset < payload {
      let count = min(segmentation.segmentSize, payload - offset)
      appendLoopback(
        segment(
          of: packet,
          offset..<offset + count,
          behind: segmentation.headerSize
        ),
        at: now
      )
      offset += count
    }
  }

  private mutating func appendLoopback(
    _ packet: consuming PacketBuffer?,
    at now: Instant
  ) {
    guard let packet else { return }
    guard loopback.count < limits.controlPackets else {
      return count.drop(.loopbackFull)
    }
    loopback.append(packet, at: now)
  }

  /// The packet in one slot of the stack's own, as if a device had checked it.
  private mutating func flat(
    _ packet: consuming PacketBuffer
  ) -> PacketBuffer? {
    if packet.fragmentCount == 0 {
      packet.clearOffload()
      packet.isChecksumVerified = true
      return packet
    }
    let count = packet.totalCount
    return segment(of: packet, 0..<count, behind: 0)
  }

  /// A TCP segment with the bytes of `range` of the payload of `packet`, behind
  /// its first `headerSize` bytes.
  private mutating func segment(
    of packet: borrowing PacketBuffer,
    _ range: Range<Int>,
    behind headerSize: Int
  ) -> PacketBuffer? {
    guard var copy = pool.allocate(headroom: Self.linkHeadroom) else {
      count.drop(.noBuffer)
      return nil
    }
    guard copy.tailroom >= headerSize + range.count else {
      count.drop(.tooLarge)
      return nil
    }
    copy.append(copying: packet.bytes.extracting(0..<headerSize))
    packet.copyPayload(
      headerSize + range.lowerBound..<headerSize + range.upperBound,
      to: &copy
    )
    if headerSize > 0 {
      let isLast = headerSize + range.upperBound == packet.totalCount
      let total = copy.count
      var bytes = copy.mutableBytes
      let length = IPv4Header.setTotalLength(total, of: &bytes)
      TCPHeader.makeSegment(
        &bytes,
        at: length,
        sequenceOffset: range.lowerBound,
        isLast: isLast
      )
    }
    copy.isChecksumVerified = true
    return copy
  }

  /// Takes what was sent before this poll; what that brings about waits for
  /// the next.
  mutating func pollLoopback(at now: Instant) {
    for _ in 0..<loopback.count {
      guard let packet = loopback.popFirst() else { return }
      count.loopedBack &+= 1
      do throws(DropReason) {
        try receiveLoopedBack(packet, at: now)
      } catch {
        count.drop(error)
      }
    }
  }

  private mutating func receiveLoopedBack(
    _ packet: consuming PacketBuffer,
    at now: Instant
  ) throws(DropReason) {
    let header = try IPv4Header(checked: packet)
    guard
      let interface = header.destination.isLoopback
        ? 0 : interface(of: header.destination)
    else { throw DropReason.addressLost }
    // What is larger than a packet is in parts here, too.
    if header.isFragment {
      return try receivePart(
        packet,
        header,
        isBroadcast: false,
        isLoopedBack: true,
        on: interface,
        at: now
      )
    }
    try receive(packet, header, isBroadcast: false, on: interface, at: now)
  }
}

extension PacketBuffer {
  /// Appends a copy of the bytes of `range`, wherever they are, to `copy`.
  fileprivate func copyPayload(
    _ range: Range<Int>,
    to copy: inout PacketBuffer
  ) {
    var start = 0
    for index in -1..<fragmentCount {
      let bytes = index < 0 ? bytes : fragmentBytes(index)
      let end = start + bytes.byteCount
      let (from, to) = (
        max(range.lowerBound, start), min(range.upperBound, end)
      )
      if from < to {
        copy.append(copying: bytes.extracting(from - start..<to - start))
      }
      start = end
    }
  }
}
