/// What of a lease every packet needs: a few words without a reference, so that
/// nothing is counted when they are read.
struct Route: Equatable, Sendable {
  /// Whom a frame is for.
  enum NextHop: Equatable, Sendable {
    /// Every host of the link.
    case broadcast
    /// The host of the link with this address.
    case neighbour(IPv4Address)
  }

  /// The host's address.
  let address: IPv4Address
  private let mask: UInt32
  private let directedBroadcast: IPv4Address?
  private let gateway: IPv4Address?

  /// The route of a host with this lease.
  init(_ lease: Lease) {
    address = lease.address
    mask = lease.subnetMask.bits
    directedBroadcast = lease.directedBroadcast
    gateway = lease.gateway
  }

  /// Whether `address` reaches every host of the link.
  func isBroadcast(_ address: IPv4Address) -> Bool {
    address == .broadcast || address == directedBroadcast
  }

  /// Where a datagram to `destination` goes on this link, or `nil` when there
  /// is no way. RFC 1122 §3.3.1.1.
  ///
  /// The gateway is asked for on the link even when its address has another
  /// prefix: hosts with a prefix of 32 bits are given one like that.
  func nextHop(to destination: IPv4Address) -> NextHop? {
    if isBroadcast(destination) { return .broadcast }
    // The host does not talk to itself over the wire.
    guard destination.isUnicast, destination != address else { return nil }
    if (destination.bits ^ address.bits) & mask == 0 {
      return .neighbour(destination)
    }
    return gateway.map { .neighbour($0) }
  }
}
