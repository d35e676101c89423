import Packets

/// One link of a stack, and what belongs to it alone: the hardware address, the
/// lease and who looks after it, the neighbours, the groups, and what the stack
/// itself has to say there.
///
/// What is of the whole host (sockets, connections, the table of routes,
/// counters) is in ``Stack``, whose methods do the work: an interface makes no
/// packets.
struct Interface: ~Copyable {
  let macAddress: MACAddress
  /// What the device takes; the lease may allow less.
  let mtu: Int
  /// The largest datagram of the link.
  private(set) var linkMTU: Int
  /// What the device does with what is sent.
  var capabilities: LinkCapabilities
  /// Whether the link carries frames.
  var isLinkUp = true { didSet { planUpkeep() } }

  var neighbours: NeighbourCache
  /// Whether another host has our address.
  var conflict: AddressConflict { didSet { planUpkeep() } }
  /// The address that was set, if one was.
  let fixedLease: Lease?
  /// When to look again whether the address that was set is free.
  var nextCheck: Instant? { didSet { planUpkeep() } }
  /// `nil` when the address was set.
  var dhcp: DHCPClient? { didSet { planUpkeep() } }

  /// The address that is bound, and what came with it.
  var lease: Lease? {
    didSet {
      route = lease.map { Route($0) }
      linkMTU = min(lease?.mtu ?? mtu, mtu)
      planUpkeep()
    }
  }
  /// What of the lease every packet needs.
  private(set) var route: Route?
  /// The groups that this host listens to.
  var groups: MulticastGroups { didSet { planUpkeep() } }
  /// When something of DHCP, the address or groups is due: see
  /// ``planUpkeep()``.
  private(set) var upkeep: Instant?
  /// What to tell about the address; each is told once.
  var leaseEvents = LeaseEvents()
  /// Frames of the stack itself, ready for the device.
  var control = PacketQueue()

  /// The interface that is the one after `number` others of its machine.
  ///
  /// - Precondition: A fixed address is one that a host can have.
  init(
    _ configuration: InterfaceConfiguration,
    number: Int,
    machine: MACAddress,
    hostName: [UInt8],
    limits: Limits,
    seeds: inout RandomNumbers,
    at start: Instant
  ) {
    macAddress = configuration.macAddress
    mtu = configuration.mtu
    linkMTU = mtu
    capabilities = configuration.capabilities
    let dhcpSeed = SipHash.Key(seeds.next(), seeds.next())
    neighbours = NeighbourCache(limits: limits, random: seeds.next())
    conflict = AddressConflict(
      timing: limits.conflict,
      random: RandomNumbers(seed: SipHash.Key(seeds.next(), seeds.next()))
    )
    groups = MulticastGroups(
      limit: limits.groups,
      random: RandomNumbers(seed: SipHash.Key(seeds.next(), seeds.next()))
    )
    switch configuration.addressing {
    case .dhcp:
      fixedLease = nil
      dhcp = DHCPClient(
        hardware: macAddress,
        // RFC 4361 §6.1: the machine's name is the same on all of them.
        identifier: ClientIdentifier(
          machine: machine,
          interface: UInt32(number) + 1
        ),
        hostName: hostName,
        mtu: mtu,
        remembered: configuration.rememberedAddress,
        random: RandomNumbers(seed: dhcpSeed),
        at: start
      )
    case .fixed(let lease):
      precondition(lease.isUsable)
      fixedLease = lease
    }
    planUpkeep()
  }

  // MARK: What is due

  /// Finds out when something of it is next due that is due once in seconds or
  /// less: DHCP, whose the address is, groups. One stored deadline stands for
  /// them all, so that a packet pays for one look at it; it follows every change
  /// of what it is made of.
  private mutating func planUpkeep() {
    let groups = isLinkUp && route != nil ? groups.deadline : nil
    let address = Instant.earliest(dhcp?.deadline, conflictDeadline)
    upkeep = Instant.earliest(address, groups)
  }

  /// When something of whose the address is, is due. While the link is down
  /// nothing can be learnt, and the check begins anew when it is up.
  private var conflictDeadline: Instant? {
    @_addressableSelf
    get { isLinkUp ? conflict.deadline ?? nextCheck : nil }
  }
}
