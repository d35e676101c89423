import BasicContainers
import Packets

/// Who of the link has which hardware address. RFC 826.
extension Stack {
  /// Takes an ARP packet; behind it may be padding.
  mutating func receiveARP(
    _ packet: consuming PacketBuffer,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    let arp = try ARPPacket(parsing: packet.bytes)
    // Some bridges send back what they were sent.
    guard arp.senderHardware != interfaces[interface].macAddress else {
      throw DropReason.arpEcho
    }
    guard !arp.senderHardware.isMulticast, arp.senderHardware.bits != 0 else {
      throw DropReason.arpSenderInvalid
    }
    // RFC 5227 §2.1.1: a probe comes from no address, and asks all the same.
    let isProbe = arp.operation == .request && arp.senderProtocol == .any
    try checkConflict(
      of: isProbe ? arp.targetProtocol : arp.senderProtocol,
      isProbe: isProbe,
      on: interface,
      at: now
    )
    // Without an address there is nobody to ask for, and nothing was asked.
    guard let route = interfaces[interface].route else {
      throw DropReason.arpNotForUs
    }
    let isForUs = arp.targetProtocol == route.address
    var isKnown = false
    if !isProbe {
      guard arp.senderProtocol.isUnicast,
        !route.isBroadcast(arp.senderProtocol)
      else { throw DropReason.arpSenderInvalid }
      isKnown = learn(from: arp, isForUs: isForUs, on: interface, at: now)
    }
    switch arp.operation {
    case .request where isForUs:
      // On the link only: nobody else is a neighbour to send to.
      if !isKnown, !isProbe,
        nextHop(to: arp.senderProtocol, on: interface)
          == .neighbour(arp.senderProtocol)
      {
        interfaces[interface].neighbours
          .add(arp.senderProtocol, at: arp.senderHardware, now: now)
      }
      sendARPReply(to: arp, from: route.address, on: interface)
    case .request:
      guard isKnown else { throw DropReason.arpNotForUs }
    case .reply:
      guard isKnown else { throw DropReason.arpUnsolicited }
    }
  }

  /// Takes in where the sender is, if somebody wanted to know, and sends what
  /// waited for it.
  private mutating func learn(
    from arp: ARPPacket,
    isForUs: Bool,
    on interface: Int,
    at now: Instant
  ) -> Bool {
    let lesson = interfaces[interface].neighbours.learn(
      arp.senderProtocol,
      at: arp.senderHardware,
      isAnswer: arp.operation == .reply && isForUs
        && arp.targetHardware == interfaces[interface].macAddress,
      now: now
    )
    switch lesson {
    case .none:
      return false
    case .disputed:
      count.neighboursDisputed &+= 1
    case .known(let index):
      while let parked = interfaces[interface].neighbours
        .takeParked(at: index)
      {
        appendControl(
          frame(
            parked,
            to: arp.senderHardware,
            EthernetHeader.EtherType.ipv4,
            on: interface
          ),
          on: interface
        )
      }
    }
    return true
  }

  /// Makes a frame of an IP datagram for a neighbour, or parks it until the
  /// neighbour has answered.
  mutating func frame(
    _ packet: consuming PacketBuffer,
    toNeighbour address: IPv4Address,
    on interface: Int,
    at now: Instant
  ) -> PacketBuffer? {
    var evicted = 0
    let resolution = interfaces[interface].neighbours
      .resolve(address, at: now, evicted: &evicted)
    count.drop(.neighbourUnreachable, count: evicted)
    switch resolution {
    case .known(let hardware):
      return frame(
        packet,
        to: hardware,
        EthernetHeader.EtherType.ipv4,
        on: interface
      )
    case .pending(let index):
      let dropped = interfaces[interface].neighbours.park(packet, at: index)
      count.drop(.neighbourPending, count: dropped)
      return nil
    case .refused:
      count.drop(.neighbourUnreachable)
      return nil
    }
  }

  /// Asks again for neighbours that did not answer, and gives them up.
  mutating func pollNeighbours(on interface: Int, at now: Instant) {
    while let action = interfaces[interface].neighbours.nextAction(at: now) {
      switch consume action {
      case .request(let address, let hardware):
        sendARPRequest(
          for: address,
          to: hardware ?? .broadcast,
          on: interface
        )
      case .heldBack:
        count.arpRequestsHeldBack &+= 1
      case .unreachable(var parked):
        count.neighboursUnreachable &+= 1
        while let packet = parked.popFirst() {
          giveUp(packet, on: interface, at: now)
        }
      }
    }
  }

  /// Drops a packet whose neighbour did not answer, and tells who sent it.
  private mutating func giveUp(
    _ packet: borrowing PacketBuffer,
    on interface: Int,
    at now: Instant
  ) {
    count.drop(.neighbourUnreachable)
    _ = tellUnreachable(
      packet.bytes,
      isHard: false,
      on: interface,
      at: now
    )
  }

  /// Tells all hosts of the link, and the switches between, where the address
  /// is, so that those who knew it elsewhere do not speak to the wrong one, when
  /// the machine has moved. Without an address, or while the link is down, it
  /// does nothing; both announce when they are over.
  ///
  /// An announcement is a request for the own address, one of them: RFC 5227
  /// §2.3, whose §3 says why not a reply. VIRTIO 1.2 §5.1.6.5.4
  /// (VIRTIO_NET_F_GUEST_ANNOUNCE) asks for it.
  public mutating func announce(on interface: Int = 0) {
    guard interfaces[interface].isLinkUp,
      let route = interfaces[interface].route
    else { return }
    sendARPRequest(for: route.address, to: .broadcast, on: interface)
  }

  /// Asks all for an address that is not ours yet. RFC 5227 §2.1.1: from no
  /// address, so that nobody learns a wrong one.
  mutating func sendARPProbe(for address: IPv4Address, on interface: Int) {
    count.arpProbesSent &+= 1
    sendARPRequest(for: address, from: .any, to: .broadcast, on: interface)
  }

  private mutating func sendARPRequest(
    for address: IPv4Address,
    to hardware: MACAddress,
    on interface: Int
  ) {
    guard let route = interfaces[interface].route else { return }
    count.arpRequestsSent &+= 1
    sendARPRequest(
      for: address,
      from: route.address,
      to: hardware,
      on: interface
    )
  }

  private mutating func sendARPRequest(
    for address: IPv4Address,
    from source: IPv4Address,
    to hardware: MACAddress,
    on interface: Int
  ) {
    let request = ARPPacket(
      operation: .request,
      senderHardware: interfaces[interface].macAddress,
      senderProtocol: source,
      targetHardware: MACAddress(bits: 0),
      targetProtocol: address
    )
    send(request, to: hardware, on: interface)
  }

  private mutating func sendARPReply(
    to request: ARPPacket,
    from address: IPv4Address,
    on interface: Int
  ) {
    count.arpRepliesSent &+= 1
    let reply = ARPPacket(
      operation: .reply,
      senderHardware: interfaces[interface].macAddress,
      senderProtocol: address,
      targetHardware: request.senderHardware,
      targetProtocol: request.senderProtocol
    )
    send(reply, to: request.senderHardware, on: interface)
  }

  private mutating func send(
    _ arp: ARPPacket,
    to hardware: MACAddress,
    on interface: Int
  ) {
    guard var packet = makePacket() else { return }
    packet.append(ARPPacket.size)
    var bytes = packet.mutableBytes
    arp.write(to: &bytes)
    appendControl(
      frame(
        packet,
        to: hardware,
        EthernetHeader.EtherType.arp,
        on: interface
      ),
      on: interface
    )
  }
}
