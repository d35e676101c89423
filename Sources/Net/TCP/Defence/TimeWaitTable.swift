import BasicContainers
import Packets

/// The connections in TIME-WAIT that no app holds any more: small records apart
/// from the slots, so that a server that closes first has its slots for those
/// that are open. Found by their two ends; the oldest end first, as TIME-WAIT
/// lasts equally long for all.
///
///     bucket -> record -> record        oldest <-> ... <-> newest
struct TimeWaitTable: ~Copyable {
  struct Record {
    let local: Endpoint
    let remote: Endpoint
    let interface: UInt8
    var state: TimeWait
    /// Challenges that were sent in ``period``.
    private var challenges: UInt8 = 0
    /// The number of the period, counted from ``expiry`` back.
    private var period: UInt8 = 0
    var expiry: Instant
    /// False once it is taken out, and its place is free.
    fileprivate var isUsed = true
    fileprivate var nextInBucket = TimeWaitTable.none
    fileprivate var previous = TimeWaitTable.none
    fileprivate var next = TimeWaitTable.none

    init(
      local: Endpoint,
      remote: Endpoint,
      interface: UInt8 = 0,
      state: TimeWait,
      expiry: Instant
    ) {
      self.local = local
      self.remote = remote
      self.interface = interface
      self.state = state
      self.expiry = expiry
    }

    /// Whether one more challenge may be sent at `now`; counts it. RFC 5961 §7.
    ///
    /// - Parameter limit: of each period; more than 255 are as many.
    mutating func allowsChallenge(
      _ limit: Int,
      every length: Interval,
      at now: Instant
    ) -> Bool {
      let left = (expiry - now).nanoseconds / max(length.nanoseconds, 1)
      let current = UInt8(truncatingIfNeeded: left)
      if current != period {
        period = current
        challenges = 0
      }
      guard Int(challenges) < min(limit, Int(UInt8.max)) else { return false }
      challenges += 1
      return true
    }

    var key: TCP.Key {
      TCP.Key(local: local, remote: remote, interface: interface)
    }
  }

  fileprivate static let none = UInt32.max

  private var records = PagedArray<Record>()
  private var buckets = UniqueArray<UInt32>()
  private var free = none
  private var oldest = none
  private var newest = none
  private let secret: SipHash.Key
  private let limit: Int
  /// How many there are.
  private(set) var count = 0

  /// Room for `limit` records; the memory comes as it is needed.
  init(limit: Int, secret: SipHash.Key) {
    self.limit = limit
    self.secret = secret
  }

  var isEmpty: Bool { count == 0 }
  var isFull: Bool { count >= limit }
  /// When the next one is over.
  var deadline: Instant? {
    oldest == Self.none ? nil : records[Int(oldest)].expiry
  }

  /// The record at `index`, which ``find(_:)`` gave.
  subscript(index: Int) -> Record {
    _read { yield records[index] }
    _modify { yield &records[index] }
  }

  private func bucket(of key: TCP.Key) -> Int {
    var hash = SipHash(key: secret)
    hash.combine(key.local.address)
    hash.combine(key.remote.address)
    // Apart from all other hashes that are made with this key.
    hash.combine(
      1 << 60 | UInt64(key.local.port) << 16 | UInt64(key.remote.port)
    )
    return Int(truncatingIfNeeded: hash.finalize()) & (buckets.count - 1)
  }

  /// Where the record of `key` is, if there is one.
  ///
  /// - Complexity: constant on the average.
  func find(_ key: TCP.Key) -> Int? {
    guard count > 0 else { return nil }
    var index = buckets[bucket(of: key)]
    while index != Self.none {
      if records[Int(index)].key == key { return Int(index) }
      index = records[Int(index)].nextInBucket
    }
    return nil
  }

  /// The next record from `position` on, or `nil` behind the last; `position`
  /// is then behind it.
  func next(from position: inout Int) -> Record? {
    while position < records.count {
      let index = position
      position += 1
      if records[index].isUsed { return records[index] }
    }
    return nil
  }

  /// Adds a record, the newest.
  ///
  /// - Precondition: There is room, and none of the same two ends.
  mutating func insert(_ record: Record) {
    precondition(!isFull)
    if buckets.isEmpty {
      var size = 1
      while size < limit { size *= 2 }
      for _ in 0..<size { buckets.append(Self.none) }
    }
    let index: UInt32
    if free != Self.none {
      index = free
      free = records[Int(free)].next
      records[Int(index)] = record
    } else {
      index = UInt32(records.count)
      records.append(record)
    }
    let bucket = bucket(of: record.key)
    records[Int(index)].nextInBucket = buckets[bucket]
    buckets[bucket] = index
    count += 1
    link(index)
  }

  private mutating func link(_ index: UInt32) {
    records[Int(index)].previous = newest
    records[Int(index)].next = Self.none
    if newest == Self.none {
      oldest = index
    } else {
      records[Int(newest)].next = index
    }
    newest = index
  }

  private mutating func unlink(_ index: UInt32) {
    let (previous, next) = (
      records[Int(index)].previous, records[Int(index)].next
    )
    if previous == Self.none {
      oldest = next
    } else {
      records[Int(previous)].next = next
    }
    if next == Self.none {
      newest = previous
    } else {
      records[Int(next)].previous = previous
    }
  }

  /// The record at `index` lasts until `expiry`, longer than all others.
  mutating func restart(_ index: Int, until expiry: Instant) {
    records[index].expiry = expiry
    unlink(UInt32(index))
    link(UInt32(index))
  }

  /// Takes the record at `index` out.
  mutating func remove(_ index: Int) {
    let record = UInt32(index)
    let bucket = bucket(of: records[index].key)
    let after = records[index].nextInBucket
    if buckets[bucket] == record {
      buckets[bucket] = after
    } else {
      var place = buckets[bucket]
      while records[Int(place)].nextInBucket != record {
        place = records[Int(place)].nextInBucket
      }
      records[Int(place)].nextInBucket = after
    }
    unlink(record)
    count -= 1
    records[index].isUsed = false
    records[index].next = free
    free = record
    guard count == 0 else { return }
    // What nobody needs is given back.
    records = PagedArray()
    buckets = UniqueArray()
    free = Self.none
  }

  /// Takes the oldest out.
  ///
  /// - Precondition: There is one.
  mutating func removeOldest() { remove(Int(oldest)) }

  /// Takes those out that are over at `now`.
  mutating func expire(at now: Instant) {
    while let deadline, deadline <= now { removeOldest() }
  }

  /// Takes those of an interface's address out that is ours no more.
  mutating func removeAll(from address: IPAddress, on interface: UInt8 = 0) {
    var index = oldest
    while index != Self.none {
      let next = records[Int(index)].next
      if records[Int(index)].local.address == address,
        records[Int(index)].interface == interface
      {
        remove(Int(index))
      }
      // The last one takes the memory with it.
      index = count == 0 ? Self.none : next
    }
  }
}
