import Packets

extension Stack {
  /// Takes a frame that has come, from its Ethernet header on. What cannot be
  /// used is counted under its ``DropReason``.
  public mutating func receive(
    _ frame: consuming PacketBuffer,
    at now: Instant
  ) {
    count.framesReceived &+= 1
    count.bytesReceived &+= UInt64(frame.totalCount)
    do throws(DropReason) {
      try receiveFrame(frame, at: now)
    } catch {
      count.drop(error)
    }
  }

  private mutating func receiveFrame(
    _ packet: consuming PacketBuffer,
    at now: Instant
  ) throws(DropReason) {
    let header = try EthernetHeader(parsing: packet.bytes)
    guard header.destination == macAddress || header.destination.isMulticast
    else { throw DropReason.frameNotForUs }
    guard !header.source.isMulticast else {
      throw DropReason.frameSourceInvalid
    }
    packet.removeFirst(EthernetHeader.size)
    switch header.etherType {
    case EthernetHeader.EtherType.ipv4:
      let isLinkBroadcast = header.destination.isMulticast
      try receiveIPv4(packet, isLinkBroadcast: isLinkBroadcast, at: now)
    case EthernetHeader.EtherType.arp:
      try receiveARP(packet, at: now)
    default:
      throw DropReason.frameTypeUnknown
    }
  }

  /// Takes a datagram from its IP header on; behind it may be padding.
  private mutating func receiveIPv4(
    _ packet: consuming PacketBuffer,
    isLinkBroadcast: Bool,
    at now: Instant
  ) throws(DropReason) {
    let header = try IPv4Header(parsing: packet)
    packet.truncate(to: header.totalLength)
    let isBroadcast = try checkAddresses(header, isLinkBroadcast)
    guard header.isFragment else {
      return try receive(packet, header, isBroadcast: isBroadcast, at: now)
    }
    guard let whole = try reassemble(packet, header, at: now) else { return }
    let wholeHeader = try IPv4Header(checked: whole)
    try receive(whole, wholeHeader, isBroadcast: isBroadcast, at: now)
  }

  /// Takes a whole datagram from its IP header on.
  mutating func receive(
    _ packet: consuming PacketBuffer,
    _ header: IPv4Header,
    isBroadcast: Bool,
    at now: Instant
  ) throws(DropReason) {
    switch header.protocolNumber {
    case IPv4Header.ProtocolNumber.tcp:
      // RFC 9293 §3.9.2.3 (MUST-57): no connection is with a broadcast address.
      guard !isBroadcast else { throw DropReason.tcpBroadcast }
      packet.removeFirst(header.length)
      receiveTCP(packet, header, at: now)
    case IPv4Header.ProtocolNumber.udp:
      let whole = try inOneSlot(packet)
      try receiveUDP(whole, header, isBroadcast: isBroadcast, at: now)
    case IPv4Header.ProtocolNumber.igmp:
      var whole = try inOneSlot(packet)
      whole.removeFirst(header.length)
      try receiveIGMP(whole.bytes, at: now)
    case IPv4Header.ProtocolNumber.icmp:
      var whole = try inOneSlot(packet)
      whole.removeFirst(header.length)
      try receiveICMP(whole, header, isBroadcast: isBroadcast, at: now)
    default:
      count.drop(.ipv4ProtocolUnknown)
      // RFC 1122 §3.2.2.1: a host should say that it has no such protocol.
      sendUnreachable(
        ICMPv4Message.UnreachableCode.protocolUnreachable,
        about: packet,
        header,
        isBroadcast: isBroadcast,
        at: now
      )
    }
  }

  /// The packet, or a copy of one that the device has put into several slots:
  /// whoever reads a datagram reads it in one piece. A copy, too, when the
  /// device has a pool of its own that runs short: datagrams wait, and its last
  /// quarter is not theirs to hold.
  @_addressableSelf
  func inOneSlot(
    _ packet: consuming PacketBuffer
  ) throws(DropReason) -> PacketBuffer {
    let isInPieces = packet.fragmentCount > 0
    let isShort =
      !pool.owns(packet) && packet.freeInPool < packet.poolCapacity / 4
    guard isInPieces || isShort else { return packet }
    guard packet.totalCount + Self.payloadHeadroom <= pool.bytesPerPacket else {
      throw isInPieces ? DropReason.ipv4TooLarge : DropReason.noBuffer
    }
    guard var whole = pool.allocate(headroom: Self.payloadHeadroom) else {
      throw DropReason.noBuffer
    }
    whole.append(copying: packet.bytes)
    for index in 0..<packet.fragmentCount {
      whole.append(copying: packet.fragmentBytes(index))
    }
    whole.isChecksumVerified = packet.isChecksumVerified
    return whole
  }

  /// Checks that the datagram is from a host and for this one, and says
  /// whether it is for every host of the link.
  @_addressableSelf
  private func checkAddresses(
    _ header: IPv4Header,
    _ isLinkBroadcast: Bool
  ) throws(DropReason) -> Bool {
    // RFC 1122 §3.2.1.3: what no host can have as its address is no source.
    guard header.source.isUnicast else { throw DropReason.ipv4SourceInvalid }
    if header.destination.isMulticast {
      // RFC 1112 §7.2: frames for one group carry those of 31 others, too.
      // What is said of groups is said to groups.
      let isForUs =
        groups.contains(header.destination)
        || header.protocolNumber == IPv4Header.ProtocolNumber.igmp
      guard isForUs, route != nil, header.source != route?.address else {
        throw DropReason.ipv4Multicast
      }
      return true
    }
    guard let route else {
      // RFC 2131 §4.1: replies may come to the address that the server is about
      // to grant. Nothing else is taken before there is an address.
      guard header.protocolNumber == IPv4Header.ProtocolNumber.udp else {
        throw DropReason.ipv4NoAddress
      }
      return isLinkBroadcast || header.destination == .broadcast
    }
    guard header.source != route.address,
      !route.isBroadcast(header.source)
    else { throw DropReason.ipv4SourceInvalid }
    if route.isBroadcast(header.destination) { return true }
    // RFC 1122 §3.3.6: a frame for all that holds a datagram for one is a trap
    // or a mistake.
    guard header.destination == route.address, !isLinkBroadcast else {
      throw DropReason.ipv4NotForUs
    }
    return false
  }
}
