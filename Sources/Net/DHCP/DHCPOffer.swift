/// An address that a server has offered.
struct DHCPOffer: Equatable, Sendable {
  var address: IPv4Address
  var server: IPv4Address
  /// For how long; `nil` without end.
  var seconds: UInt32?
}

/// What makes one offer better than another.
struct DHCPPreference: Sendable {
  /// The address that this host had last.
  var address: IPv4Address?
  /// An address that another host has turned out to have.
  var avoidedAddress: IPv4Address?
  /// A server that has offered and not kept its word.
  var avoidedServer: IPv4Address?

  /// Whether `offer` is better than `other`; of two equals, the one that came
  /// first is kept.
  func prefers(_ offer: DHCPOffer, to other: DHCPOffer) -> Bool {
    let (left, right) = (rank(offer), rank(other))
    guard left == right else { return left > right }
    return offer.seconds ?? .max > other.seconds ?? .max
  }

  private func rank(_ offer: DHCPOffer) -> Int {
    if offer.address == avoidedAddress { return 0 }
    if offer.server == avoidedServer { return 1 }
    return offer.address == address ? 3 : 2
  }
}
