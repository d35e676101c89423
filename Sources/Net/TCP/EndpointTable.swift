import BasicContainers
import Packets

/// Which slot has the connection between two ends. A hash table with a chain of
/// slots in each bucket: as large from the start as it ever needs to be, so that
/// no connection pays for moving the others.
///
/// The hash is keyed (SipHash-1-3, with a key of its own), so that nobody can
/// choose ends that share a bucket.
struct EndpointTable: ~Copyable {
  /// The slot of no connection.
  static let none = UInt32.max

  private var buckets: UniqueArray<UInt32>
  private let key: SipHash.Key
  /// How many connections there are.
  private(set) var count = 0

  /// A table for so many connections.
  init(connections: Int, key: SipHash.Key) {
    self.key = key
    var size = 1
    while size < connections { size *= 2 }
    buckets = UniqueArray(minimumCapacity: size)
    for _ in 0..<size { buckets.append(Self.none) }
  }

  var isEmpty: Bool { count == 0 }

  private func bucket(of ends: TCP.Key) -> Int {
    var hash = SipHash(key: key, variant: .short)
    let (remote, local) = (ends.remote.address, ends.local.address)
    // An address of version 4 has nothing there.
    if remote.high != 0 { hash.combine(remote.high) }
    hash.combine(remote.low)
    // Our own address is nobody else's choice: it may share a word.
    let ports = UInt64(ends.remote.port) << 16 | UInt64(ends.local.port)
    hash.combine(ports ^ local.low << 32 ^ local.low >> 32 ^ local.high)
    return Int(truncatingIfNeeded: hash.finalize()) & (buckets.count - 1)
  }

  /// The slot of the connection between `ends`.
  ///
  /// - Complexity: constant on the average.
  func find(_ ends: TCP.Key, in slots: borrowing PagedArray<TCP.Slot>)
    -> UInt32?
  {
    var slot = buckets[bucket(of: ends)]
    while slot != Self.none {
      let index = Int(slot)
      if slots[index].connection.isBetween(ends) { return slot }
      slot = slots[index].nextInBucket
    }
    return nil
  }

  /// Puts the connection in `slot` into the table.
  ///
  /// - Precondition: None is there between the same ends.
  mutating func insert(_ slot: UInt32, in slots: inout PagedArray<TCP.Slot>) {
    let bucket = bucket(of: slots[Int(slot)].connection.ends)
    slots[Int(slot)].nextInBucket = buckets[bucket]
    slots[Int(slot)].isInTable = true
    buckets[bucket] = slot
    count += 1
  }

  /// Takes the connection in `slot` out of the table.
  ///
  /// - Precondition: It is there.
  mutating func remove(_ slot: UInt32, in slots: inout PagedArray<TCP.Slot>) {
    let bucket = bucket(of: slots[Int(slot)].connection.ends)
    let after = slots[Int(slot)].nextInBucket
    slots[Int(slot)].nextInBucket = Self.none
    slots[Int(slot)].isInTable = false
    count -= 1
    var place = buckets[bucket]
    guard place != slot else {
      buckets[bucket] = after
      return
    }
    while slots[Int(place)].nextInBucket != slot {
      place = slots[Int(place)].nextInBucket
    }
    slots[Int(place)].nextInBucket = after
  }
}

extension Connection {
  /// Both ends.
  var ends: TCP.Key {
    TCP.Key(local: local, remote: remote, interface: interface)
  }

  /// Whether these are its ends.
  @_addressableSelf
  func isBetween(_ ends: TCP.Key) -> Bool {
    remote == ends.remote && local == ends.local
      && interface == ends.interface
  }
}
