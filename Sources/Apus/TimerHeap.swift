import Net

/// Deadlines by the small number of who has each, the earliest first; of equal
/// ones, the one that was there first.
///
/// A binary heap that knows where each number is, so that a deadline that is
/// not needed any more leaves at once: a read with a timeout that is answered a
/// thousand times a second leaves nothing behind. All operations take
/// logarithmic time; memory grows with the most deadlines there ever were.
struct TimerHeap {
  private struct Entry {
    var deadline: Instant
    /// How many were inserted before it.
    var age: UInt64
    var owner: Int

    func isBefore(_ other: Entry) -> Bool {
      deadline == other.deadline
        ? age < other.age : deadline < other.deadline
    }
  }

  private var entries: [Entry] = []
  /// Where each owner's entry is; -1 when it has none.
  private var positions: [Int] = []
  private var inserted: UInt64 = 0

  /// The earliest deadline.
  var earliest: Instant? { entries.first?.deadline }

  /// Adds the deadline of `owner`.
  ///
  /// - Precondition: `owner` is not negative and has none yet.
  mutating func insert(_ deadline: Instant, of owner: Int) {
    while positions.count <= owner { positions.append(-1) }
    precondition(positions[owner] < 0)
    entries.append(Entry(deadline: deadline, age: inserted, owner: owner))
    inserted += 1
    positions[owner] = entries.count - 1
    siftUp(from: entries.count - 1)
  }

  /// Takes the deadline of `owner` out, if it has one.
  mutating func remove(_ owner: Int) {
    guard owner < positions.count, positions[owner] >= 0 else { return }
    let position = positions[owner]
    positions[owner] = -1
    let last = entries.removeLast()
    guard position < entries.count else { return }
    place(last, at: position)
    siftUp(from: position)
    siftDown(from: positions[last.owner])
  }

  /// Takes out and returns who has the earliest deadline, if that is `now` or
  /// before.
  mutating func popDue(at now: Instant) -> Int? {
    guard let first = entries.first, first.deadline <= now else { return nil }
    remove(first.owner)
    return first.owner
  }

  private mutating func place(_ entry: Entry, at position: Int) {
    entries[position] = entry
    positions[entry.owner] = position
  }

  private mutating func siftUp(from start: Int) {
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

  private mutating func siftDown(from start: Int) {
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
