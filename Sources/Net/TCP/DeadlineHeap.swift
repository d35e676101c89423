/// The deadline of each slot of a table, the earliest at hand: a binary heap
/// that knows where each slot is.
///
/// Reading the earliest takes constant time, setting one at most the logarithm
/// of the number of slots that have one.
struct DeadlineHeap {
  private struct Entry {
    var deadline: Instant
    var slot: UInt32
  }

  private var entries: [Entry] = []
  /// Where each slot is in `entries`; -1 for nowhere.
  private var positions: [Int32] = []

  /// The slot whose deadline is earliest, and that deadline.
  var first: (slot: UInt32, deadline: Instant)? {
    entries.isEmpty ? nil : (entries[0].slot, entries[0].deadline)
  }

  /// Sets the deadline of `slot`, or takes it away.
  mutating func set(_ slot: UInt32, to deadline: Instant?) {
    let position =
      slot < positions.count ? Int(positions[Int(slot)]) : -1
    guard let deadline else {
      if position >= 0 { remove(at: position) }
      return
    }
    guard position >= 0 else {
      while positions.count <= slot { positions.append(-1) }
      entries.append(Entry(deadline: deadline, slot: slot))
      positions[Int(slot)] = Int32(entries.count - 1)
      moveUp(from: entries.count - 1)
      return
    }
    let old = entries[position].deadline
    guard old != deadline else { return }
    entries[position].deadline = deadline
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
      guard entry.deadline < entries[parent].deadline else { break }
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
        entries[child + 1].deadline < entries[child].deadline
      {
        child += 1
      }
      guard entries[child].deadline < entry.deadline else { break }
      place(entries[child], at: position)
      position = child
    }
    place(entry, at: position)
  }
}
