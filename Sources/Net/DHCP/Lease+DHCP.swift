extension Lease {
  /// The lease that a server has granted in `reply`, or why it is of no use.
  ///
  /// - Parameters:
  ///   - requested: the address that was asked for.
  ///   - sent: when it was; the lease counts from there and not from the
  ///     answer. RFC 2131 §4.4.5.
  init(
    granting requested: IPv4Address,
    by reply: DHCPReply,
    from server: IPv4Address,
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
    if let router = reply.router, router.isUnicast, router != address {
      gateway = router
    }
    nameServers = reply.nameServers.filter { $0.isUnicast }
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
