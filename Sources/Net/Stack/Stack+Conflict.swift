/// Whether the address is ours alone. RFC 5227.
extension Stack {
  /// Looks whether another host has `address`; nobody: it is bound.
  mutating func check(_ address: IPv4Address, at now: Instant) {
    nextCheck = nil
    conflict.begin(address, at: now)
    pollConflict(at: now)
  }

  /// Announces the address that is bound.
  mutating func confirmAddress(at now: Instant) {
    guard let route else { return }
    conflict.hold(route.address, at: now)
    pollConflict(at: now)
  }

  /// When ``pollConflict(at:)`` has something to do. While the link is down
  /// nothing can be learnt, and the check begins anew when it is up.
  var conflictDeadline: Instant? {
    isLinkUp ? conflict.deadline ?? nextCheck : nil
  }

  /// Sends probes and announcements, and binds what nobody else has.
  mutating func pollConflict(at now: Instant) {
    guard isLinkUp else { return }
    if let nextCheck, let fixedLease, now >= nextCheck {
      return check(fixedLease.address, at: now)
    }
    while let action = conflict.poll(at: now) {
      switch action {
      case .probe(let address): sendARPProbe(for: address)
      case .announce: announce()
      case .free(let address): addressIsFree(address, at: now)
      }
    }
  }

  private mutating func addressIsFree(
    _ address: IPv4Address,
    at now: Instant
  ) {
    if let lease = fixedLease ?? dhcp?.addressIsFree(address) {
      bind(lease, at: now)
    }
  }

  /// Looks at a packet that shows, or wants, another host with `address`.
  ///
  /// - Throws: When it is ours: the packet is no other host's then.
  mutating func checkConflict(
    of address: IPv4Address,
    isProbe: Bool,
    at now: Instant
  ) throws(DropReason) {
    switch conflict.conflict(of: address, isProbe: isProbe, at: now) {
    case .none:
      return
    case .taken, .lost:
      addressIsTaken(address, at: now)
    case .defend:
      count.addressDefences &+= 1
      announce()
    }
    throw DropReason.arpConflict
  }

  private mutating func addressIsTaken(
    _ address: IPv4Address,
    at now: Instant
  ) {
    leaseEvents.noteTaken(address)
    loseAddress(at: now)
    guard dhcp != nil else {
      // RFC 5227 §2.1.1: no more than once a minute from now on.
      nextCheck = now + conflictRetry
      return
    }
    _ = dhcp?.addressIsTaken(address, at: now)
    pollDHCP(at: now)
  }
}
