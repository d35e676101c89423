import Packets

/// A host of the link, as the ``NeighbourCache`` knows it.
struct Neighbour: ~Copyable {
  /// How much is known.
  enum State: Equatable, Sendable {
    /// Asked for, not answered yet: there is no hardware address.
    case incomplete
    /// It has answered, and is believed until then; later, it is believed
    /// still, but its next use begins to probe it.
    case reachable(until: Instant)
    /// Used, and asked at its old address whether it is still there.
    case probing
  }

  let address: IPv4Address
  /// Meaningless while incomplete.
  var hardware: MACAddress
  var state: State
  /// Requests since it was last known to be there.
  var requests = 0
  /// When the next request, or the end of waiting, is due.
  var due: Instant
  /// When it was last asked for.
  var lastUse: Instant
  /// The newest packet that waits for its address. RFC 1122 §2.3.2.2.
  var parked: PacketBuffer?

  /// A neighbour that has to be asked for at once.
  init(_ address: IPv4Address, at now: Instant) {
    self.address = address
    hardware = .broadcast
    state = .incomplete
    due = now
    lastUse = now
    parked = nil
  }

  /// Whether requests to it are under way.
  var isWaiting: Bool {
    switch state {
    case .incomplete, .probing: true
    case .reachable: false
    }
  }
}
