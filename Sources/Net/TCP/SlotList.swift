/// Slots of a table in the order in which they were put in, each at most once.
/// Putting in, taking out the first and removing any take constant time.
struct SlotList {
  private struct Links {
    var previous = SlotList.none
    var next = SlotList.none
    var isMember = false
  }

  private static let none = UInt32.max

  private var links: [Links] = []
  private var head = none
  private var tail = none
  /// The number of slots in the list.
  private(set) var count = 0

  /// The slot that was put in before all others.
  var first: UInt32? { head == Self.none ? nil : head }

  /// The slot that was put in after `slot`, which is in the list.
  func next(after slot: UInt32) -> UInt32? {
    let next = links[Int(slot)].next
    return next == Self.none ? nil : next
  }

  func contains(_ slot: UInt32) -> Bool {
    slot < links.count && links[Int(slot)].isMember
  }

  /// Puts `slot` last, unless it is in the list.
  mutating func append(_ slot: UInt32) {
    while links.count <= slot { links.append(Links()) }
    guard !links[Int(slot)].isMember else { return }
    links[Int(slot)] = Links(previous: tail, next: Self.none, isMember: true)
    if tail == Self.none {
      head = slot
    } else {
      links[Int(tail)].next = slot
    }
    tail = slot
    count += 1
  }

  /// Takes `slot` out if it is in the list.
  mutating func remove(_ slot: UInt32) {
    guard contains(slot) else { return }
    let own = links[Int(slot)]
    if own.previous == Self.none {
      head = own.next
    } else {
      links[Int(own.previous)].next = own.next
    }
    if own.next == Self.none {
      tail = own.previous
    } else {
      links[Int(own.next)].previous = own.previous
    }
    links[Int(slot)] = Links()
    count -= 1
  }

  /// Puts `slot`, which is in the list, behind all others.
  mutating func moveToEnd(_ slot: UInt32) {
    guard tail != slot else { return }
    remove(slot)
    append(slot)
  }

  /// Takes the first slot out.
  mutating func popFirst() -> UInt32? {
    guard let slot = first else { return nil }
    remove(slot)
    return slot
  }
}
