import BasicContainers

/// Who made a route, so that all of one go together.
public enum RouteOrigin: Sendable {
  /// A lease that is bound: its prefix, its gateway and its routes.
  case lease
  /// The app.
  case app
}

/// A way to all hosts whose addresses begin alike.
struct RouteEntry: Equatable, Sendable {
  /// What the addresses begin with; the other bits are clear.
  let destination: IPv4Address
  /// How many bits that is, 0 to 32.
  let prefixLength: Int
  /// The neighbour that knows the way; `nil`: they are neighbours themselves.
  let gateway: IPv4Address?
  /// Of two for the same prefix, the one with less is taken.
  let metric: Int
  let origin: RouteOrigin
  /// The one that the way leads over.
  var interface = 0
  /// Whether its link is up.
  var isUsable = true
  /// Whether it is a lease's link or its gateway, without which the address is
  /// of no use: these have places of their own.
  var isEssential = false

  /// Whether one of them takes the place of the other.
  fileprivate func isSame(_ other: RouteEntry) -> Bool {
    origin == other.origin && interface == other.interface
      && metric == other.metric && destination == other.destination
      && prefixLength == other.prefixLength
  }

  fileprivate func covers(_ address: IPv4Address) -> Bool {
    prefixLength == 0
      || (address.bits ^ destination.bits) >> UInt32(32 - prefixLength) == 0
  }
}

/// The ways to other hosts, over all interfaces. RFC 1122 §3.3.1, RFC 1812
/// §5.2.4.3: of those that lead to a host the one with the longest prefix is
/// taken, and of equal ones that with the least metric.
///
/// The app and leases with many routes can fill the table, but an essential
/// route finds a place in it all the same: of these each interface has two.
struct RouteTable: ~Copyable {
  private let limit: Int
  /// How many routes are not essential.
  private var others = 0
  /// The longest prefix first, and of equal ones the least metric.
  private var entries: UniqueArray<RouteEntry>

  init(limit: Int) {
    self.limit = limit
    entries = UniqueArray(minimumCapacity: limit)
  }

  var count: Int { entries.count }

  /// The way to `address`; over a link that is down only if no other leads
  /// there.
  func find(_ address: IPv4Address) -> RouteEntry? {
    var unusable: RouteEntry?
    for index in 0..<entries.count where entries[index].covers(address) {
      if entries[index].isUsable { return entries[index] }
      unusable = unusable ?? entries[index]
    }
    return unusable
  }

  /// The way to `address` over `interface`.
  func find(_ address: IPv4Address, on interface: Int) -> RouteEntry? {
    for index in 0..<entries.count
    where entries[index].interface == interface
      && entries[index].covers(address)
    {
      return entries[index]
    }
    return nil
  }

  /// Adds a route; one of the same origin, interface, prefix and metric is
  /// replaced, in the place that it has.
  ///
  /// - Returns: Whether there was a place for it.
  @discardableResult
  mutating func insert(_ entry: RouteEntry) -> Bool {
    var entry = entry
    for index in 0..<entries.count where entries[index].isSame(entry) {
      entry.isEssential = entry.isEssential || entries[index].isEssential
    }
    remove(where: { $0.isSame(entry) })
    guard entry.isEssential || others < limit else { return false }
    others += entry.isEssential ? 0 : 1
    var index = 0
    while index < entries.count, isBefore(entries[index], entry) { index += 1 }
    entries.insert(entry, at: index)
    return true
  }

  private func isBefore(_ left: RouteEntry, _ right: RouteEntry) -> Bool {
    if left.prefixLength != right.prefixLength {
      return left.prefixLength > right.prefixLength
    }
    return left.metric <= right.metric
  }

  /// Removes all routes of one origin over one interface.
  mutating func removeAll(of origin: RouteOrigin, on interface: Int = 0) {
    remove(where: { $0.origin == origin && $0.interface == interface })
  }

  /// The link of `interface` has come or gone.
  mutating func setUsable(_ isUsable: Bool, on interface: Int) {
    for index in 0..<entries.count where entries[index].interface == interface {
      entries[index].isUsable = isUsable
    }
  }

  /// Removes the routes that `isGone` says.
  ///
  /// - Returns: How many there were.
  @discardableResult
  mutating func remove(where isGone: (RouteEntry) -> Bool) -> Int {
    let count = entries.count
    for index in stride(from: count - 1, through: 0, by: -1)
    where isGone(entries[index]) {
      others -= entries.remove(at: index).isEssential ? 0 : 1
    }
    return count - entries.count
  }
}
