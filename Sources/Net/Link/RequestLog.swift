import BasicContainers

/// The requests of the last second, so that nobody is asked for twice in it,
/// whatever became of its entry in the ``NeighbourCache``. RFC 1122 §2.3.2.1:
/// no more than one request a second for each address.
///
/// A request is the first of its entry, or a further one. First ones wait while
/// there are ``Limits/neighbourRequestsASecond``, so who makes us ask for address
/// after address does not make us flood the link. Further ones do not wait, as
/// their entry keeps the second between them, and always have a place here:
/// those that are sent within a second are of entries that there were all at
/// once, and each has two at the most.
struct RequestLog: ~Copyable {
  struct Request: Sendable {
    var address: IPv4Address
    var time: Instant
  }

  private let interval: Interval
  private let limit: Int
  private let capacity: Int
  private var requests: UniqueArray<Request>
  /// Where the oldest is, and the next goes, once the array is a full ring.
  private var next = 0

  /// An empty log of what is sent within `interval`, to `limit` that were not
  /// asked before, and by `entries` entries.
  init(interval: Interval, limit: Int, entries: Int) {
    self.interval = interval
    self.limit = limit
    capacity = limit + 2 * entries
    requests = UniqueArray()
  }

  /// When the first request of an entry for `address` may be sent: `now`, or
  /// later.
  ///
  /// - Complexity: linear in the requests of the last second.
  func earliest(for address: IPv4Address, at now: Instant) -> Instant {
    var recent = 0
    var result = now
    var index = next
    // From the newest on.
    for _ in 0..<requests.count {
      index = (index == 0 ? requests.count : index) - 1
      let end = requests[index].time + interval
      guard end > now else { break }
      recent += 1
      // When this one is over, fewer than may be are left.
      if recent == limit { result = max(result, end) }
      if requests[index].address == address { result = max(result, end) }
    }
    return result
  }

  /// A request for `address` was sent.
  mutating func note(_ address: IPv4Address, at now: Instant) {
    guard requests.count == capacity else {
      requests.append(Request(address: address, time: now))
      return
    }
    requests[next].address = address
    requests[next].time = now
    next = (next + 1) % capacity
  }
}
