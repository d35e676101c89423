import Packets

/// The deadline of each slot of a table, the earliest at hand; of equal ones,
/// that which was set first. A binary heap that knows where each slot is, so
/// that a deadline that is not needed any more leaves at once.
///
/// Reading the earliest takes constant time, setting one at most the logarithm
/// of the number of slots that have one. Memory grows with the highest slot, a
/// page at a time, so that no deadline waits for the others to be moved.
public struct DeadlineHeap: ~Copyable, Sendable {
  struct Entry {
    var deadline: Instant
    /// How many were set before it.
    var age: UInt64
    var slot: UInt32

    func isBefore(_ other: Entry) -> Bool {
      deadline == other.deadline
        ? age < other.age : deadline < other.deadline
    }
  }

  private var entries = PagedArray<Entry>()
  /// Where each slot is in `entries`; -1 for nowhere.
  private var positions = PagedArray<Int32>()
  private var settings: UInt64 = 0

  /// No deadlines.
  public init() {}

  /// The slot whose deadline is earliest, and that deadline.
  public var first: (slot: UInt32, deadline: Instant)? {
    entries.count == 0 ? nil : (entries[0].slot, entries[0].deadline)
  }

  /// Sets the deadline of `slot`, or takes it away.
  public mutating func set(_ slot: UInt32, to deadline: Instant?) {
    let position =
      slot < positions.count ? Int(positions[Int(slot)]) : -1
    guard let deadline else {
      if position >= 0 { remove(at: position) }
      return
    }
    guard position >= 0 else {
      while positions.count <= slot { positions.append(-1) }
      settings &+= 1
      entries.append(Entry(deadline: deadline, age: settings, slot: slot))
      positions[Int(slot)] = Int32(entries.count - 1)
      moveUp(from: entries.count - 1)
      return
    }
    let old = entries[position].deadline
    guard old != deadline else { return }
    settings &+= 1
    entries[position].deadline = deadline
    entries[position].age = settings
    if deadline < old {
      moveUp(from: position)
    } else {
      moveDown(from: position)
    }
  }

  private mutating func remove(at position: Int) {
    positions[Int(entries[position].slot)] = -1
    let last = entries.removeLast()
    guard position < entries.count else { return }
    place(last, at: position)
    moveUp(from: position)
    moveDown(from: Int(positions[Int(last.slot)]))
  }

  private mutating func place(_ entry: Entry, at position: Int) {
    entries[position] = entry
    positions[Int(entry.slot)] = Int32(position)
  }

  private mutating func moveUp(from start: Int) {
    var position = start
    let entry = entries[position]
    while position > 0 {
      let parent = (position - 1) / 2
      guard entry.isBefore(entries[parent]) else { break }
      place(entries[parent], at: position)
      position = parent
    }
    place(entry, at: position)
  }

  private mutating func moveDown(from start: Int) {
    var position = start
    let entry = entries[position]
    while true {
      var child = 2 * position + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count,
        entries[child + 1].isBefore(entries[child])
      {
        child += 1
      }
      guard entries[child].isBefore(entry) else { break }
      place(entries[child], at: position)
      position = child
    }
    place(entry, at: position)
  }
}
