import Packets

/// Datagrams of apps. RFC 768, RFC 1122 §4.1.
extension Stack {
  // MARK: For apps

  /// Opens a socket that receives what comes to `port`; zero is any port that
  /// is free, see ``localPort(of:)``.
  ///
  /// - Throws: ``NetworkError/addressInUse`` when another socket, or the DHCP
  ///   client, has the port; ``NetworkError/limitReached`` when there are
  ///   ``Limits/sockets`` already.
  public mutating func bindDatagrams(
    port: UInt16
  ) throws(NetworkError) -> SocketID {
    if dhcp != nil, port == DHCPMessage.clientPort {
      throw NetworkError.addressInUse
    }
    return try udp.bind(port, random: &random)
  }

  /// Closes the socket. What waits in it is dropped.
  public mutating func unbindDatagrams(_ socket: SocketID) {
    count.drop(.udpSocketClosed, count: udp.unbind(socket))
  }

  /// The port of the socket, or `nil` when it is closed.
  public func localPort(of socket: SocketID) -> UInt16? {
    udp.port(of: socket)
  }

  /// The most bytes of a datagram.
  public var largestDatagram: Int { mtu - IPv4Header.size - UDPHeader.size }

  /// Sends a copy of `payload` to `destination`, which may be a broadcast
  /// address.
  ///
  /// - Returns: Whether it was taken. When not, as many as may wait already, or
  ///   there is no buffer; ``DatagramChanges/writable`` tells of room.
  /// - Throws: ``NetworkError/closed`` when the socket is closed,
  ///   ``NetworkError/noAddress`` before an address is bound,
  ///   ``NetworkError/messageTooLarge`` beyond ``largestDatagram``, and
  ///   ``NetworkError/unreachable`` when no route leads there.
  public mutating func send(
    _ payload: RawSpan,
    from socket: SocketID,
    to destination: Endpoint,
    at now: Instant
  ) throws(NetworkError) -> Bool {
    guard let port = udp.port(of: socket) else { throw NetworkError.closed }
    guard let route else { throw NetworkError.noAddress }
    guard payload.byteCount <= largestDatagram else {
      throw NetworkError.messageTooLarge
    }
    guard destination.port != 0, let address = destination.address.ipv4,
      nextHop(to: address) != nil
    else { throw NetworkError.unreachable }
    guard udp.reserve(socket, hasBuffer: pool.available > 0),
      var packet = makePacket(headroom: UDPHeader.size)
    else { return false }
    packet.append(copying: payload)
    prependUDP(
      to: &packet,
      fromPort: port,
      of: route.address,
      to: address,
      destination.port,
      mayLeaveChecksum: capabilities.completesChecksums
    )
    udp.appendUnsent(packet, socket)
    return true
  }

  /// The oldest datagram that has come to the socket, or `nil` when there is
  /// none.
  public mutating func receiveDatagram(_ socket: SocketID) -> Datagram? {
    guard var packet = udp.popReceived(socket) else { return nil }
    // Both headers were checked when the packet came.
    guard let header = try? IPv4Header(quoted: packet.bytes) else {
      return nil
    }
    packet.removeFirst(header.length)
    let port = packet.bytes.bigEndian(at: 0, as: UInt16.self)
    packet.removeFirst(UDPHeader.size)
    count.datagramsReceived &+= 1
    return Datagram(
      source: Endpoint(address: header.source, port: port),
      payload: packet
    )
  }

  // MARK: From and to the wire

  /// Takes a datagram from its IP header on.
  mutating func receiveUDP(
    _ packet: consuming PacketBuffer,
    _ header: IPv4Header,
    isBroadcast: Bool,
    at now: Instant
  ) throws(DropReason) {
    let udpHeader = try UDPHeader(
      parsing: packet.bytes.extracting(header.length..<packet.count),
      source: IPAddress(header.source),
      destination: IPAddress(header.destination),
      isVerified: packet.isChecksumVerified
    )
    // RFC 768: what is behind the length is not of the datagram.
    packet.removeLast(packet.count - header.length - udpHeader.length)
    if dhcp != nil, udpHeader.destinationPort == DHCPMessage.clientPort {
      packet.removeFirst(header.length + UDPHeader.size)
      try receiveDHCP(packet, from: udpHeader.sourcePort, at: now)
      return
    }
    guard route != nil else { throw DropReason.ipv4NoAddress }
    // Port zero is nobody's. RFC 768.
    guard udpHeader.destinationPort != 0,
      let socket = udp.find(udpHeader.destinationPort)
    else {
      count.drop(.udpPortClosed)
      // RFC 1122 §4.1.3.1: a host should say that the port has no one.
      sendUnreachable(
        ICMPv4Message.UnreachableCode.portUnreachable,
        about: packet,
        header,
        isBroadcast: isBroadcast,
        at: now
      )
      return
    }
    try udp.deliver(packet, to: socket)
  }

  /// Puts a UDP header and an IP header before the payload. The checksum may be
  /// left to the device where the peer does not read frames beneath its own
  /// stack, as DHCP servers do, which then find it incomplete.
  mutating func prependUDP(
    to packet: inout PacketBuffer,
    fromPort port: UInt16,
    of source: IPv4Address,
    to destination: IPv4Address,
    _ destinationPort: UInt16,
    mayLeaveChecksum: Bool = false
  ) {
    let header = UDPHeader(
      sourcePort: port,
      destinationPort: destinationPort,
      payloadLength: packet.count
    )
    packet.prepend(UDPHeader.size)
    header.write(
      to: &packet,
      source: IPAddress(source),
      destination: IPAddress(destination)
    )
    if !mayLeaveChecksum { packet.completeChecksum() }
    prependIPv4(
      to: &packet,
      IPv4Header.ProtocolNumber.udp,
      from: source,
      to: destination
    )
  }
}
