/// What the client says to servers.
extension DHCPClient {
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

  mutating func decline(_ lease: Lease) -> DHCPRequest {
    transaction = UInt32(truncatingIfNeeded: random.next())
    var request = request(.decline)
    request.requestedAddress = lease.address
    request.server = lease.server
    return request
  }

  mutating func transmit(at now: Instant) -> Action {
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
}
