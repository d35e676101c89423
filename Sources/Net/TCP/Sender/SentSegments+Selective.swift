import BasicContainers

/// What of the records has come, though something before it has not.
/// RFC 2018, RFC 6675 §4 (Update).
extension SentSegments {
  /// The peer says that it has what is in `block`, which is in order and between
  /// SND.UNA and SND.NXT.
  ///
  /// - Complexity: the logarithm of the number of records, and constant for each
  ///   that has newly come.
  mutating func acknowledge(
    _ block: SACKBlock,
    limit: Int,
    _ delivery: inout Delivery
  ) {
    var index = record(at: block.start)
    if records[index].start < block.start {
      if !records[index].flags.contains(.sacked) {
        cut(index, at: block.start, limit: limit)
      } else if records[index].end >= block.end {
        return
      }
      index += 1
    }
    let first = index
    while index < records.count, records[index].start < block.end {
      if !records[index].flags.contains(.sacked) {
        cut(index, at: block.end, limit: limit)
        // With too many records a part of one cannot be told apart.
        guard records[index].end <= block.end else { break }
        come(index, &delivery)
      }
      index += 1
    }
    join(first..<index)
  }

  private mutating func come(_ index: Int, _ delivery: inout Delivery) {
    let record = records[index]
    delivery.take(record, upTo: record.end)
    sacked += record.length
    if record.flags.contains(.lost) { lost -= record.length }
    records[index].flags.insert(.sacked)
    records[index].flags.remove(.lost)
  }

  /// The record that has `number`: the last that does not begin behind it.
  ///
  /// - Precondition: `number` is between SND.UNA and SND.NXT.
  private func record(at number: SequenceNumber) -> Int {
    var low = Int(head)
    var high = records.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if records[middle].start <= number { low = middle } else { high = middle }
    }
    return low
  }

  /// Makes one record of those in `range`, which have come, and of those beside
  /// them that have.
  private mutating func join(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    var first = range.lowerBound
    var end = range.upperBound
    if first > head, records[first - 1].flags.contains(.sacked) { first -= 1 }
    if end < records.count, records[end].flags.contains(.sacked) { end += 1 }
    for index in first + 1..<max(end, first + 1) {
      records[first].length += records[index].length
      records[first].flags.formUnion(records[index].flags)
      records[first].sentAt = max(records[first].sentAt, records[index].sentAt)
    }
    let gone = end - first - 1
    if gone > 0 { records.removeSubrange(first + 1..<end) }
    if firstLost >= end {
      firstLost -= UInt32(gone)
    } else if firstLost >= first {
      findLost(from: first + 1)
    }
  }

  /// The peer may have thrown away what it said it had. RFC 2018 §8.
  mutating func forgetSelective() {
    for index in Int(head)..<records.count {
      records[index].flags.remove(.sacked)
    }
    sacked = 0
  }

  /// Whether the peer has gone back on its word: it says that it has what stands
  /// at SND.UNA, and does not acknowledge it.
  var isReneged: Bool {
    head < records.count && records[Int(head)].flags.contains(.sacked)
  }
}
