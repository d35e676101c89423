/// What the client takes of servers, and which of them it takes it of.
extension DHCPClient {
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
      heldSince = sent
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

  // MARK: The choice

  mutating func choose(at now: Instant) {
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

  mutating func avoidServer() {
    isChoosy = true
    preference.avoidedServer = offer?.server
  }
}
