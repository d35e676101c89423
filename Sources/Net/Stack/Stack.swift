import Packets

/// The TCP/IP stack of one device, and of the machine itself: packets and the
/// time go in, packets and events come out.
///
///     device --receive--> Ethernet -> ARP, IPv4 -> ICMP, UDP, TCP -> app
///     device <--transmit- Ethernet <- control, UDP, TCP           <- app
///
/// The stack is driven. Whoever has it calls ``receive(_:at:)`` for every frame
/// that comes, ``poll(at:)`` when ``deadline`` has passed, and after both
/// ``transmit(at:)`` as long as the device has room and there are frames. It
/// reads no clock and no random source, so the same calls with the same
/// arguments do the same. Times never go back.
///
/// Nothing is allocated for a packet: buffers come from the pool.
public struct Stack: ~Copyable {
  /// The bytes before the Ethernet header of every frame that
  /// ``transmit(at:)`` hands out, for the header of the device.
  public static let linkHeadroom = 32
  /// The bytes before an IP payload that the stack makes.
  static let payloadHeadroom =
    linkHeadroom + EthernetHeader.size + IPv4Header.size

  let macAddress: MACAddress
  /// What the device takes; the lease may allow less.
  let mtu: Int
  /// The largest datagram of the link.
  var linkMTU: Int
  let pool: PacketPool
  let controlLimit: Int

  var count = StackCounters()
  var neighbours: NeighbourCache
  /// Whether another host has our address.
  var conflict: AddressConflict { didSet { planUpkeep() } }
  /// The address that was set, if one was.
  let fixedLease: Lease?
  let conflictRetry: Interval
  /// When to look again whether the address that was set is free.
  var nextCheck: Instant? { didSet { planUpkeep() } }
  var errorBucket: TokenBucket
  /// What the device does with what is sent.
  private(set) var capabilities: LinkCapabilities
  /// Frames of the stack itself, ready for the device.
  var control = PacketQueue()
  var udp: UDPSockets
  var tcp: TCP
  /// `nil` when the address was set.
  var dhcp: DHCPClient? { didSet { planUpkeep() } }
  var random: RandomNumbers
  /// The identification of the next datagram. RFC 6864 §4.2: not the same twice
  /// while the first may still be on its way.
  var identification: UInt16
  /// Whether the link carries frames.
  public private(set) var isLinkUp = true { didSet { planUpkeep() } }

  /// The address that is bound, and what came with it.
  public internal(set) var lease: Lease? {
    didSet {
      leaseChanged()
      planUpkeep()
    }
  }
  /// What of the lease every packet needs.
  var route: Route?
  /// The ways to other hosts.
  var routes: RouteTable
  /// Datagrams of which not all parts are there.
  var reassembly: Reassembly
  /// Where the way takes only small datagrams.
  var pathMTUs: PathMTUCache
  /// The groups that this host listens to.
  var groups: MulticastGroups { didSet { planUpkeep() } }
  /// When ``pollUpkeep(at:)`` next has something to do.
  var upkeep: Instant?
  /// What goes to this host itself.
  var loopback = Loopback()
  /// What to tell about the address; each is told once.
  var leaseEvents = LeaseEvents()

  /// A stack that begins at `start`, by looking for an address if it has none.
  ///
  /// - Precondition: The packets of `pool` hold the MTU with all headers, and a
  ///   fixed address is one that a host can have.
  public init(
    _ configuration: StackConfiguration,
    pool: PacketPool,
    at start: Instant
  ) {
    precondition(configuration.mtu >= 576 && configuration.mtu <= 65535)
    let headroom = configuration.tcpLimits.headroom
    precondition(headroom >= Self.payloadHeadroom)
    precondition(
      pool.bytesPerPacket
        >= headroom + TCPHeader.maximumLength + configuration.mtu
    )
    macAddress = configuration.macAddress
    mtu = configuration.mtu
    linkMTU = mtu
    self.pool = pool
    let limits = configuration.limits
    controlLimit = limits.controlPackets
    errorBucket = TokenBucket(
      perSecond: limits.errorsPerSecond,
      burst: limits.errorsBurst,
      at: start
    )
    udp = UDPSockets(limits: limits)

    // Each user of random numbers has a key of its own, so that what one of
    // them shows tells nothing of another's.
    var seeds = RandomNumbers(seed: configuration.seed)
    random = RandomNumbers(seed: SipHash.Key(seeds.next(), seeds.next()))
    identification = UInt16(truncatingIfNeeded: random.next())
    capabilities = configuration.capabilities
    tcp = TCP(
      limits: configuration.tcpLimits,
      capabilities: configuration.capabilities,
      secret: SipHash.Key(seeds.next(), seeds.next()),
      random: RandomNumbers(
        seed: SipHash.Key(seeds.next(), seeds.next())
      )
    )
    let dhcpSeed = SipHash.Key(seeds.next(), seeds.next())
    neighbours = NeighbourCache(limits: limits, random: seeds.next())
    conflict = AddressConflict(
      timing: limits.conflict,
      random: RandomNumbers(seed: SipHash.Key(seeds.next(), seeds.next()))
    )
    conflictRetry = limits.conflict.retryInterval
    routes = RouteTable(limit: limits.routes)
    reassembly = Reassembly(limits: limits)
    pathMTUs = PathMTUCache(limits: limits)
    groups = MulticastGroups(
      limit: limits.groups,
      random: RandomNumbers(seed: SipHash.Key(seeds.next(), seeds.next()))
    )
    switch configuration.addressing {
    case .dhcp:
      fixedLease = nil
      dhcp = DHCPClient(
        hardware: macAddress,
        identifier: ClientIdentifier(machine: macAddress, interface: 1),
        hostName: configuration.hostName,
        mtu: mtu,
        remembered: configuration.rememberedAddress,
        random: RandomNumbers(seed: dhcpSeed),
        at: start
      )
    case .fixed(let lease):
      precondition(lease.isUsable)
      fixedLease = lease
      check(lease.address, at: start)
    }
    planUpkeep()
  }

  /// Says whether the link carries frames. While it does not, nothing is handed
  /// out to be sent, but time goes on, and sockets keep what they hold. When it
  /// does again, what the stack itself had to say is out of date and dropped, a
  /// lease is confirmed, and a fixed address announced.
  public mutating func setLink(up isUp: Bool, at now: Instant) {
    guard isUp != isLinkUp else { return }
    isLinkUp = isUp
    guard isUp else { return }
    count.drop(.linkDown, count: control.count)
    control = PacketQueue()
    // Who is on the link now may not be who was.
    let waiting = neighbours.removeAll()
    count.drop(.neighbourUnreachable, count: waiting)
    linkCameUp(at: now)
  }

  /// Says what the device does from now on with what is sent, as when it was
  /// started again. What was made for another is completed, or dropped as
  /// ``DropReason/linkChanged`` when ``transmit(at:)`` comes to it; a
  /// retransmission is as the device now wants it.
  public mutating func setCapabilities(_ capabilities: LinkCapabilities) {
    self.capabilities = capabilities
    tcp.capabilities = capabilities
  }

  // MARK: Time

  /// When ``poll(at:)`` next has something to do.
  public var deadline: Instant? {
    let above = Self.earliest(upkeep, tcp.deadline)
    let below = Self.earliest(neighbours.deadline, loopback.deadline)
    return Self.earliest(
      Self.earliest(above, below),
      reassembly.deadline
    )
  }

  /// Does what is due.
  public mutating func poll(at now: Instant) {
    pollUpkeep(at: now)
    pollNeighbours(at: now)
    pollReassembly(at: now)
    pollLoopback(at: now)
    tcp.poll(at: now)
    lowerConfirmedPaths(at: now)
    lookForSuspects(at: now)
  }

  // MARK: Events and counters

  /// The next thing that somebody may have been waiting for.
  public mutating func nextEvent() -> StackEvent? {
    if leaseEvents.isPending, let event = leaseEvents.next(for: lease) {
      return event
    }
    if let (socket, changes) = udp.takeChanges() {
      return .datagrams(socket, changes)
    }
    return tcp.nextEvent().map { .tcp($0) }
  }

  /// What went through so far, and what was dropped.
  public var counters: StackCounters {
    var counters = count
    counters.tcp = tcp.counters
    return counters
  }
}
