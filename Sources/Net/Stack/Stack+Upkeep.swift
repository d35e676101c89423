/// What is due once in seconds or less: DHCP, whose the address is, groups. One
/// stored deadline stands for them all, so that a packet pays for one look at
/// it; it follows every change of what it is made of.
extension Stack {
  /// Finds out when something of it is next due.
  mutating func planUpkeep() {
    let groups = isLinkUp && route != nil ? groups.deadline : nil
    let address = Self.earliest(dhcp?.deadline, conflictDeadline)
    upkeep = Self.earliest(address, groups)
  }

  /// Does what is due of it.
  mutating func pollUpkeep(at now: Instant) {
    guard let upkeep, upkeep <= now else { return }
    pollDHCP(at: now)
    pollConflict(at: now)
    pollGroups(at: now)
  }

  /// The earlier of two times, where there may be none.
  @inline(__always)
  static func earliest(_ left: Instant?, _ right: Instant?) -> Instant? {
    guard let left, let right else { return left ?? right }
    return min(left, right)
  }
}
