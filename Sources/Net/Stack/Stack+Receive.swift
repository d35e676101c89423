import BasicContainers
import Packets

extension Stack {
  /// Takes a frame that has come on `interface`, from its Ethernet header on.
  /// What cannot be used is counted under its ``DropReason``.
  public mutating func receive(
    _ frame: consuming PacketBuffer,
    on interface: Int = 0,
    at now: Instant
  ) {
    count.framesReceived &+= 1
    count.bytesReceived &+= UInt64(frame.totalCount)
    do throws(DropReason) {
      try receiveFrame(frame, on: interface, at: now)
    } catch {
      count.drop(error)
    }
  }

  private mutating func receiveFrame(
    _ packet: consuming PacketBuffer,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    let header = try EthernetHeader(parsing: packet.bytes)
    guard
      header.destination == interfaces[interface].macAddress
        || header.destination.isMulticast
    else { throw DropReason.frameNotForUs }
    guard !header.source.isMulticast else {
      throw DropReason.frameSourceInvalid
    }
    packet.removeFirst(EthernetHeader.size)
    switch header.etherType {
    case EthernetHeader.EtherType.ipv4:
      let isLinkBroadcast = header.destination.isMulticast
      try receiveIPv4(
        packet,
        isLinkBroadcast: isLinkBroadcast,
        on: interface,
        at: now
      )
    case EthernetHeader.EtherType.arp:
      try receiveARP(packet, on: interface, at: now)
    default:
      throw DropReason.frameTypeUnknown
    }
  }

  /// Takes a datagram from its IP header on; behind it may be padding.
  private mutating func receiveIPv4(
    _ packet: consuming PacketBuffer,
    isLinkBroadcast: Bool,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    let header = try IPv4Header(parsing: packet)
    packet.truncate(to: header.totalLength)
    let isBroadcast = try checkAddresses(
      header,
      isLinkBroadcast,
      on: interface
    )
    if header.isFragment {
      return try receivePart(
        packet,
        header,
        isBroadcast: isBroadcast,
        isLoopedBack: false,
        on: interface,
        at: now
      )
    }
    try receive(
      packet,
      header,
      isBroadcast: isBroadcast,
      on: interface,
      at: now
    )
  }

  /// Takes a whole datagram from its IP header on.
  mutating func receive(
    _ packet: consuming PacketBuffer,
    _ header: IPv4Header,
    isBroadcast: Bool,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    switch header.protocolNumber {
    case IPv4Header.ProtocolNumber.tcp:
      // RFC 9293 §3.9.2.3 (MUST-57): no connection is with a broadcast address.
      guard !isBroadcast else { throw DropReason.tcpBroadcast }
      packet.removeFirst(header.length)
      receiveTCP(packet, header, on: interface, at: now)
    case IPv4Header.ProtocolNumber.udp:
      let whole = try inOneSlot(packet)
      try receiveUDP(
        whole,
        header,
        isBroadcast: isBroadcast,
        on: interface,
        at: now
      )
    case IPv4Header.ProtocolNumber.igmp:
      var whole = try inOneSlot(packet)
      whole.removeFirst(header.length)
      try receiveIGMP(whole.bytes, on: interface, at: now)
    case IPv4Header.ProtocolNumber.icmp:
      var whole = try inOneSlot(packet)
      whole.removeFirst(header.length)
      try receiveICMP(
        whole,
        header,
        isBroadcast: isBroadcast,
        on: interface,
        at: now
      )
    default:
      count.drop(.ipv4ProtocolUnknown)
      // RFC 1122 §3.2.2.1: a host should say that it has no such protocol.
      sendUnreachable(
        ICMPv4Message.UnreachableCode.protocolUnreachable,
        about: packet,
        header,
        isBroadcast: isBroadcast,
        on: interface,
        at: now
      )
    }
  }

  /// The packet, or a copy of one that the device has put into several slots:
  /// whoever reads a datagram reads it in one piece. A copy, too, when the
  /// device has a pool of its own that runs short: datagrams wait, and its last
  /// quarter is not theirs to hold. Of the buffers of ``Reassembly`` its own
  /// rule keeps some free.
  @_addressableSelf
  func inOneSlot(
    _ packet: consuming PacketBuffer
  ) throws(DropReason) -> PacketBuffer {
    let isInPieces = packet.fragmentCount > 0
    let isShort =
      !pool.owns(packet) && packet.freeInPool < packet.poolCapacity / 4
      && !reassembly.owns(packet)
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
  ///
  /// RFC 1122 §3.3.4.2, the strong model (A): what comes on one interface for
  /// the address of another is not taken, or who is on one link could reach
  /// what is meant for the other.
  @_addressableSelf
  private func checkAddresses(
    _ header: IPv4Header,
    _ isLinkBroadcast: Bool,
    on interface: Int
  ) throws(DropReason) -> Bool {
    // RFC 1122 §3.2.1.3: what no host can have as its address is no source, but
    // for who speaks of groups without one: a switch that asks for routers (RFC
    // 4541 §2.1.1), a host that is to get one (RFC 3376 §4.2.13).
    guard
      header.source.isUnicast
        || (header.source == .any && header.destination.isMulticast
          && header.protocolNumber == IPv4Header.ProtocolNumber.igmp)
    else { throw DropReason.ipv4SourceInvalid }
    if header.destination.isMulticast {
      // RFC 1112 §7.2: frames for one group carry those of 31 others, too.
      // What is said of groups is said to groups.
      let isForUs =
        interfaces[interface].groups.contains(header.destination)
        || header.protocolNumber == IPv4Header.ProtocolNumber.igmp
      guard isForUs, interfaces[interface].route != nil,
        self.interface(of: header.source) == nil
      else { throw DropReason.ipv4Multicast }
      return true
    }
    guard let route = interfaces[interface].route else {
      // RFC 2131 §4.1: replies may come to the address that the server is about
      // to grant. Nothing else is taken before there is an address.
      // RFC 1122 §3.2.1.3 (g): 127/8 is no such address.
      guard header.protocolNumber == IPv4Header.ProtocolNumber.udp,
        !header.destination.isLoopback
      else { throw DropReason.ipv4NoAddress }
      return isLinkBroadcast || header.destination == .broadcast
    }
    // What has one of our own addresses is not from a host of the link, or came
    // back from another of ours.
    guard self.interface(of: header.source) == nil,
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
