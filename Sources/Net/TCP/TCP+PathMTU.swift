import BasicContainers
import Packets

/// What IP tells of the way to a peer. RFC 1191 §6.4.
extension TCP {
  /// Whether `number` is in flight on the connection between these ends, so that
  /// an error which quotes it is an answer to us. RFC 5927 §4.1.
  func isInFlight(
    _ number: UInt32,
    local: Endpoint,
    remote: Endpoint,
    on interface: Int = 0
  ) -> Bool {
    let key = Key(local: local, remote: remote, interface: UInt8(interface))
    guard let slot = table.find(key, in: slots) else { return false }
    return slots[Int(slot)].connection.isInFlight(SequenceNumber(number))
  }

  /// The way to `address` carries datagrams of no more than `mtu` bytes: every
  /// connection there makes smaller segments, and what is in flight is sent
  /// anew in such.
  ///
  /// - Complexity: linear in the number of slots.
  mutating func pathIsSmaller(
    to address: IPAddress,
    mtu: Int,
    at now: Instant
  ) {
    let size =
      mtu - address.internetHeaderSize - TCPHeader.minimumLength
    for slot in 0..<slots.count
    where slots[slot].isUsed && slots[slot].connection.remote.address == address
    {
      guard slots[slot].connection.useSmallerSegments(size) else { continue }
      counters.pathsSmaller &+= 1
      settle(UInt32(slot), at: now)
    }
  }
}

extension Connection {
  /// Makes segments of no more than `size` bytes; `false` when they are.
  ///
  /// RFC 1191 §6.4: what was too large is sent again at once, and the window is
  /// not reduced: nothing says that the way is congested.
  mutating func useSmallerSegments(_ size: Int) -> Bool {
    guard size < sendSegmentSize else { return false }
    sendSegmentSize = size
    flight.loseAll()
    return true
  }

  /// A segment timed out. Routers may not cut what is sent, as a rule: how much
  /// the way carries is found out (RFC 1191 §3). But some drop what is too large
  /// and say nothing, or what they say is dropped on the way: after two timeouts
  /// in a row what is sent may be cut (RFC 2923 §2.1). It stays so: such a way
  /// would swallow the next large segment, too.
  mutating func suspectBlackHole() {
    if roundTrip.backoffs >= 2 { mayFragment = true }
  }
}
