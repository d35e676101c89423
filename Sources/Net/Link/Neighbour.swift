import Packets

/// A host of the link, as the ``NeighbourCache`` knows it.
struct Neighbour: ~Copyable {
  /// How much is known. RFC 4861 §7.3.2.
  enum State: Equatable, Sendable {
    /// Asked for, not answered yet: there is no hardware address.
    case incomplete
    /// It has shown that what we send arrives, and is believed until then.
    case reachable(until: Instant)
    /// Whether it is still there is not known, and nobody wants to know.
    case stale
    /// Used while stale: what goes there may yet show that it arrives.
    case delay
    /// Asked whether it is still there.
    case probe
  }

  let address: IPv4Address
  /// Meaningless while incomplete.
  var hardware: MACAddress
  var state: State
  /// When its entry was made; of one that had only asked for us, when it was
  /// used first.
  var begin: Instant
  /// Requests since it was last known to be there.
  var requests = 0
  /// A request was sent since it was last known to be there: what comes may be
  /// the answer.
  var isAwaited = false
  /// When the next request, or the end of waiting, is due.
  var due: Instant
  /// When it was last asked since the entry was made, so that claims of others
  /// cannot make us ask more than once a second. RFC 1122 §2.3.2.1. What was
  /// asked before, ``RequestLog`` knows.
  var lastRequest: Instant?
  /// When it was last asked for.
  var lastUse: Instant
  /// It has only asked for us, and never answered.
  var isUnverified = false
  /// Another hardware address was claimed for it: who has it is asked alone
  /// first, and then everybody.
  var isDisputed = false
  /// Everybody was asked: the first answer counts, wherever it is from.
  var isOpen = false
  /// The packets that wait for its address. RFC 1122 §2.3.2.2, RFC 4861 §7.2.2.
  var parked = PacketQueue()
  /// How many datagrams those are: the parts of one are one.
  var parkedDatagrams = 0
  /// What waited was dropped, and perhaps was not all of its datagram: parts
  /// that follow are, too.
  var refusesParts = false

  /// A neighbour that has to be asked for at once.
  init(_ address: IPv4Address, at now: Instant) {
    self.address = address
    begin = now
    hardware = .broadcast
    state = .incomplete
    due = now
    lastUse = now
  }

  /// Whether something is due for it at some time.
  var isWaiting: Bool {
    switch state {
    case .incomplete, .delay, .probe: true
    case .reachable, .stale: false
    }
  }

  /// Whether it is asked, or about to be.
  var isAsked: Bool { state == .incomplete || state == .probe }

  /// Whether it is asked for the first time: there may be no such host.
  var isAwaitedFirst: Bool {
    state == .incomplete || isUnverified && state != .stale
  }
}
