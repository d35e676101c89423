import BasicContainers
import Packets

/// When neighbours are asked, and given up.
extension NeighbourCache {
  /// The next thing that is due, or `nil` when nothing is any more.
  mutating func nextAction(at now: Instant) -> Action? {
    guard let deadline, deadline <= now else { return nil }
    var earliest: Instant?
    for index in 0..<entries.count where entries[index].isWaiting {
      let due = entries[index].due
      if due <= now {
        return action(at: index, now)
      }
      earliest = earliest.map { min($0, due) } ?? due
    }
    self.deadline = earliest
    return nil
  }

  private mutating func action(at index: Int, _ now: Instant) -> Action {
    guard entries[index].requests < requestLimit else {
      // The entry goes, and with the next use everything begins anew, at the
      // earliest a second after the last request.
      return .unreachable(remove(at: index))
    }
    if entries[index].lastRequest == nil {
      let earliest = log.earliest(for: entries[index].address, at: now)
      guard earliest <= now else {
        entries[index].due = earliest
        return .heldBack
      }
    }
    log.note(entries[index].address, at: now)
    if entries[index].state == .delay {
      entries[index].state = .probe
      entries[index].requests = 0
    }
    // RFC 1122 §2.3.2.1 (2): who is believed to be there is asked alone; the
    // last request, or the second of a dispute, goes to all.
    let alone = entries[index].isDisputed ? 1 : requestLimit - 1
    let isForAll =
      entries[index].state == .incomplete || entries[index].requests >= alone
    entries[index].isOpen = isForAll
    entries[index].requests += 1
    entries[index].isAwaited = true
    entries[index].lastRequest = now
    entries[index].due = now + Self.requestInterval
    return .request(
      entries[index].address,
      hardware: isForAll ? nil : entries[index].hardware
    )
  }

  /// Forgets every neighbour, as when the link is another, but not when each was
  /// asked: it may be the same after all. Returns the number of packets that had
  /// waited.
  mutating func removeAll() -> Int {
    let dropped = parkedCount
    entries.removeAll(keepingCapacity: true)
    parkedCount = 0
    recent = 0
    deadline = nil
    return dropped
  }
}
