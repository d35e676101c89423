/// Whose the address is that a server has granted. RFC 2131 §3.1.5.
extension DHCPClient {
  /// Conflicts until the client takes its time with the next address, how long
  /// that is, and how long an address is held until they are forgotten. RFC 5227
  /// §1.1 (MAX_CONFLICTS, RATE_LIMIT_INTERVAL); the last is as long as that many
  /// addresses take then.
  private static let conflictLimit = 10
  private static let conflictRest: Interval = .seconds(60)
  private static let conflictMemory: Interval = .seconds(600)

  /// Nobody else has the address that is being checked: it is bound from here
  /// on. `nil` when it is not the one that is waited for.
  mutating func addressIsFree(_ address: IPv4Address) -> Lease? {
    guard state == .checking, let lease = candidate, lease.address == address
    else { return nil }
    candidate = nil
    self.lease = lease
    state = .bound
    isChoosy = false
    preference = DHCPPreference(address: address)
    return lease
  }

  /// Another host has the address, whether that came out when it was checked or
  /// later: the server is told, and another looked for after a rest. RFC 2131
  /// §3.1.5, RFC 5227 §2.4.
  ///
  /// RFC 5227 §2.1.1: from the tenth such address on there is no more than one a
  /// minute, or a host that claims all of them, and a server that gives them
  /// out, would have this one fill the link with probes.
  ///
  /// - Returns: Whether the address was bound, and has to be given up.
  mutating func addressIsTaken(_ address: IPv4Address, at now: Instant) -> Bool
  {
    guard let held = candidate ?? lease, held.address == address,
      state != .released
    else { return false }
    let wasBound = lease != nil
    if wasBound, now - heldSince >= Self.conflictMemory { conflicts = 0 }
    conflicts += 1
    let isMany = conflicts >= Self.conflictLimit
    restart(at: now + (isMany ? Self.conflictRest : Self.declineRest))
    declined = (held, now)
    isChoosy = true
    preference = DHCPPreference(avoidedAddress: address)
    return wasBound
  }
}
