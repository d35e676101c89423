import BasicContainers
import Packets

/// What IP tells of the way to a peer. RFC 1191 §6.4.
extension TCP {
  /// What becomes of a router's word.
  enum PathVerdict {
    /// It quotes nothing that is in flight. RFC 5927 §4.1.
    case ignored
    /// It is to be believed: see ``pathIsSmaller(to:_:at:)``.
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
    guard let slot = slot(local: local, remote: remote, on: interface),
      slots[Int(slot)].connection.isInFlight(number)
    else { return .ignored }
    let isNews = slots[Int(slot)].connection.pathClaim.claim(
      mtu - Self.headers(to: remote.address),
      about: number
    )
    return isNews ? .believed : .noted
  }

  /// A way that a timeout has shown to carry no more than a router has said:
  /// where to, how much, and the slot of the connection that has found out.
  mutating func nextSmallerPath() -> (
    address: IPAddress, mtu: Int, slot: UInt32
  )? {
    smallerPaths.popLast()
  }

  /// The timer of the connection in `slot` has expired, and what was claimed of
  /// its way is to be believed.
  mutating func confirm(_ size: Int, of slot: UInt32) {
    guard smallerPaths.count < TCPLimits.reports else { return }
    let address = slots[Int(slot)].connection.remote.address
    smallerPaths.append((address, size + Self.headers(to: address), slot))
    hasPathNews = true
  }

  // MARK: What IP knows

  /// The connection in `slot` is to know what IP does of the way.
  mutating func askForPath(of slot: UInt32) {
    pathWanted = slot
    hasPathNews = true
  }

  /// The connection for which IP is asked of the way, and where that leads.
  mutating func takePathWanted() -> (slot: UInt32, address: IPAddress)? {
    guard let slot = pathWanted.take() else { return nil }
    return (slot, slots[Int(slot)].connection.remote.address)
  }

  /// The way of the connection in `slot` is known to be `path`.
  mutating func usePath(_ path: KnownPath, for slot: UInt32) {
    let address = slots[Int(slot)].connection.remote.address
    slots[Int(slot)].connection.begin(on: limit(of: path, to: address))
  }

  /// Something was acknowledged on the connection in `slot`, which is finding
  /// out what the way carries.
  mutating func judgePath(of slot: UInt32) {
    switch slots[Int(slot)].connection.judgePath() {
    case .none: break
    case .carriesMore: askForPath(of: slot)
    case .isSmaller(let size):
      counters.blackHoles &+= 1
      confirm(size, of: slot)
    }
  }

  private func limit(of path: KnownPath, to address: IPAddress) -> PathLimit {
    PathLimit(
      segmentSize: path.mtu - Self.headers(to: address),
      // What is still too large goes in parts: less than the floor, nobody is
      // asked for. Linux has the same.
      mayFragment: path.mtu <= limits.value.smallestPathMTU,
      expiry: path.expiry
    )
  }

  /// What a datagram to `address` has in front of a segment's options and text.
  private static func headers(to address: IPAddress) -> Int {
    address.internetHeaderSize + TCPHeader.minimumLength
  }

  /// The way to `address` is `path`, which carries less than was known: every
  /// connection there makes smaller segments, and what is in flight is sent
  /// anew in such.
  ///
  /// Whoever is believed once a connection could have all of them looked at for
  /// each datagram: beyond ``TCPLimits/pathScans`` in a second they are not. The
  /// others there are told when what they send is too large.
  ///
  /// - Returns: How many of them made larger ones.
  /// - Complexity: linear in the number of slots.
  @discardableResult
  mutating func pathIsSmaller(
    to address: IPAddress,
    _ path: KnownPath,
    at now: Instant
  ) -> Int {
    guard pathScans.allows(TCPLimits.pathScans, at: now) else { return 0 }
    counters.pathScans &+= 1
    var changed = 0
    for slot in 0..<slots.count {
      if pathIsSmaller(of: UInt32(slot), to: address, path, at: now) {
        changed += 1
      }
    }
    return changed
  }

  /// The same for the connection in `slot` alone, if it is one to `address`.
  mutating func pathIsSmaller(
    of slot: UInt32,
    to address: IPAddress,
    _ path: KnownPath,
    at now: Instant
  ) -> Bool {
    let index = Int(slot)
    guard slots[index].isUsed,
      slots[index].connection.remote.address == address,
      slots[index].connection.keep(
        to: limit(of: path, to: address),
        patience: limits.value.minimumProbeTimeout,
        at: now
      )
    else { return false }
    counters.pathsSmaller &+= 1
    settle(slot, at: now)
    return true
  }

  /// The slot of the connection between these ends.
  func slot(
    local: Endpoint,
    remote: Endpoint,
    on interface: Int
  ) -> UInt32? {
    let key = Key(local: local, remote: remote, interface: UInt8(interface))
    return table.find(key, in: slots)
  }
}
