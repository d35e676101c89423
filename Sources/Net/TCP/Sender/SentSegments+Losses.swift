import BasicContainers

/// What of the records is taken to be lost.
extension SentSegments {
  /// Everything that was sent is taken to be lost, but for what has come.
  mutating func loseAll() {
    for index in Int(head)..<records.count { lose(index) }
  }

  /// What was sent and is before `end` is taken to be lost.
  mutating func lose(upTo end: SequenceNumber, limit: Int) {
    var index = Int(head)
    while index < records.count, records[index].start < end {
      cut(index, at: end, limit: limit)
      lose(index)
      index += 1
    }
  }

  /// What a search for losses has found.
  struct Losses: Equatable {
    /// The numbers that are newly taken to be lost.
    var count = 0
    /// When the last of those that may be late is to be taken to be lost.
    var due: Instant?
  }

  /// What was sent before `newest`, which has come and ends at `end`, is taken
  /// to be lost `patience` after it was sent. RFC 8985 §6.2 step 5.
  ///
  /// - Complexity: looks at the records up to the last that was sent again, and
  ///   at those sent before `newest`.
  mutating func loseSent(
    before newest: Instant,
    _ end: SequenceNumber,
    patience: Interval,
    at now: Instant
  ) -> Losses {
    var losses = Losses()
    var index = Int(head)
    while index < records.count {
      let record = records[index]
      if record.flags.isDisjoint(with: [.lost, .sacked]) {
        if record.isSent(before: newest, end) {
          let due = record.sentAt + patience
          if due <= now {
            lose(index)
            losses.count += Int(record.length)
          } else {
            losses.due = max(losses.due ?? due, due)
          }
        } else if record.start >= resentEnd {
          break
        }
      }
      index += 1
    }
    return losses
  }

  /// The timer expired: the first that has not come is taken to be lost, and
  /// what was sent `patience` ago. RFC 8985 §6.3.
  mutating func loseFirst(andOlderThan patience: Interval, at now: Instant) {
    var isFirst = true
    for index in Int(head)..<records.count {
      let record = records[index]
      if record.flags.contains(.sacked) { continue }
      if isFirst || record.sentAt + patience <= now { lose(index) }
      isFirst = false
    }
  }

  /// Nothing was lost after all.
  mutating func forgetLosses() {
    for index in Int(head)..<records.count {
      records[index].flags.remove(.lost)
    }
    lost = 0
  }

  private mutating func lose(_ index: Int) {
    guard records[index].flags.isDisjoint(with: [.lost, .sacked]) else {
      return
    }
    records[index].flags.insert(.lost)
    if !hasLost || index < firstLost { firstLost = UInt32(index) }
    lost += records[index].length
  }

  /// Looks for the first that is lost from `start` on, if any is.
  mutating func findLost(from start: Int) {
    guard hasLost else { return }
    var index = start
    while !records[index].flags.contains(.lost) { index += 1 }
    firstLost = UInt32(index)
  }
}
