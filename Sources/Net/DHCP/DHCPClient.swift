/// Asks DHCP servers for an address, and keeps it. RFC 2131 §4.4, figure 5.
///
///     INIT --DISCOVER--> SELECTING --OFFER/REQUEST--> REQUESTING
///     ^ ^                                                 | ACK
///     | |  +--- taken: DECLINE, 10 s of rest --------- CHECKING <------+
///     | +--+                                              | free       |
///     |                     +------- ACK -------+         v            |
///     +-- NAK, expiry --- RENEWING, REBINDING <--- T1 --- BOUND        |
///     |                                           ^       | link up    |
///     |                                           |       v            |
///     +-- NAK, expiry --- REBOOTING -- ACK, silence --- REQUEST        |
///     |                                                                |
///     +-- NAK, silence -- REBOOTING at the start, with an address -ACK-+
///
/// INIT-REBOOT is no state of its own here: the REQUEST that ends it is sent at
/// once. CHECKING is where RFC 2131 §3.1.5 has the client look whether another
/// host has the address (RFC 5227); who looks tells ``addressIsFree(_:)`` or
/// ``addressIsTaken(_:at:)``.
///
/// The client makes no packets and reads no clock: ``poll(at:)`` says what to
/// send, ``receive(_:at:)`` is told what came.
struct DHCPClient: Sendable {
  /// RFC 2131 §4.4.
  enum State: Equatable, Sendable {
    case initialise, selecting, requesting, checking, bound, renewing
    case rebinding, rebooting
    /// The lease was given back: the machine ends.
    case released
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
    /// An address is granted: look whether another host has it.
    case check(Lease)
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
  /// REQUESTs about an address that is only remembered: a server that knows
  /// nothing of it must stay silent (RFC 2131 §4.3.2), and another is to be
  /// had in no time.
  private static let rememberedLimit = 2
  /// The rest after a refusal, so that client and server do not spin.
  private static let refusalRest: Interval = .seconds(1)
  /// The rest after a DECLINE. RFC 2131 §3.1.5.
  private static let declineRest: Interval = .seconds(10)
  /// How long to wait for more offers once the first choice was a bad one. The
  /// first time none is waited for: who boots in milliseconds does not want to
  /// wait a second for an address that is no better.
  private static let selectionTime: Interval = .seconds(1)

  private let hardware: MACAddress
  private let identifier: ClientIdentifier
  private let hostName: [UInt8]
  private let mtu: Int
  private var random: RandomNumbers

  private(set) var state: State = .initialise
  /// The lease while it is held.
  private(set) var lease: Lease?
  /// What is granted but not yet checked.
  private var candidate: Lease?
  private var transaction: UInt32 = 0
  /// When the transaction began.
  private var began: Instant
  /// When its last request was sent.
  private var sent: Instant
  /// How often the request of this state was sent.
  private var transmissions = 0
  /// When it is to be sent again.
  private var nextTransmission: Instant
  /// The offer that REQUESTING asks for, or the best so far in SELECTING.
  private var offer: DHCPOffer?
  /// When SELECTING waits no longer for a better one.
  private var selectionEnd: Instant?
  /// Whether SELECTING is to wait.
  private var isChoosy = false
  private var preference = DHCPPreference()
  /// The address to decline, its server, and since when.
  private var declined: (lease: Lease, at: Instant)?

  /// A client that begins at `start` to look for an address.
  ///
  /// RFC 2131 §4.4.1 has clients wait some seconds first, so that many that
  /// start at once do not speak at once; a guest is started to serve, and the
  /// backoff spreads those that meet.
  ///
  /// - Parameters:
  ///   - mtu: the largest IP datagram of the device in bytes.
  ///   - remembered: the address that the host had before, if it knows; it is
  ///     asked for first (INIT-REBOOT).
  init(
    hardware: MACAddress,
    identifier: ClientIdentifier,
    hostName: [UInt8],
    mtu: Int,
    remembered: IPv4Address? = nil,
    random: RandomNumbers,
    at start: Instant
  ) {
    self.hardware = hardware
    self.identifier = identifier
    self.hostName = Array(hostName.prefix(DHCPRequest.hostNameLimit))
    self.mtu = mtu
    self.random = random
    began = start
    sent = start
    nextTransmission = start
    preference.address = remembered
    if remembered != nil { begin(.rebooting, at: start) }
  }

  // MARK: Time

  /// When the client next wants to be polled; `nil` with a lease without end.
  var deadline: Instant? {
    if let declined { return declined.at }
    return switch state {
    case .initialise, .requesting: nextTransmission
    case .selecting: earlier(nextTransmission, selectionEnd)
    case .bound: lease?.renewal ?? lease?.expiry
    case .renewing: earlier(nextTransmission, lease?.rebinding)
    case .rebinding, .rebooting: earlier(nextTransmission, lease?.expiry)
    case .checking, .released: nil
    }
  }

  private func earlier(_ left: Instant, _ right: Instant?) -> Instant {
    right.map { min(left, $0) } ?? left
  }

  /// Moves to the state that the time asks for and says what to do, until
  /// there is nothing more.
  mutating func poll(at now: Instant) -> Action? {
    if let declined {
      self.declined = nil
      return .send(decline(declined.lease), to: .broadcast)
    }
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
      if let selectionEnd, now >= selectionEnd {
        choose(at: now)
      } else if now < nextTransmission {
        return nil
      }
    case .requesting:
      guard now >= nextTransmission else { return nil }
      if transmissions >= Self.requestLimit {
        avoidServer()
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
      if lease == nil, transmissions >= Self.rememberedLimit {
        // Silence is no refusal (RFC 2131 §3.2.4), but without the lease's end
        // nobody may go on with the address: it is asked for as any other.
        begin(.selecting, at: now)
      } else if transmissions >= Self.requestLimit {
        // RFC 2131 §3.2.4: nobody has answered, and the lease is good for the
        // rest of its time. Where it stands there, the next turn finds out.
        state = .bound
        return .keepUnconfirmed
      }
    case .checking, .released:
      return nil
    }
    return transmit(at: now)
  }

  /// Asks whether the lease holds where the link leads now, or without one
  /// looks for servers at once. RFC 2131 §3.7 asks for it whenever the network
  /// may be another; a lease without end is no exception.
  mutating func linkCameUp(at now: Instant) {
    switch state {
    case .released: return
    case .rebooting where lease == nil: begin(.rebooting, at: now)
    default:
      if lease == nil {
        restart(at: now)
      } else {
        begin(.rebooting, at: now)
      }
    }
  }

  private mutating func begin(_ state: State, at now: Instant) {
    self.state = state
    transaction = UInt32(truncatingIfNeeded: random.next())
    began = now
    transmissions = 0
    nextTransmission = now
    offer = nil
    selectionEnd = nil
  }

  private mutating func restart(at start: Instant) {
    // RFC 2131 §4.4.1: the last address may be suggested.
    if let lease { preference.address = lease.address }
    state = .initialise
    lease = nil
    candidate = nil
    nextTransmission = start
  }

  // MARK: The choice

  private mutating func choose(at now: Instant) {
    state = .requesting
    transmissions = 0
    nextTransmission = now
    selectionEnd = nil
  }

  private mutating func consider(_ new: DHCPOffer, at now: Instant) {
    if offer.map({ preference.prefers(new, to: $0) }) ?? true { offer = new }
    if isChoosy {
      selectionEnd = selectionEnd ?? now + Self.selectionTime
    } else {
      choose(at: now)
    }
  }

  private mutating func avoidServer() {
    isChoosy = true
    preference.avoidedServer = offer?.server
  }

  // MARK: Whose the address is

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

  /// Gives the lease back, because the machine ends: the message to send, and
  /// to whom. From then on the client is silent, and the address not ours.
  mutating func release() -> (DHCPRequest, to: IPv4Address)? {
    defer {
      state = .released
      lease = nil
      candidate = nil
      declined = nil
    }
    guard let lease, let server = lease.server else { return nil }
    transaction = UInt32(truncatingIfNeeded: random.next())
    var request = request(.release)
    request.clientAddress = lease.address
    request.server = server
    return (request, server)
  }

  // MARK: Sending

  private func request(_ kind: DHCPMessage.Kind) -> DHCPRequest {
    DHCPRequest(
      kind: kind,
      transaction: transaction,
      seconds: 0,
      clientAddress: .any,
      clientHardware: hardware,
      clientIdentifier: identifier,
      requestedAddress: nil,
      server: nil,
      maximumSize: UInt16(clamping: mtu),
      hostName: hostName
    )
  }

  private mutating func decline(_ lease: Lease) -> DHCPRequest {
    transaction = UInt32(truncatingIfNeeded: random.next())
    var request = request(.decline)
    request.requestedAddress = lease.address
    request.server = lease.server
    return request
  }

  private mutating func transmit(at now: Instant) -> Action {
    var request = request(state == .selecting ? .discover : .request)
    request.seconds = UInt16(
      clamping: (now - began).nanoseconds / 1_000_000_000
    )
    request.clientAddress = lease?.address ?? .any
    var destination = IPv4Address.broadcast
    switch state {
    case .selecting:
      request.requestedAddress = preference.address
    case .requesting:
      // RFC 2131 §4.3.2: the answer to an offer names both, and is broadcast
      // so that the other servers learn that theirs was not taken.
      request.requestedAddress = offer?.address
      request.server = offer?.server
    case .renewing:
      destination = lease?.server ?? .broadcast
    case .rebooting:
      // RFC 2131 §4.3.2 and §4.4.2: the address as an option and not as the
      // client's, which is what tells a server of the link to check it; no
      // server, for any of them may know.
      request.clientAddress = .any
      request.requestedAddress = lease?.address ?? preference.address
    case .initialise, .checking, .bound, .rebinding, .released:
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
    switch state {
    case .initialise, .checking, .bound, .released:
      throw DropReason.dhcpUnexpected
    case .selecting, .requesting, .renewing, .rebinding, .rebooting:
      break
    }
    guard reply.transaction == transaction, reply.clientHardware == hardware
    else { throw DropReason.dhcpNotForUs }
    // RFC 6842 §3: a server that echoes another identifier answers another.
    guard reply.clientIdentifier.map({ $0 == identifier.bytes }) ?? true else {
      throw DropReason.dhcpNotForUs
    }
    guard let server = reply.server, server.isUnicast else {
      throw DropReason.dhcpServerInvalid
    }
    switch (state, reply.kind) {
    case (.selecting, .offer):
      // A server does not give its own address away.
      guard reply.yourAddress.isUnicast, reply.yourAddress != server else {
        throw DropReason.dhcpLeaseInvalid
      }
      // What could not be used if it were granted is not asked for.
      let offered = try lease(of: reply.yourAddress, reply, server)
      consider(
        DHCPOffer(
          address: offered.address,
          server: server,
          seconds: offered.seconds
        ),
        at: now
      )
      return .none
    case (.requesting, .acknowledge), (.renewing, .acknowledge),
      (.rebinding, .acknowledge), (.rebooting, .acknowledge):
      try checkAnswering(server)
      return try grant(reply, server)
    case (.requesting, .refuse), (.renewing, .refuse), (.rebinding, .refuse),
      (.rebooting, .refuse):
      try checkAnswering(server)
      if state == .requesting { avoidServer() }
      // RFC 2131 §3.1.5 and §4.4.5: begin anew, and with another address.
      restart(at: now + Self.refusalRest)
      preference.address = nil
      return .refused
    default:
      throw DropReason.dhcpUnexpected
    }
  }

  private func lease(
    of address: IPv4Address,
    _ reply: DHCPReply,
    _ server: IPv4Address
  ) throws(DropReason) -> Lease {
    try Lease(
      granting: address,
      by: reply,
      from: server,
      mtu: mtu,
      askedAt: sent
    )
  }

  private mutating func grant(
    _ reply: DHCPReply,
    _ server: IPv4Address
  ) throws(DropReason) -> Outcome {
    let asked = lease?.address ?? offer?.address ?? preference.address ?? .any
    let granted = try lease(of: asked, reply, server)
    guard lease != nil else {
      candidate = granted
      state = .checking
      return .check(granted)
    }
    let wasRebooting = state == .rebooting
    lease = granted
    state = .bound
    return wasRebooting ? .confirmed(granted) : .renewed(granted)
  }

  /// Whether the server is the one that was asked; in REBINDING and REBOOTING,
  /// all were.
  private func checkAnswering(_ server: IPv4Address) throws(DropReason) {
    let asked = state == .requesting ? offer?.server : lease?.server
    guard state == .rebinding || state == .rebooting || server == asked else {
      throw DropReason.dhcpServerInvalid
    }
  }
}
