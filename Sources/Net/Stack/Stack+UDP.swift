import BasicContainers
import Packets

/// Datagrams of apps. RFC 768, RFC 1122 §4.1.
extension Stack {
  // MARK: For apps

  /// Opens a socket that receives what comes to `port`; zero is any port that
  /// is free, see ``localPort(of:)``.
  ///
  /// - Parameter interface: the only one that it receives and sends over; `nil`:
  ///   all.
  /// - Throws: ``NetworkError/addressInUse`` when another socket there, or the
  ///   DHCP client, has the port; ``NetworkError/limitReached`` when there are
  ///   ``Limits/sockets`` already; ``NetworkError/unreachable`` when there is no
  ///   such interface.
  public mutating func bindDatagrams(
    port: UInt16,
    on interface: Int? = nil
  ) throws(NetworkError) -> SocketID {
    if let interface, !(0..<interfaces.count ~= interface) {
      throw NetworkError.unreachable
    }
    if port == DHCPMessage.clientPort, hasDHCP {
      throw NetworkError.addressInUse
    }
    return try udp.bind(port, on: interface, random: &random)
  }

  private var hasDHCP: Bool {
    @_addressableSelf
    get {
      for index in 0..<interfaces.count where interfaces[index].dhcp != nil {
        return true
      }
      return false
    }
  }

  /// Closes the socket. What waits in it is dropped.
  public mutating func unbindDatagrams(_ socket: SocketID) {
    count.drop(.udpSocketClosed, count: udp.unbind(socket))
  }

  /// The port of the socket, or `nil` when it is closed.
  public func localPort(of socket: SocketID) -> UInt16? {
    udp.port(of: socket)
  }

  /// The most bytes of a datagram, whatever interface it goes over: what IP
  /// carries, or a quarter of the stack's buffers holds.
  public var largestDatagram: Int {
    let mtu = smallestMTU
    let part = (mtu - IPv4Header.size) & ~7
    let most = min(65535 - IPv4Header.size, pool.capacity / 4 * part)
    return max(most, mtu - IPv4Header.size) - UDPHeader.size
  }

  private var smallestMTU: Int {
    @_addressableSelf
    get {
      var mtu = interfaces[0].mtu
      for index in 1..<interfaces.count {
        mtu = min(mtu, interfaces[index].mtu)
      }
      return mtu
    }
  }

  /// Sets the time to live of what the socket sends from now on; `nil`: 64, and
  /// to groups 1, which is this link (RFC 1112 §6.1).
  public mutating func setTimeToLive(_ value: UInt8?, of socket: SocketID) {
    udp.setTimeToLive(socket, value)
  }

  /// What did not arrive of what the socket has sent to `remote`, or to any if
  /// that is `nil`; each is told once.
  public mutating func takeFailure(
    of socket: SocketID,
    to remote: Endpoint? = nil
  ) -> DatagramFailure? {
    udp.takeFailure(socket, of: remote)
  }

  /// Sends a copy of `payload` to `destination`, which may be a broadcast
  /// address or a group. What is larger than a packet goes in parts.
  ///
  /// - Parameter interface: the one that it goes over, from its address, as for
  ///   an answer to ``Datagram/interface``. `nil`: the one that a route leads
  ///   over; to a group or 255.255.255.255, the first.
  /// - Returns: Whether it was taken. When not, as many as may wait already, or
  ///   there is no buffer; ``DatagramChanges/writable`` tells of room.
  /// - Throws: ``NetworkError/closed`` when the socket is closed,
  ///   ``NetworkError/noAddress`` before an address is bound,
  ///   ``NetworkError/messageTooLarge`` beyond ``largestDatagram``,
  ///   ``NetworkError/unreachable`` when no route leads there, and, once, why
  ///   an earlier one to `destination` did not arrive.
  public mutating func send(
    _ payload: RawSpan,
    from socket: SocketID,
    to destination: Endpoint,
    on interface: Int? = nil,
    at now: Instant
  ) throws(NetworkError) -> Bool {
    guard let port = udp.port(of: socket) else { throw NetworkError.closed }
    guard payload.byteCount <= largestDatagram else {
      throw NetworkError.messageTooLarge
    }
    guard destination.port != 0, let address = destination.address.ipv4 else {
      throw NetworkError.unreachable
    }
    let path = try path(
      to: address,
      on: interface ?? udp.interface(of: socket)
    )
    if let failure = udp.takeFailure(socket, of: destination) {
      throw failure.reason
    }
    let length = UDPHeader.size + payload.byteCount
    let buffers = partCount(
      of: length,
      to: address,
      on: path.interface,
      at: now
    )
    // With every buffer free it would not go: see `UDPSockets.hasRoom`.
    guard
      buffers == 1
        || buffers * (1 + limits.freeBuffersPerUnsent) <= pool.capacity
    else { throw NetworkError.messageTooLarge }
    guard
      udp.reserve(
        socket,
        on: path.interface,
        buffers: buffers,
        available: pool.available
      )
    else { return false }
    let timeToLive =
      udp.timeToLive(of: socket)
      ?? (address.isMulticast ? 1 : IPv4Header.defaultTimeToLive)
    if buffers > 1 {
      var parts = parts(
        of: payload,
        behind: UDPHeader(
          sourcePort: port,
          destinationPort: destination.port,
          payloadLength: payload.byteCount
        ),
        IPv4Header.ProtocolNumber.udp,
        from: path.source,
        to: address,
        timeToLive: timeToLive,
        on: path.interface,
        at: now
      )
      while let part = parts.popFirst() {
        udp.appendUnsent(part, socket, on: path.interface)
      }
    } else {
      guard var packet = makePacket(headroom: UDPHeader.size) else {
        return false
      }
      packet.append(copying: payload)
      prependUDP(
        to: &packet,
        fromPort: port,
        of: path.source,
        to: address,
        destination.port,
        mayLeaveChecksum: interfaces[path.interface].capabilities
          .completesChecksums,
        timeToLive: timeToLive
      )
      udp.appendUnsent(packet, socket, on: path.interface)
    }
    udp.noteSent(socket, to: destination)
    return true
  }

  /// The oldest datagram that has come to the socket, or `nil` when there is
  /// none.
  public mutating func receiveDatagram(_ socket: SocketID) -> Datagram? {
    guard var packet = udp.popReceived(socket, reassembly) else { return nil }
    // Both headers were checked when the packet came.
    guard let header = try? IPv4Header(quoted: packet.bytes) else {
      return nil
    }
    packet.removeFirst(header.length)
    let port = packet.bytes.bigEndian(at: 0, as: UInt16.self)
    let ownPort = packet.bytes.bigEndian(at: 2, as: UInt16.self)
    packet.removeFirst(UDPHeader.size)
    count.datagramsReceived &+= 1
    return Datagram(
      source: Endpoint(address: header.source, port: port),
      destination: Endpoint(address: header.destination, port: ownPort),
      timeToLive: header.timeToLive,
      interface: packet.interface,
      payload: packet
    )
  }

  // MARK: From and to the wire

  /// Takes a datagram from its IP header on.
  mutating func receiveUDP(
    _ packet: consuming PacketBuffer,
    _ header: IPv4Header,
    isBroadcast: Bool,
    on interface: Int,
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
    if udpHeader.destinationPort == DHCPMessage.clientPort,
      interfaces[interface].dhcp != nil
    {
      packet.removeFirst(header.length + UDPHeader.size)
      try receiveDHCP(
        packet,
        from: udpHeader.sourcePort,
        on: interface,
        at: now
      )
      return
    }
    guard
      interfaces[interface].route != nil || header.destination.isLoopback
    else { throw DropReason.ipv4NoAddress }
    // Port zero is nobody's. RFC 768.
    guard udpHeader.destinationPort != 0,
      let socket = udp.find(udpHeader.destinationPort, on: interface)
    else {
      count.drop(.udpPortClosed)
      // RFC 1122 §4.1.3.1: a host should say that the port has no one.
      sendUnreachable(
        ICMPv4Message.UnreachableCode.portUnreachable,
        about: packet,
        header,
        isBroadcast: isBroadcast,
        on: interface,
        at: now
      )
      return
    }
    packet.interface = interface
    let dropped = try udp.deliver(packet, to: socket, reassembly)
    if dropped > 0 { count.drop(.udpQueueFull, count: dropped) }
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
    mayLeaveChecksum: Bool = false,
    timeToLive: UInt8 = IPv4Header.defaultTimeToLive
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
      to: destination,
      timeToLive: timeToLive
    )
  }
}
