extension Lease {
  /// The lease that a server has granted in `reply`, or why it is of no use.
  ///
  /// - Parameters:
  ///   - requested: the address that was asked for.
  ///   - mtu: the largest IP datagram of the device in bytes.
  ///   - sent: when it was; the lease counts from there and not from the
  ///     answer. RFC 2131 §4.4.5.
  init(
    granting requested: IPv4Address,
    by reply: DHCPReply,
    from server: IPv4Address,
    mtu: Int,
    askedAt sent: Instant
  ) throws(DropReason) {
    let mask = reply.subnetMask ?? Self.classMask(of: reply.yourAddress)
    self.init(
      address: reply.yourAddress,
      prefixLength: (~mask.bits).leadingZeroBitCount
    )
    // A mask has no ones behind its first zero.
    guard address == requested, subnetMask == mask, isUsable,
      let seconds = reply.leaseSeconds, seconds > 0
    else { throw DropReason.dhcpLeaseInvalid }
    self.server = server
    setRoutes(reply)
    nameServers = reply.nameServers.filter { $0.isUnicast }
    timeServers = reply.timeServers.filter { $0.isUnicast }
    searchList = reply.searchList
    if let offered = reply.interfaceMTU {
      self.mtu = min(max(offered, Self.smallestMTU), mtu)
    }
    // RFC 2131 §3.3: without end, there is nothing to renew.
    guard seconds != DHCPMessage.infinity else { return }
    self.seconds = seconds
    setTimes(
      length: .seconds(Int64(seconds)),
      renewal: reply.renewalSeconds.map { .seconds(Int64($0)) },
      rebinding: reply.rebindingSeconds.map { .seconds(Int64($0)) },
      from: sent
    )
  }

  /// What every host takes. RFC 1122 §3.3.2. A smaller one would serve nobody
  /// but who wants this host to send ten times the packets.
  static var smallestMTU: Int { 576 }

  /// Who names classless routes is not heard on the router beside them. RFC
  /// 3442, "DHCP Client Behavior".
  private mutating func setRoutes(_ reply: DHCPReply) {
    var ways = reply.routes ?? []
    if reply.routes == nil, let router = reply.router, router.isUnicast {
      ways = [ClasslessRoute(.any, prefixLength: 0, gateway: router)]
    }
    for way in ways where way.gateway != address {
      if way.prefixLength == 0, let router = way.gateway {
        gateway = gateway ?? router
      } else {
        routes.append(way)
      }
    }
  }

  private mutating func setTimes(
    length: Interval,
    renewal: Interval?,
    rebinding: Interval?,
    from sent: Instant
  ) {
    let defaults = (first: length / 2, second: length / 8 * 7)
    var first = renewal ?? defaults.first
    var second = rebinding ?? defaults.second
    // RFC 2131 §4.4.5: 0 < T1 < T2 < the end; times that break this are as
    // good as none.
    if first <= .zero || first >= second || second >= length {
      (first, second) = defaults
    }
    self.renewal = sent + first
    self.rebinding = sent + second
    expiry = sent + length
  }

  /// The mask that the address had before there were masks. RFC 791 §3.2.
  private static func classMask(of address: IPv4Address) -> IPv4Address {
    switch address.bits >> 30 {
    case 0, 1: IPv4Address(255, 0, 0, 0)
    case 2: IPv4Address(255, 255, 0, 0)
    default: IPv4Address(255, 255, 255, 0)
    }
  }
}
