import BasicContainers
import Packets

/// What those above the stack need who look for names and times.
extension Stack {
  /// A run of random numbers that nobody else has.
  public mutating func makeRandomNumbers() -> RandomNumbers {
    RandomNumbers(seed: SipHash.Key(random.next(), random.next()))
  }

  /// Gives the leases back to their servers, because the machine ends: to be
  /// called last, when nobody needs the addresses any more. RFC 2131 §4.4.6.
  public mutating func releaseLeases(at now: Instant) {
    for index in 0..<interfaces.count {
      guard let (request, server) = interfaces[index].dhcp?.release() else {
        continue
      }
      send(request, to: server, on: index, at: now)
    }
  }

  /// Whether something that the stack itself had to say is not yet sent, and
  /// can be.
  public var hasUnsentControl: Bool {
    @_addressableSelf
    get {
      for index in 0..<interfaces.count where interfaces[index].isLinkUp {
        if !interfaces[index].control.isEmpty
          || interfaces[index].neighbours.isAsking
        {
          return true
        }
      }
      return false
    }
  }
}
