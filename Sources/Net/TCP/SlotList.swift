import Packets

/// The neighbours of each slot of a table in the lists that it may be in, of
/// which it is in one at a time at the most.
struct SlotLinks: ~Copyable {
  struct Links {
    var previous = SlotList.none
    var next = SlotList.none
    /// ``SlotList/number``, or ``SlotList/noList``.
    var list = SlotList.noList
  }

  /// Grows with the highest slot that was in a list.
  fileprivate var links = PagedArray<Links>()

  init() {}
}

/// Slots of a table in the order in which they were put in, each at most once.
/// Putting in, taking out the first and removing any take constant time. The
/// links are in a ``SlotLinks``, which several lists share.
struct SlotList {
  fileprivate static let none = UInt32.max
  fileprivate static let noList = UInt16.max

  /// Tells the list from others with the same links.
  private let number: UInt16
  private var head = none
  private var tail = none
  /// The number of slots in the list.
  private(set) var count = 0

  /// No slots.
  init(number: UInt16 = 0) { self.number = number }

  var isEmpty: Bool { count == 0 }

  /// The slot that was put in before all others.
  var first: UInt32? { head == Self.none ? nil : head }

  /// The slot that was put in after `slot`, which is in the list.
  func next(after slot: UInt32, in links: borrowing SlotLinks) -> UInt32? {
    let next = links.links[Int(slot)].next
    return next == Self.none ? nil : next
  }

  func contains(_ slot: UInt32, in links: borrowing SlotLinks) -> Bool {
    slot < links.links.count && links.links[Int(slot)].list == number
  }

  /// Puts `slot` last, unless it is in the list.
  ///
  /// - Precondition: It is in no other that has these links.
  mutating func append(_ slot: UInt32, in links: inout SlotLinks) {
    while links.links.count <= slot { links.links.append(SlotLinks.Links()) }
    let list = links.links[Int(slot)].list
    guard list != number else { return }
    precondition(list == Self.noList)
    links.links[Int(slot)] = SlotLinks.Links(previous: tail, list: number)
    if tail == Self.none {
      head = slot
    } else {
      links.links[Int(tail)].next = slot
    }
    tail = slot
    count += 1
  }

  /// Takes `slot` out if it is in the list.
  mutating func remove(_ slot: UInt32, in links: inout SlotLinks) {
    guard contains(slot, in: links) else { return }
    let own = links.links[Int(slot)]
    if own.previous == Self.none {
      head = own.next
    } else {
      links.links[Int(own.previous)].next = own.next
    }
    if own.next == Self.none {
      tail = own.previous
    } else {
      links.links[Int(own.next)].previous = own.previous
    }
    links.links[Int(slot)] = SlotLinks.Links()
    count -= 1
  }

  /// Puts `slot`, which is in the list, behind all others.
  mutating func moveToEnd(_ slot: UInt32, in links: inout SlotLinks) {
    guard tail != slot else { return }
    remove(slot, in: &links)
    append(slot, in: &links)
  }

  /// Takes the first slot out.
  mutating func popFirst(in links: inout SlotLinks) -> UInt32? {
    guard let slot = first else { return nil }
    remove(slot, in: &links)
    return slot
  }
}
