import BasicContainers

/// Whether the address is ours alone. RFC 5227.
extension Stack {
  /// Looks whether another host has `address`; nobody: it is bound.
  mutating func check(
    _ address: IPv4Address,
    on interface: Int,
    at now: Instant
  ) {
    interfaces[interface].nextCheck = nil
    interfaces[interface].conflict.begin(address, at: now)
    pollConflict(on: interface, at: now)
  }

  /// Announces the address that is bound.
  mutating func confirmAddress(on interface: Int, at now: Instant) {
    guard let route = interfaces[interface].route else { return }
    interfaces[interface].conflict.hold(route.address, at: now)
    pollConflict(on: interface, at: now)
  }

  /// Sends probes and announcements, and binds what nobody else has.
  mutating func pollConflict(on interface: Int, at now: Instant) {
    guard interfaces[interface].isLinkUp else { return }
    if let nextCheck = interfaces[interface].nextCheck, now >= nextCheck,
      let fixedLease = interfaces[interface].fixedLease
    {
      return check(fixedLease.address, on: interface, at: now)
    }
    while let action = interfaces[interface].conflict.poll(at: now) {
      switch action {
      case .probe(let address): sendARPProbe(for: address, on: interface)
      case .announce: announce(on: interface)
      case .free(let address): addressIsFree(address, on: interface, at: now)
      }
    }
  }

  private mutating func addressIsFree(
    _ address: IPv4Address,
    on interface: Int,
    at now: Instant
  ) {
    if let lease = interfaces[interface].fixedLease
      ?? interfaces[interface].dhcp?.addressIsFree(address)
    {
      bind(lease, on: interface, at: now)
    }
  }

  /// Looks at a packet that shows, or wants, another host with `address`.
  ///
  /// - Throws: When it is ours: the packet is no other host's then.
  mutating func checkConflict(
    of address: IPv4Address,
    isProbe: Bool,
    on interface: Int,
    at now: Instant
  ) throws(DropReason) {
    let verdict = interfaces[interface].conflict
      .conflict(of: address, isProbe: isProbe, at: now)
    switch verdict {
    case .none:
      return
    case .taken, .lost:
      addressIsTaken(address, on: interface, at: now)
    case .defend:
      count.addressDefences &+= 1
      announce(on: interface)
    }
    throw DropReason.arpConflict
  }

  private mutating func addressIsTaken(
    _ address: IPv4Address,
    on interface: Int,
    at now: Instant
  ) {
    interfaces[interface].leaseEvents.noteTaken(address)
    loseAddress(on: interface, at: now)
    guard interfaces[interface].dhcp != nil else {
      // RFC 5227 §2.1.1: no more than once a minute from now on.
      interfaces[interface].nextCheck = now + limits.conflict.retryInterval
      return
    }
    _ = interfaces[interface].dhcp?.addressIsTaken(address, at: now)
    pollDHCP(on: interface, at: now)
  }
}
