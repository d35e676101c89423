import BasicContainers

/// How large a datagram may be on the way to a host, where that is less than on
/// the link. RFC 1191.
///
/// An entry is made only by an error that quotes what we did send, see
/// ``Stack``, or where TCP has found that larger segments are lost and smaller
/// ones are not, see ``PathLimit``. It ends ten minutes after it was last
/// lowered (§6.3), and is never raised by an error.
struct PathMTUCache: ~Copyable {
  /// One host; not private, or debug builds crash the compiler.
  struct Entry {
    let destination: IPv4Address
    var mtu: Int
    var expiry: Instant
  }

  /// MTUs that links have, for routers that do not say theirs. RFC 1191 §7.1.
  private static let plateaus: InlineArray<10, Int> = [
    32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68,
  ]

  private let limit: Int
  private let lifetime: Interval
  private let floor: Int
  private var entries: UniqueArray<Entry>

  init(limits: Limits, floor: Int) {
    limit = limits.pathMTUs
    lifetime = limits.pathMTULifetime
    self.floor = floor
    entries = UniqueArray(minimumCapacity: limits.pathMTUs)
  }

  var count: Int { entries.count }

  /// The largest datagram on the way to `destination`, or `nil` where nothing
  /// less than the link's own is known.
  func mtu(to destination: IPv4Address, at now: Instant) -> Int? {
    path(to: destination, at: now)?.mtu
  }

  /// The same, and until when that is believed.
  func path(to destination: IPv4Address, at now: Instant) -> KnownPath? {
    for index in 0..<entries.count
    where entries[index].destination == destination {
      let entry = entries[index]
      return entry.expiry > now
        ? KnownPath(mtu: entry.mtu, expiry: entry.expiry) : nil
    }
    return nil
  }

  /// What is to be made of it when a datagram of `length` bytes was too large for
  /// a link on the way, whose MTU is said to be `reported`; 0 where the router
  /// does not say.
  ///
  /// No less than ``TCPLimits/smallestPathMTU`` is believed: smaller ones are made
  /// up, mostly to make us send many tiny packets.
  ///
  /// - Returns: The MTU, or `nil` where such a datagram would not be too large.
  func plausible(reported: Int, length: Int) -> Int? {
    // What is said must be less than what was too large.
    let plausible =
      reported > 0 && reported < length ? reported : Self.plateau(below: length)
    let mtu = max(plausible, floor)
    return mtu < length ? mtu : nil
  }

  /// Takes in that the way to `destination` carries no more than `mtu` bytes.
  /// Returns whether less than was known.
  mutating func lower(
    to destination: IPv4Address,
    mtu: Int,
    at now: Instant
  ) -> Bool {
    if let known = self.mtu(to: destination, at: now), known <= mtu {
      return false
    }
    let entry = Entry(
      destination: destination,
      mtu: mtu,
      expiry: now + lifetime
    )
    entries[place(for: destination)] = entry
    return true
  }

  private static func plateau(below length: Int) -> Int {
    for index in plateaus.indices where plateaus[index] < length {
      return plateaus[index]
    }
    return 68
  }

  /// The entry of `destination`, or one that it may have: the one that would
  /// end first, if there are as many as may be.
  private mutating func place(for destination: IPv4Address) -> Int {
    var oldest = 0
    for index in 0..<entries.count {
      if entries[index].destination == destination { return index }
      if entries[index].expiry < entries[oldest].expiry { oldest = index }
    }
    guard entries.count < limit else { return oldest }
    entries.append(
      Entry(destination: destination, mtu: 0, expiry: Instant(nanoseconds: 0))
    )
    return entries.count - 1
  }

  /// Forgets all, as when a link may be another.
  mutating func removeAll() { entries.removeAll(keepingCapacity: true) }
}
