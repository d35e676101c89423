import Packets

/// What those above the stack need who look for names and times.
extension Stack {
  /// A run of random numbers that nobody else has.
  public mutating func makeRandomNumbers() -> RandomNumbers {
    RandomNumbers(seed: SipHash.Key(random.next(), random.next()))
  }

  /// Gives the lease back to its server, because the machine ends: to be called
  /// last, when nobody needs the address any more. RFC 2131 §4.4.6.
  public mutating func releaseLease(at now: Instant) {
    guard let (request, server) = dhcp?.release() else { return }
    send(request, to: server, at: now)
  }

  /// Whether something that the stack itself had to say is not yet sent.
  public var hasUnsentControl: Bool {
    !control.isEmpty || neighbours.isAsking
  }
}
