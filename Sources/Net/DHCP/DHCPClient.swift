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
/// What it sends is in `DHCPClient+Sending`, what it takes of servers in
/// `DHCPClient+Receiving`, and whose an address is in `DHCPClient+Address`.
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
  static let backoff: InlineArray<5, Int64> = [4, 8, 16, 32, 64]
  /// REQUESTs that an offer is worth; then the client looks for another. RFC
  /// 2131 §3.1.5 suggests four. So many ask about a lease after the link came
  /// back, too: a minute in all.
  private static let requestLimit = 4
  /// REQUESTs about an address that is only remembered: a server that knows
  /// nothing of it must stay silent (RFC 2131 §4.3.2), and another is to be
  /// had in no time.
  private static let rememberedLimit = 2
  /// The rest after a refusal, so that client and server do not spin.
  static let refusalRest: Interval = .seconds(1)
  /// The rest after a DECLINE. RFC 2131 §3.1.5.
  static let declineRest: Interval = .seconds(10)
  /// How long to wait for more offers once the first choice was a bad one. The
  /// first time none is waited for: who boots in milliseconds does not want to
  /// wait a second for an address that is no better.
  static let selectionTime: Interval = .seconds(1)

  let hardware: MACAddress
  let identifier: ClientIdentifier
  let hostName: [UInt8]
  let mtu: Int
  var random: RandomNumbers

  var state: State = .initialise
  /// The lease while it is held.
  var lease: Lease?
  /// What is granted but not yet checked.
  var candidate: Lease?
  var transaction: UInt32 = 0
  /// When the transaction began.
  var began: Instant
  /// When its last request was sent.
  var sent: Instant
  /// How often the request of this state was sent.
  var transmissions = 0
  /// When it is to be sent again.
  var nextTransmission: Instant
  /// The offer that REQUESTING asks for, or the best so far in SELECTING.
  var offer: DHCPOffer?
  /// When SELECTING waits no longer for a better one.
  var selectionEnd: Instant?
  /// Whether SELECTING is to wait.
  var isChoosy = false
  var preference = DHCPPreference()
  /// How many addresses have turned out to be another host's.
  var conflicts = 0
  /// When the lease, or the one that is being checked, was first asked for.
  var heldSince: Instant
  /// The address to decline, its server, and since when.
  var declined: (lease: Lease, at: Instant)?

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
    heldSince = start
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

  mutating func begin(_ state: State, at now: Instant) {
    self.state = state
    transaction = UInt32(truncatingIfNeeded: random.next())
    began = now
    transmissions = 0
    nextTransmission = now
    offer = nil
    selectionEnd = nil
  }

  mutating func restart(at start: Instant) {
    // RFC 2131 §4.4.1: the last address may be suggested.
    if let lease { preference.address = lease.address }
    state = .initialise
    lease = nil
    candidate = nil
    nextTransmission = start
  }
}
