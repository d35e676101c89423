import BasicContainers
import Packets

/// The address: bound, renewed, given up. RFC 2131.
extension Stack {
  /// Does what the DHCP client asks for.
  mutating func pollDHCP(on interface: Int, at now: Instant) {
    while let action = interfaces[interface].dhcp?.poll(at: now) {
      switch action {
      case .send(let request, let server):
        send(request, to: server, on: interface, at: now)
      case .giveUp:
        loseAddress(on: interface, at: now)
      case .keepUnconfirmed:
        confirmAddress(on: interface, at: now)
      }
    }
  }

  mutating func send(
    _ request: DHCPRequest,
    to server: IPv4Address,
    on interface: Int,
    at now: Instant
  ) {
    guard var packet = makePacket(headroom: UDPHeader.size) else { return }
    packet.append(request.size)
    var bytes = packet.mutableBytes
    request.write(to: &bytes)
    count.dhcpSent &+= 1
    prependUDP(
      to: &packet,
      fromPort: DHCPMessage.clientPort,
      of: request.clientAddress,
      to: server,
      DHCPMessage.serverPort
    )
    sendControl(packet, on: interface, at: now)
  }

  /// Takes a message that came to the client's port.
  mutating func receiveDHCP(
    _ packet: consuming PacketBuffer,
    from port: UInt16,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    // RFC 2131 §4.1: servers speak from their port.
    guard port == DHCPMessage.serverPort else {
      throw DropReason.dhcpServerInvalid
    }
    let reply = try DHCPReply(parsing: packet.bytes)
    guard
      let outcome = try interfaces[interface].dhcp?.receive(reply, at: now)
    else { return }
    count.dhcpReceived &+= 1
    count.drop(.dhcpOptionRefused, count: reply.refusedOptions)
    count.drop(.dhcpRouteRefused, count: reply.omittedRoutes)
    switch outcome {
    case .none:
      break
    case .check(let granted):
      check(granted.address, on: interface, at: now)
    case .renewed(let lease):
      setLease(lease, on: interface)
      interfaces[interface].leaseEvents.noteRenewed()
    case .confirmed(let lease):
      setLease(lease, on: interface)
      interfaces[interface].leaseEvents.noteRenewed()
      confirmAddress(on: interface, at: now)
    case .refused:
      loseAddress(on: interface, at: now)
    }
    pollDHCP(on: interface, at: now)
  }

  /// Begins to use an address.
  mutating func bind(_ lease: Lease, on interface: Int, at now: Instant) {
    setLease(lease, on: interface)
    interfaces[interface].leaseEvents.noteBound()
    confirmAddress(on: interface, at: now)
    // RFC 3376 §5.1: the routers of this link know of none yet.
    interfaces[interface].groups.restart(at: now)
    // Whom DHCP has told of us it need not ask for us, and so its first packets
    // may come close together, when only some answers can wait for ARP.
    if interfaces[interface].dhcp != nil, let gateway = lease.gateway {
      interfaces[interface].neighbours.ask(gateway, at: now)
    }
  }

  /// Sees to the address after the link has come back.
  ///
  /// It stays in use while a server is asked about it. RFC 2131 §4.4.2 speaks of
  /// a host that has just started, which loses nothing by waiting; §3.2 lets
  /// even that one go on with an unexpired lease when nobody answers. Here
  /// connections hang on the address, mostly the link is the one it was
  /// (RFC 4436 rests on that too), and where it is not, a server that knows
  /// better refuses within a round trip.
  ///
  /// Yet it is announced only once it is confirmed: an announcement on a
  /// strange link would turn all who know the address there away from its
  /// owner. RFC 4436 §2.1 sends no broadcast for the same reason. Peers miss
  /// nothing until then, for what they know has not changed, and the request,
  /// which goes to all, shows switches the way.
  mutating func linkCameUp(on interface: Int, at now: Instant) {
    let isBound = interfaces[interface].route != nil
    if interfaces[interface].dhcp != nil {
      if !isBound { interfaces[interface].conflict.end() }
      interfaces[interface].groups.restart(at: now)
      interfaces[interface].dhcp?.linkCameUp(at: now)
    } else if let fixedLease = interfaces[interface].fixedLease {
      if isBound {
        confirmAddress(on: interface, at: now)
      } else {
        check(fixedLease.address, on: interface, at: now)
      }
    }
  }

  /// Gives the address up, and everything that was from it or to it, its routes
  /// among that. RFC 2131 §4.4.5.
  mutating func loseAddress(on interface: Int, at now: Instant) {
    guard let route = interfaces[interface].route else { return }
    interfaces[interface].conflict.end()
    tcp.abortAll(from: IPAddress(route.address), on: interface, at: now)
    count.drop(.addressLost, count: udp.removeUnsent(on: interface))
    dropControl(from: route.address, on: interface)
    let parked = interfaces[interface].neighbours.removeAll()
    count.drop(.addressLost, count: parked)
    let parts = reassembly.removeAll(over: interface)
    count.drop(.addressLost, count: parts)
    pathMTUs.removeAll()
    setLease(nil, on: interface)
    interfaces[interface].leaseEvents.noteLost()
  }

  /// Drops what the stack itself has to say from `address`: it may be another
  /// host's now.
  private mutating func dropControl(
    from address: IPv4Address,
    on interface: Int
  ) {
    for _ in 0..<interfaces[interface].control.count {
      guard let frame = interfaces[interface].control.popFirst() else { return }
      if Self.isFrom(address, frame) {
        count.drop(.addressLost)
      } else {
        interfaces[interface].control.append(frame)
      }
    }
  }

  /// Whether a frame of ours is from `address`.
  private static func isFrom(
    _ address: IPv4Address,
    _ frame: borrowing PacketBuffer
  ) -> Bool {
    let bytes = frame.bytes
    guard let header = try? EthernetHeader(parsing: bytes) else { return false }
    let payload = bytes.extracting(droppingFirst: EthernetHeader.size)
    let source =
      header.etherType == EthernetHeader.EtherType.arp
      ? (try? ARPPacket(parsing: payload))?.senderProtocol
      : (try? IPv4Header(quoted: payload))?.source
    return source == address
  }
}
