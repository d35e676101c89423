/// Whose the address is that a server has granted. RFC 2131 §3.1.5.
extension DHCPClient {
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
  /// - Returns: Whether the address was bound, and has to be given up.
  mutating func addressIsTaken(_ address: IPv4Address, at now: Instant) -> Bool
  {
    guard let held = candidate ?? lease, held.address == address,
      state != .released
    else { return false }
    let wasBound = lease != nil
    restart(at: now + Self.declineRest)
    declined = (held, now)
    isChoosy = true
    preference = DHCPPreference(avoidedAddress: address)
    return wasBound
  }
}
