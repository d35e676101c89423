/// Asks DHCP servers for an address, and keeps it. RFC 2131 §4.4, figure 5.
///
///     INIT --DISCOVER--> SELECTING --OFFER/REQUEST--> REQUESTING
///       ^                                                 | ACK
///       |                     +------- ACK -------+       v
///       +-- NAK, expiry --- RENEWING, REBINDING <--- T1 BOUND
///       |                                           ^     | link up again
///       +-- NAK, expiry --- REBOOTING -- ACK, silence     |
///                               ^                         v
///                               +------- REQUEST --- INIT-REBOOT
///
/// INIT-REBOOT is no state of its own here: the REQUEST that ends it is sent at
/// once.
///
/// The client makes no packets and reads no clock: ``poll(at:)`` says what to
/// send, ``receive(_:at:)`` is told what came.
struct DHCPClient: Sendable {
  /// RFC 2131 §4.4.
  enum State: Equatable, Sendable {
    case initialise, selecting, requesting, bound, renewing, rebinding
    case rebooting
  }

  /// What ``poll(at:)`` asks the stack to do.
  enum Action: Sendable {
    /// Send the request; its `clientAddress` is the source.
    case send(DHCPRequest, to: IPv4Address)
    /// The lease has ended: give the address up.
    case giveUp
    /// No server has confirmed the lease: go on with it all the same.
    case keepUnconfirmed
  }

  /// What came of a reply.
  enum Outcome: Sendable {
    /// Nothing to do but to poll.
    case none
    /// An address is granted.
    case bound(Lease)
    /// The address stays, the times are new.
    case renewed(Lease)
    /// The address is right on the link that came back; the times are new.
    case confirmed(Lease)
    /// The server refuses. An address that was bound has to be given up.
    case refused
  }

  /// Delays between transmissions in seconds; the last one goes on. RFC 2131
  /// §4.1.
  private static let backoff: InlineArray<5, Int64> = [4, 8, 16, 32, 64]
  /// REQUESTs that an offer is worth; then the client looks for another. RFC
  /// 2131 §3.1.5 suggests four. So many ask about a lease after the link came
  /// back, too: a minute in all.
  private static let requestLimit = 4
  /// The rest after a refusal, so that client and server do not spin.
  private static let restartDelay: Interval = .seconds(1)

  private let hardware: MACAddress
  private let hostName: [UInt8]
  private let maximumSize: UInt16
  private var random: RandomNumbers

  private(set) var state: State = .initialise
  /// The lease while it is held.
  private(set) var lease: Lease?
  private var transaction: UInt32 = 0
  /// When the transaction began.
  private var began: Instant
  /// When its last request was sent.
  private var sent: Instant
  /// How often the request of this state was sent.
  private var transmissions = 0
  /// When it is to be sent again.
  private var nextTransmission: Instant
  /// The address and the server that SELECTING chose.
  private var offered: (address: IPv4Address, server: IPv4Address)

  /// A client that begins at `start` to look for an address.
  ///
  /// RFC 2131 §4.4.1 has clients wait some seconds first, so that many that
  /// start at once do not speak at once; a guest is started to serve, and the
  /// backoff spreads those that meet.
  init(
    hardware: MACAddress,
    hostName: [UInt8],
    maximumSize: UInt16,
    random: RandomNumbers,
    at start: Instant
  ) {
    self.hardware = hardware
    self.hostName = Array(hostName.prefix(DHCPRequest.hostNameLimit))
    self.maximumSize = maximumSize
    self.random = random
    began = start
    sent = start
    nextTransmission = start
    offered = (.any, .any)
  }

  /// When the client next wants to be polled; `nil` with a lease without end.
  var deadline: Instant? {
    switch state {
    case .initialise, .selecting, .requesting: nextTransmission
    case .bound: lease?.renewal ?? lease?.expiry
    case .renewing: earlier(nextTransmission, lease?.rebinding)
    case .rebinding, .rebooting: earlier(nextTransmission, lease?.expiry)
    }
  }

  private func earlier(_ left: Instant, _ right: Instant?) -> Instant {
    right.map { min(left, $0) } ?? left
  }

  /// Moves to the state that the time asks for and says what to do, until
  /// there is nothing more.
  mutating func poll(at now: Instant) -> Action? {
    if let expiry = lease?.expiry, now >= expiry {
      // RFC 2131 §4.4.5: when the lease ends, the client stops at once and
      // begins anew.
      restart(at: now)
      return .giveUp
    }
    switch state {
    case .initialise:
      guard now >= nextTransmission else { return nil }
      begin(.selecting, at: now)
    case .selecting:
      guard now >= nextTransmission else { return nil }
    case .requesting:
      guard now >= nextTransmission else { return nil }
      if transmissions >= Self.requestLimit {
        begin(.selecting, at: now)
      }
    case .bound:
      guard let renewal = lease?.renewal, now >= renewal else { return nil }
      begin(.renewing, at: now)
    case .renewing:
      if let rebinding = lease?.rebinding, now >= rebinding {
        // The transaction goes on: an answer to the renewal is still good.
        state = .rebinding
      } else if now < nextTransmission {
        return nil
      }
    case .rebinding:
      guard now >= nextTransmission else { return nil }
    case .rebooting:
      guard now >= nextTransmission else { return nil }
      if transmissions >= Self.requestLimit {
        // RFC 2131 §3.2.4: nobody has answered, and the lease is good for the
        // rest of its time. Where it stands there, the next turn finds out.
        state = .bound
        return .keepUnconfirmed
      }
    }
    return transmit(at: now)
  }

  /// Asks whether the lease holds where the link leads now, or without one
  /// looks for servers at once. RFC 2131 §3.7 asks for it whenever the network
  /// may be another; a lease without end is no exception.
  mutating func linkCameUp(at now: Instant) {
    if lease == nil {
      restart(at: now)
    } else {
      begin(.rebooting, at: now)
    }
  }

  private mutating func begin(_ state: State, at now: Instant) {
    self.state = state
    transaction = UInt32(truncatingIfNeeded: random.next())
    began = now
    transmissions = 0
    nextTransmission = now
  }

  private mutating func restart(at start: Instant) {
    state = .initialise
    lease = nil
    nextTransmission = start
  }

  // MARK: Sending

  private mutating func transmit(at now: Instant) -> Action {
    var request = DHCPRequest(
      kind: state == .selecting ? .discover : .request,
      transaction: transaction,
      seconds: UInt16(clamping: (now - began).nanoseconds / 1_000_000_000),
      clientAddress: lease?.address ?? .any,
      clientHardware: hardware,
      requestedAddress: nil,
      server: nil,
      maximumSize: maximumSize,
      hostName: hostName
    )
    var destination = IPv4Address.broadcast
    switch state {
    case .requesting:
      // RFC 2131 §4.3.2: the answer to an offer names both, and is broadcast
      // so that the other servers learn that theirs was not taken.
      request.requestedAddress = offered.address
      request.server = offered.server
    case .renewing:
      destination = lease?.server ?? .broadcast
    case .rebooting:
      // RFC 2131 §4.3.2 and §4.4.2: the address as an option and not as the
      // client's, which is what tells a server of the link to check it; no
      // server, for any of them may know.
      request.clientAddress = .any
      request.requestedAddress = lease?.address
    case .initialise, .selecting, .bound, .rebinding:
      break
    }
    sent = now
    nextTransmission = now + delay(at: now)
    transmissions += 1
    return .send(request, to: destination)
  }

  /// How long to wait for an answer.
  private mutating func delay(at now: Instant) -> Interval {
    guard state != .rebooting, let lease, let expiry = lease.expiry else {
      let index = min(transmissions, Self.backoff.count - 1)
      // RFC 2131 §4.1: more or less by up to a second, so that clients which
      // met once do not meet again.
      let jitter = Int64(random.next() % 2_000_000_001) - 1_000_000_000
      return .seconds(Self.backoff[index]) + Interval(nanoseconds: jitter)
    }
    // RFC 2131 §4.4.5: half of the time that the state has left, but no less
    // than a minute. A lease so short that a minute would be its end gets a
    // sixteenth of its time, else one lost packet would cost the address.
    let end = state == .renewing ? lease.rebinding ?? expiry : expiry
    let sixteenth = Interval.seconds(Int64(lease.seconds ?? 0)) / 16
    let shortest = max(min(.seconds(60), sixteenth), .seconds(1))
    return max((end - now) / 2, shortest)
  }

  // MARK: Receiving

  /// Takes a reply, or says why it cannot.
  mutating func receive(
    _ reply: DHCPReply,
    at now: Instant
  ) throws(DropReason) -> Outcome {
    guard state != .initialise, state != .bound else {
      throw DropReason.dhcpUnexpected
    }
    guard reply.transaction == transaction, reply.clientHardware == hardware
    else { throw DropReason.dhcpNotForUs }
    guard let server = reply.server, server.isUnicast else {
      throw DropReason.dhcpServerInvalid
    }
    switch (state, reply.kind) {
    case (.selecting, .offer):
      // A server does not give its own address away.
      guard reply.yourAddress.isUnicast, reply.yourAddress != server else {
        throw DropReason.dhcpLeaseInvalid
      }
      // The first offer is as good as any.
      offered = (reply.yourAddress, server)
      state = .requesting
      transmissions = 0
      nextTransmission = now
      return .none
    case (.requesting, .acknowledge), (.renewing, .acknowledge),
      (.rebinding, .acknowledge), (.rebooting, .acknowledge):
      try checkAnswering(server)
      let asked = state
      let lease = try Lease(
        granting: lease?.address ?? offered.address,
        by: reply,
        from: server,
        askedAt: sent
      )
      self.lease = lease
      state = .bound
      return switch asked {
      case .requesting: .bound(lease)
      case .rebooting: .confirmed(lease)
      default: .renewed(lease)
      }
    case (.requesting, .refuse), (.renewing, .refuse), (.rebinding, .refuse),
      (.rebooting, .refuse):
      try checkAnswering(server)
      // RFC 2131 §3.1.5 and §4.4.5: begin anew.
      restart(at: now + Self.restartDelay)
      return .refused
    default:
      throw DropReason.dhcpUnexpected
    }
  }

  /// Whether the server is the one that was asked; in REBINDING and REBOOTING,
  /// all were.
  private func checkAnswering(_ server: IPv4Address) throws(DropReason) {
    let asked = state == .requesting ? offered.server : lease?.server
    guard state == .rebinding || state == .rebooting || server == asked else {
      throw DropReason.dhcpServerInvalid
    }
  }
}
