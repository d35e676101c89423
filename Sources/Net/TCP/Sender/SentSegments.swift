import BasicContainers

/// What was sent and is not acknowledged, in the order of the numbers: records
/// without gaps from SND.UNA to SND.NXT, which never goes back.
///
///     SND.UNA                                               SND.NXT
///     | sent | lost | lost | sacked | sent again | sent | ... |
///             ^ first lost                        ^ what was sent again is
///                                                   all before this
///
/// What is lost goes out again before what is new. RFC 6675 §2 calls this the
/// scoreboard. A record is made for each packet to the device, and cut when a
/// part of it is lost, has come, or goes out again alone. What has come is one
/// record, however many it was, so that there are few to look at. What becomes
/// of it is in `SentSegments+Losses` and `SentSegments+Selective`.
struct SentSegments: ~Copyable {
  var records: UniqueArray<SentSegment>
  /// The records before this one are acknowledged.
  var head: UInt32 = 0
  /// The first record that is lost; means something while one is.
  var firstLost: UInt32 = 0
  /// The numbers of all records that are lost.
  var lost: UInt32 = 0
  /// The numbers of all records that the peer says it has.
  var sacked: UInt32 = 0
  /// Behind the last that was sent again: from here on the records are in the
  /// order of their sending.
  var resentEnd = SequenceNumber(0)
  /// There are as many records as may be, and nothing new is to be sent until
  /// some are acknowledged.
  private(set) var isFull = false

  /// Nothing is under way; no memory is held.
  init() { records = UniqueArray() }

  /// How many records there are.
  var count: Int { records.count - Int(head) }
  var isEmpty: Bool { records.isEmpty }
  /// Whether something is to be sent again.
  var hasLost: Bool { lost > 0 }

  /// Whether the last record is lost; there is one.
  var isLastLost: Bool { records[records.count - 1].flags.contains(.lost) }

  /// Whether what is unacknowledged first was sent again, and that later than
  /// `time`.
  func hasSentFirstAgain(since time: Instant) -> Bool {
    guard Int(head) < records.count else { return false }
    let first = records[Int(head)]
    return first.flags.contains(.retransmitted) && first.sentAt > time
  }

  /// The record at `index`, counted from the oldest.
  subscript(index: Int) -> SentSegment { records[Int(head) + index] }

  /// All before `number` is acknowledged: what was sent again there is gone.
  mutating func forgetResent(before number: SequenceNumber) {
    if resentEnd < number { resentEnd = number }
  }

  // MARK: Memory

  /// Whether there is memory for a record.
  var hasMemory: Bool { records.capacity > 0 }

  /// Takes over `memory`, which has no records, while there is none.
  mutating func adopt(_ memory: consuming UniqueArray<SentSegment>) {
    records = memory
  }

  /// Gives the memory away, all records forgotten.
  mutating func takeMemory() -> UniqueArray<SentSegment> {
    removeAll()
    var memory = UniqueArray<SentSegment>()
    swap(&memory, &records)
    return memory
  }

  /// Forgets all records, and keeps the memory.
  mutating func removeAll() {
    records.removeAll(keepingCapacity: true)
    head = 0
    lost = 0
    sacked = 0
    isFull = false
  }

  // MARK: Sending

  /// What is from `start`, which was SND.NXT, to before `end` was sent for the
  /// first time. At `limit` records neighbours become one, if they can.
  mutating func sent(
    from start: SequenceNumber,
    to end: SequenceNumber,
    isLost: Bool = false,
    limit: Int,
    at now: Instant
  ) {
    let length = UInt32(truncatingIfNeeded: end - start)
    if isEmpty { resentEnd = start }
    var record = SentSegment(start: start, length: length, sentAt: now)
    if isLost {
      record.flags.insert(.lost)
      if !hasLost { firstLost = UInt32(records.count) }
      lost += length
    }
    records.append(record)
    guard count >= limit else { return }
    join()
    isFull = count >= limit
  }

  /// The first that is lost, and how much is from there on without a gap; no
  /// more is looked for than `most`.
  ///
  /// - Precondition: ``hasLost``.
  func lostRun(most: Int) -> (start: SequenceNumber, length: Int) {
    var index = Int(firstLost)
    let start = records[index].start
    var length = 0
    while index < records.count, length < most,
      records[index].flags.contains(.lost)
    {
      length += Int(records[index].length)
      index += 1
    }
    return (start, length)
  }

  /// What is from the first that is lost to before `end` was sent again, and
  /// perhaps something new behind it in the same segment.
  ///
  /// - Precondition: ``hasLost``, and up to `end` all that was sent before is.
  mutating func sentAgain(
    to end: SequenceNumber,
    limit: Int,
    at now: Instant
  ) {
    let first = Int(firstLost)
    let start = records[first].start
    cut(first, at: end, limit: limit)
    var last = first
    var old = Int(records[first].length)
    while last + 1 < records.count, records[last + 1].start < end {
      cut(last + 1, at: end, limit: limit)
      last += 1
      old += Int(records[last].length)
    }
    lost -= UInt32(old)
    records[first] = SentSegment(
      start: start,
      length: UInt32(max(end - start, old)),
      sentAt: now,
      flags: .retransmitted
    )
    resentEnd = SequenceNumber.later(resentEnd, records[first].end)
    if last > first { records.removeSubrange(first + 1..<last + 1) }
    findLost(from: first + 1)
  }

  /// The last of what is under way, from `start` on, was sent again, to ask the
  /// peer what it has.
  ///
  /// - Precondition: `start` is in the last record.
  mutating func probed(
    from start: SequenceNumber,
    limit: Int,
    at now: Instant
  ) {
    cut(records.count - 1, at: start, limit: limit)
    let last = records.count - 1
    records[last].sentAt = now
    records[last].flags.insert(.retransmitted)
    resentEnd = SequenceNumber.later(resentEnd, records[last].end)
  }

  // MARK: Acknowledgement

  /// All before `number` was acknowledged.
  ///
  /// - Complexity: constant for each record that goes, on the average.
  mutating func acknowledge(
    upTo number: SequenceNumber,
    _ delivery: inout Delivery
  ) {
    while head < records.count {
      let record = records[Int(head)]
      let covered = number - record.start
      guard covered > 0 else { break }
      let gone = min(UInt32(covered), record.length)
      if record.flags.contains(.sacked) {
        sacked -= gone
      } else {
        if record.flags.contains(.lost) { lost -= gone }
        delivery.take(record, upTo: record.start + Int(gone))
      }
      guard gone == record.length else {
        records[Int(head)].start = number
        records[Int(head)].length -= gone
        break
      }
      head += 1
      isFull = false
    }
    compact()
  }

  /// Gives the place of what is acknowledged to what comes.
  private mutating func compact() {
    if head == records.count {
      records.removeAll(keepingCapacity: true)
      head = 0
      return
    }
    if firstLost < head { findLost(from: Int(head)) }
    // Not for each acknowledgement: as many are moved as have gone before.
    guard head >= 16, Int(head) * 2 >= records.count else { return }
    records.removeSubrange(0..<Int(head))
    firstLost = firstLost > head ? firstLost - head : 0
    head = 0
  }

  // MARK: Records

  /// Makes two records of one that reaches beyond `number`. Beyond twice
  /// `limit` records it stays one: more of it is sent again than need be.
  mutating func cut(_ index: Int, at number: SequenceNumber, limit: Int) {
    let before = number - records[index].start
    guard before > 0, before < records[index].length, count < 2 * limit else {
      return
    }
    var rest = records[index]
    rest.start = number
    rest.length -= UInt32(before)
    records[index].length = UInt32(before)
    records.insert(rest, at: index + 1)
    if hasLost, firstLost > index { firstLost += 1 }
  }

  /// Makes one record of neighbours that nothing tells apart but when they were
  /// sent; the time of the later stays, so that none is taken to be late.
  private mutating func join() {
    var last = Int(head)
    for index in Int(head) + 1..<records.count {
      let record = records[index]
      if records[last].flags == record.flags {
        records[last].length += record.length
        records[last].sentAt = max(records[last].sentAt, record.sentAt)
      } else {
        last += 1
        records[last] = record
      }
    }
    records.removeSubrange(last + 1..<records.count)
    findLost(from: Int(head))
  }
}
