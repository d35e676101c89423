import BasicContainers
import Packets

/// The TCP/IP stack of a machine: packets and the time go in, packets and
/// events come out.
///
///     device --receive--> Ethernet -> ARP, IPv4 -> ICMP, UDP, TCP -> app
///     device <--transmit- Ethernet <- control, UDP, TCP           <- app
///
/// It has one interface or several, known by number from 0 on, each on a link of
/// its own. What belongs to a link is in ``Interface``, all else here.
///
/// The stack is driven. Whoever has it calls ``receive(_:on:at:)`` for every
/// frame that comes, ``poll(at:)`` when ``nextDeadline()`` has passed, and after both
/// ``transmit(on:at:)`` of each interface as long as its device has room and
/// there are frames. It reads no clock and no random source, so the same calls
/// with the same arguments do the same. Times never go back.
///
/// Nothing is allocated for a packet: buffers come from the pool.
public struct Stack: ~Copyable {
  /// The bytes before the Ethernet header of every frame that
  /// ``transmit(on:at:)`` hands out, for the header of the device.
  public static let linkHeadroom = 32
  /// The bytes before an IP payload that the stack makes.
  static let payloadHeadroom =
    linkHeadroom + EthernetHeader.size + IPv4Header.size

  /// At least one.
  var interfaces: UniqueArray<Interface>
  let limits: Limits
  private let hostName: [UInt8]
  private let headroom: Int
  let pool: PacketPool

  var count = StackCounters()
  var errorBucket: TokenBucket
  var udp: UDPSockets
  var tcp: TCP
  var random: RandomNumbers
  /// The identification of the next datagram. RFC 6864 §4.2: not the same twice
  /// while the first may still be on its way.
  var identification: UInt16
  /// The ways to other hosts, over all interfaces.
  var routes: RouteTable
  /// Datagrams of which not all parts are there.
  var reassembly: Reassembly
  /// Where the way takes only small datagrams.
  var pathMTUs: PathMTUCache
  /// What goes to this host itself.
  var loopback = Loopback()

  /// A stack that begins at `start` with one interface, by looking for an
  /// address if it has none.
  ///
  /// - Precondition: The packets of `pool` hold the MTU with all headers, and a
  ///   fixed address is one that a host can have.
  public init(
    _ configuration: StackConfiguration,
    pool: PacketPool,
    at start: Instant
  ) {
    let limits = configuration.limits
    let tcpLimits = configuration.tcpLimits
    precondition(tcpLimits.headroom >= Self.payloadHeadroom)
    Self.check(
      configuration.interface,
      pool: pool,
      headroom: tcpLimits.headroom
    )
    self.pool = pool
    self.limits = limits
    hostName = configuration.hostName
    headroom = tcpLimits.headroom
    errorBucket = TokenBucket(
      perSecond: limits.errorsPerSecond,
      burst: limits.errorsBurst,
      at: start
    )
    udp = UDPSockets(limits: limits, interfaces: 1)

    // Each user of random numbers has a key of its own, so that what one of
    // them shows tells nothing of another's.
    var seeds = RandomNumbers(seed: configuration.seed)
    random = RandomNumbers(seed: SipHash.Key(seeds.next(), seeds.next()))
    identification = UInt16(truncatingIfNeeded: random.next())
    tcp = TCP(
      limits: tcpLimits,
      capabilities: configuration.capabilities,
      secret: SipHash.Key(seeds.next(), seeds.next()),
      random: RandomNumbers(
        seed: SipHash.Key(seeds.next(), seeds.next())
      )
    )
    routes = RouteTable(limit: limits.routes)
    reassembly = Reassembly(limits: limits)
    pathMTUs = PathMTUCache(
      limits: limits,
      floor: tcpLimits.smallestPathMTU
    )
    interfaces = Self.list(
      Interface(
        configuration.interface,
        number: 0,
        machine: configuration.macAddress,
        hostName: configuration.hostName,
        limits: limits,
        seeds: &seeds,
        at: start
      )
    )
    begin(0, at: start)
  }

  /// Adds an interface, which begins by looking for an address if it has none.
  ///
  /// - Returns: Its number.
  /// - Precondition: As that of the first; and there are less than
  ///   ``Limits/interfaces``.
  public mutating func addInterface(
    _ configuration: InterfaceConfiguration,
    at now: Instant
  ) -> Int {
    precondition(interfaces.count < limits.interfaces)
    Self.check(configuration, pool: pool, headroom: headroom)
    let number = interfaces.count
    var seeds = makeRandomNumbers()
    var interface = Interface(
      configuration,
      number: number,
      machine: interfaces[0].macAddress,
      hostName: hostName,
      limits: limits,
      seeds: &seeds,
      at: now
    )
    interface.groups.joinAll(of: interfaces[0].groups, at: now)
    interfaces.append(interface)
    udp.addInterface()
    tcp.addOutlet(configuration.capabilities)
    begin(number, at: now)
    return number
  }

  /// The first interface alone. In one piece, as the compiler does not cope with
  /// a list that grows while the stack has no value yet.
  private static func list(
    _ first: consuming Interface
  ) -> UniqueArray<Interface> {
    var interfaces = UniqueArray<Interface>(minimumCapacity: 1)
    interfaces.append(first)
    return interfaces
  }

  private static func check(
    _ configuration: InterfaceConfiguration,
    pool: PacketPool,
    headroom: Int
  ) {
    precondition(configuration.mtu >= 576 && configuration.mtu <= 65535)
    precondition(
      pool.bytesPerPacket
        >= headroom + TCPHeader.maximumLength + configuration.mtu
    )
  }

  /// Looks whether an address that was set is free.
  private mutating func begin(_ interface: Int, at now: Instant) {
    if let fixed = interfaces[interface].fixedLease {
      check(fixed.address, on: interface, at: now)
    }
  }

  // MARK: Interfaces

  /// How many interfaces there are.
  public var interfaceCount: Int { interfaces.count }

  /// The address that is bound on an interface, and what came with it.
  @_addressableSelf
  public func lease(of interface: Int) -> Lease? {
    interfaces[interface].lease
  }

  /// The first address that is bound, and what came with it.
  public var lease: Lease? {
    @_addressableSelf
    get {
      for index in 0..<interfaces.count {
        if let lease = interfaces[index].lease { return lease }
      }
      return nil
    }
  }

  /// Whether the link of an interface carries frames.
  @_addressableSelf
  public func isLinkUp(on interface: Int) -> Bool {
    interfaces[interface].isLinkUp
  }

  /// Whether any link carries frames.
  public var isLinkUp: Bool {
    @_addressableSelf
    get {
      for index in 0..<interfaces.count where interfaces[index].isLinkUp {
        return true
      }
      return false
    }
  }

  /// Says whether the link carries frames. While it does not, nothing is handed
  /// out to be sent there, and what is new goes over other links; but time goes
  /// on, and sockets and connections keep what they hold. When it does again,
  /// what the stack itself had to say is out of date and dropped, a lease is
  /// confirmed, and a fixed address announced.
  public mutating func setLink(
    up isUp: Bool,
    on interface: Int = 0,
    at now: Instant
  ) {
    guard isUp != interfaces[interface].isLinkUp else { return }
    interfaces[interface].isLinkUp = isUp
    routes.setUsable(isUp, on: interface)
    guard isUp else { return }
    count.drop(.linkDown, count: interfaces[interface].control.count)
    interfaces[interface].control = PacketQueue()
    // Who is on the link now may not be who was, and the ways beyond may be
    // others.
    let waiting = interfaces[interface].neighbours.removeAll()
    count.drop(.neighbourUnreachable, count: waiting)
    pathMTUs.removeAll()
    linkCameUp(on: interface, at: now)
  }

  /// Says what the device does from now on with what is sent, as when it was
  /// started again. What was made for another is completed, or dropped as
  /// ``DropReason/linkChanged`` when ``transmit(on:at:)`` comes to it; a
  /// retransmission is as the device now wants it.
  public mutating func setCapabilities(
    _ capabilities: LinkCapabilities,
    on interface: Int = 0
  ) {
    interfaces[interface].capabilities = capabilities
    tcp.setCapabilities(capabilities, of: interface)
  }

  // MARK: Time

  /// When ``poll(at:)`` next has something to do. A method, as of a property
  /// that looks into a list all of the stack would be copied.
  @_addressableSelf
  public func nextDeadline() -> Instant? {
    var earliest = Instant.earliest(
      tcp.deadline,
      Instant.earliest(loopback.deadline, reassembly.deadline)
    )
    for index in 0..<interfaces.count {
      earliest = Instant.earliest(earliest, interfaces[index].upkeep)
      earliest = Instant.earliest(
        earliest,
        interfaces[index].neighbours.deadline
      )
    }
    return earliest
  }

  /// Does what is due.
  public mutating func poll(at now: Instant) {
    for index in 0..<interfaces.count {
      pollUpkeep(on: index, at: now)
      pollNeighbours(on: index, at: now)
    }
    pollReassembly(at: now)
    pollLoopback(at: now)
    tcp.poll(at: now)
    if tcp.hasPathNews { exchangePathNews(at: now) }
    lookForSuspects(at: now)
  }

  /// Does what is due once in seconds or less: DHCP, whose the address is,
  /// groups.
  private mutating func pollUpkeep(on interface: Int, at now: Instant) {
    guard let upkeep = interfaces[interface].upkeep, upkeep <= now else {
      return
    }
    pollDHCP(on: interface, at: now)
    pollConflict(on: interface, at: now)
    pollGroups(on: interface, at: now)
  }

  // MARK: Events and counters

  /// The next thing that somebody may have been waiting for.
  public mutating func nextEvent() -> StackEvent? {
    for index in 0..<interfaces.count
    where interfaces[index].leaseEvents.isPending {
      if let event = nextLeaseEvent(on: index) { return event }
    }
    if let (socket, changes) = udp.takeChanges() {
      return .datagrams(socket, changes)
    }
    return tcp.nextEvent().map { .tcp($0) }
  }

  private mutating func nextLeaseEvent(on interface: Int) -> StackEvent? {
    let lease = interfaces[interface].lease
    return interfaces[interface].leaseEvents.next(for: lease, on: interface)
  }

  /// What went through so far, and what was dropped.
  public var counters: StackCounters {
    var counters = count
    counters.tcp = tcp.counters
    return counters
  }
}
