/// What of a lease every packet needs: a few words without a reference, so that
/// nothing is counted when they are read.
struct Route: Equatable, Sendable {
  /// Whom a datagram is given to.
  enum NextHop: Equatable, Sendable {
    /// Every host of the link.
    case broadcast
    /// The host of the link with this address.
    case neighbour(IPv4Address)
    /// The hosts of the link that have joined this group.
    case group(IPv4Address)
    /// This host.
    case loopback
  }

  /// The host's address.
  let address: IPv4Address
  private let directedBroadcast: IPv4Address?

  /// The route of a host with this lease.
  init(_ lease: Lease) {
    address = lease.address
    directedBroadcast = lease.directedBroadcast
  }

  /// Whether `address` reaches every host of the link.
  func isBroadcast(_ address: IPv4Address) -> Bool {
    address == .broadcast || address == directedBroadcast
  }
}
