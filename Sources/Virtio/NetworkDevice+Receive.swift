import Packets

/// Frames in. VIRTIO 1.2 §5.1.6.3, §5.1.6.4.
extension NetworkDevice {
  /// An Ethernet header is the least that a frame has.
  private static var smallestFrame: Int { 14 }
  /// With it the IP header behind the Ethernet header is at a multiple of 64,
  /// and an answer can be written in place.
  private var receiveHeadroom: Int {
    64 - Self.smallestFrame - (settings.vlan == nil ? 0 : VLANTag.size)
  }

  /// The next frame, from its Ethernet header on; `nil` when there is none now.
  ///
  /// A frame that the device merged from several buffers has fragments; one
  /// that stands for several segments says their size.
  public mutating func receive() -> PacketBuffer? {
    for _ in 0..<pairs.count {
      while pairs[nextPair].receive.hasUsed {
        guard let frame = takeFrame() else { continue }
        pairs[nextPair].received.packets &+= 1
        return frame
      }
      nextPair += 1
      if nextPair == pairs.count { nextPair = 0 }
    }
    return nil
  }

  /// Takes what the device has given back of pair `nextPair`: a frame, or a
  /// reason to count why it is none.
  private mutating func takeFrame() -> PacketBuffer? {
    guard let completion = pairs[nextPair].receive.takeUsed() else {
      return nil
    }
    let (written, posted) = (completion.writtenCount, completion.postedCount)
    var packet = completion.packet
    packet.owe()
    guard written <= posted else {
      counters.receivedTooLong &+= 1
      return drop()
    }
    guard written >= headerSize + Self.smallestFrame else {
      counters.receivedTooShort &+= 1
      return drop()
    }
    packet.removeLast(posted - written)
    let header = PacketHeader.parse(packet.bytes, features)
    guard let header else {
      counters.receivedBadHeader &+= 1
      return drop()
    }
    packet.removeFirst(headerSize)
    var total = packet.count
    if header.bufferCount > 1 {
      guard let size = merge(header.bufferCount - 1, into: &packet) else {
        return drop()
      }
      total += size
    }
    guard header.fits(total), isExpected(header.hashReport) else {
      counters.receivedBadHeader &+= 1
      return drop()
    }
    if let vlan = settings.vlan, !vlan.take(outOf: &packet) {
      counters.receivedOtherVLAN &+= 1
      return drop()
    }
    pairs[nextPair].received.bytes &+= UInt64(total)
    packet.isChecksumVerified = header.isChecksumVerified
    if header.segmentSize > 0 {
      packet.mergedSegmentSize = header.segmentSize
    }
    return packet
  }

  private mutating func drop() -> PacketBuffer? {
    pairs[nextPair].received.dropped &+= 1
    return nil
  }

  /// Whether the device may report a hash of this kind, which is counted.
  /// §5.1.6.4.4.
  private mutating func isExpected(_ hashReport: Int) -> Bool {
    guard hashReport > 0 else { return true }
    guard let scaling, scaling.mayReport(hashReport) else { return false }
    counters.receivedHashed &+= 1
    return true
  }

  /// Puts the next `count` buffers behind `packet`.
  ///
  /// - Returns: Their size; `nil` when the device did not give as many, or not
  ///   such as a packet can have. Then all that came is dropped, counted once.
  private mutating func merge(
    _ count: Int,
    into packet: inout PacketBuffer
  ) -> Int? {
    var size = 0
    var isGood = true
    for _ in 0..<count {
      // §5.1.6.4.1: a device shows a packet's buffers all at once.
      guard let completion = pairs[nextPair].receive.takeUsed() else {
        counters.receivedPartly &+= 1
        return nil
      }
      packet.owe()
      let written = completion.writtenCount
      let posted = completion.postedCount
      guard isGood, written > 0, written <= posted,
        packet.tailroom >= PacketBuffer.fragmentTailroom,
        packet.fragmentCount < PacketBuffer.mostFragments
      else {
        isGood = false
        continue
      }
      var fragment = completion.packet
      fragment.removeLast(posted - written)
      packet.append(fragment: fragment)
      size += written
    }
    if !isGood { counters.receivedBadMerge &+= 1 }
    return isGood ? size : nil
  }

  /// Posts packets of the pool until the device has as many as it takes.
  public mutating func refill() {
    // What a burst has taken is owed to the device until it has as many again,
    // so that those who keep packets of it leave it some.
    var owed = 0
    for index in pairs.indices {
      if !refill(pair: index) {
        owed += mostReceivePackets - pairs[index].receive.inFlightCount
      }
    }
    receivePool.owed = owed
  }

  /// Returns whether the queue has as many as it takes.
  private mutating func refill(pair index: Int) -> Bool {
    let needed = splitsHeader ? 2 : 1
    let headroom = receiveHeadroom - headerSize
    while pairs[index].receive.inFlightCount < mostReceivePackets,
      pairs[index].receive.freeCount >= needed,
      !pairs[index].receive.isBroken
    {
      guard var packet = receivePool.allocate(headroom: headroom) else {
        counters.receivePoolEmpty &+= 1
        pairs[index].received.stalls &+= 1
        return false
      }
      packet.append(packet.tailroom - plan.reserve)
      pairs[index].receive.post(
        packet,
        direction(deviceWrites: true),
        reachedBy: transport
      )
    }
    return true
  }
}
