import BasicContainers
import Packets

/// What IP tells of the way to a peer. RFC 1191 §6.4.
extension TCP {
  /// What becomes of a router's word.
  enum PathVerdict {
    /// It quotes nothing that is in flight. RFC 5927 §4.1.
    case ignored
    /// It is to be believed: see ``pathIsSmaller(to:mtu:at:)``.
    case believed
    /// Perhaps later: see ``nextSmallerPath()``.
    case noted
  }

  /// A router says that `number`, of the connection between these ends, was in a
  /// datagram too large for the way, which carries `mtu` bytes. RFC 5927 §7.2.
  mutating func claim(
    mtu: Int,
    about number: UInt32,
    local: Endpoint,
    remote: Endpoint,
    on interface: Int = 0
  ) -> PathVerdict {
    let number = SequenceNumber(number)
    let key = Key(local: local, remote: remote, interface: UInt8(interface))
    guard let slot = table.find(key, in: slots),
      slots[Int(slot)].connection.isInFlight(number)
    else { return .ignored }
    let isNews = slots[Int(slot)].connection.pathClaim.claim(
      mtu - Self.headers(to: remote.address),
      about: number
    )
    return isNews ? .believed : .noted
  }

  /// A way that a timeout has shown to carry no more than a router has said:
  /// where to, and how much.
  mutating func nextSmallerPath() -> (address: IPAddress, mtu: Int)? {
    smallerPaths.popLast()
  }

  /// The timer of the connection in `slot` has expired, and what was claimed of
  /// its way is to be believed.
  mutating func confirm(_ size: Int, of slot: UInt32) {
    guard smallerPaths.count < Self.mostSuspects else { return }
    let address = slots[Int(slot)].connection.remote.address
    smallerPaths.append((address, size + Self.headers(to: address)))
  }

  /// What a datagram to `address` has in front of a segment's options and text.
  private static func headers(to address: IPAddress) -> Int {
    address.internetHeaderSize + TCPHeader.minimumLength
  }

  /// The way to `address` carries datagrams of no more than `mtu` bytes: every
  /// connection there makes smaller segments, and what is in flight is sent
  /// anew in such.
  ///
  /// - Returns: How many of them made larger ones.
  /// - Complexity: linear in the number of slots.
  @discardableResult
  mutating func pathIsSmaller(
    to address: IPAddress,
    mtu: Int,
    at now: Instant
  ) -> Int {
    let size = mtu - Self.headers(to: address)
    var changed = 0
    for slot in 0..<slots.count
    where slots[slot].isUsed && slots[slot].connection.remote.address == address
    {
      guard slots[slot].connection.useSmallerSegments(size) else { continue }
      changed += 1
      settle(UInt32(slot), at: now)
    }
    counters.pathsSmaller &+= UInt64(changed)
    return changed
  }
}

extension Connection {
  /// Makes segments of no more than `size` bytes; `false` when they are.
  ///
  /// RFC 1191 §6.4: what was too large is sent again at once, and the window is
  /// not reduced: nothing says that the way is congested.
  mutating func useSmallerSegments(_ size: Int) -> Bool {
    pathClaim.believed(size)
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
