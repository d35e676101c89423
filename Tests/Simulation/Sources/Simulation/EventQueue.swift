import Net

/// What is going to happen, the earliest first; of what happens at one time,
/// what was told of first.
///
/// A binary heap of small entries, so that an event costs the logarithm of how
/// many wait, and what it carries is moved twice.
package struct EventQueue<Event> {
  private struct Entry {
    var due: Instant
    var number: UInt64
    var place: Int

    static func < (left: Entry, right: Entry) -> Bool {
      (left.due.nanoseconds, left.number)
        < (right.due.nanoseconds, right.number)
    }
  }

  private var heap: [Entry] = []
  private var events: [Event?] = []
  private var free: [Int] = []
  private var number: UInt64 = 0

  package init() {}

  /// When the first is due.
  package var deadline: Instant? { heap.first?.due }

  /// Lets `event` happen at `due`.
  package mutating func add(_ event: Event, at due: Instant) {
    let place: Int
    if let last = free.popLast() {
      place = last
      events[place] = event
    } else {
      place = events.count
      events.append(event)
    }
    number += 1
    heap.append(Entry(due: due, number: number, place: place))
    var child = heap.count - 1
    while child > 0, heap[child] < heap[(child - 1) / 2] {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// The first event that is due at `now`.
  package mutating func next(at now: Instant) -> Event? {
    guard let first = heap.first, first.due <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child] < heap[least] {
        least = child
      }
      if least == parent { break }
      heap.swapAt(parent, least)
      parent = least
    }
    free.append(first.place)
    return events[first.place].take()
  }
}
