import Testing

@testable import Net

@Suite struct SentSegmentsTests {
  static func number(_ value: Int) -> SequenceNumber {
    // Across the end of the numbers.
    SequenceNumber(0xFFFF_FF00) + value
  }

  static func time(_ value: Int) -> Instant {
    Instant(nanoseconds: Int64(value))
  }

  /// `count` segments of 100, sent at 1, 2, 3, …
  static func sent(_ count: Int, limit: Int = 100) -> SentSegments {
    var segments = SentSegments()
    for index in 0..<count {
      segments.sent(
        from: number(index * 100),
        to: number(index * 100 + 100),
        limit: limit,
        at: time(index + 1)
      )
    }
    return segments
  }

  /// A record as text: where it begins and ends, when it was sent, what is
  /// known of it.
  static func text(_ segments: borrowing SentSegments) -> String {
    (0..<segments.count).map { index in
      let record = segments[index]
      var text = "\(record.start - number(0))-\(record.end - number(0))"
      text += "@\(record.sentAt.nanoseconds)"
      if record.flags.contains(.lost) { text += "L" }
      if record.flags.contains(.retransmitted) { text += "R" }
      if record.flags.contains(.sacked) { text += "S" }
      return text
    }.joined(separator: " ")
  }

  static func run(
    _ segments: borrowing SentSegments,
    most: Int
  ) -> (start: SequenceNumber, length: Int) {
    segments.lostRun(most: most)
  }

  @discardableResult
  static func acknowledge(
    _ segments: inout SentSegments,
    _ number: SequenceNumber
  ) -> Delivery {
    var delivery = Delivery(highest: number, at: time(1_000_000))
    segments.acknowledge(upTo: number, &delivery)
    return delivery
  }

  static func lost(_ segments: borrowing SentSegments) -> Int {
    Int(segments.lost)
  }

  @Test func sent_isARecordEach() {
    let segments = Self.sent(3)
    #expect(Self.text(segments) == "0-100@1 100-200@2 200-300@3")
    let hasLost = segments.hasLost
    #expect(!hasLost)
  }

  @Test func acknowledged_goes_andAPartOfTheLast() {
    var segments = Self.sent(3)
    let result = Self.acknowledge(&segments, Self.number(150))
    #expect(Self.text(segments) == "150-200@2 200-300@3")
    #expect(result.newest == Self.time(2))
    #expect(!result.hasRetransmitted)
    let none = Self.acknowledge(&segments, Self.number(150))
    #expect(none.newest == nil)
    Self.acknowledge(&segments, Self.number(300))
    let isEmpty = segments.isEmpty
    #expect(isEmpty)
  }

  @Test func lost_goesAgainInOrder() {
    var segments = Self.sent(3)
    segments.loseAll()
    #expect(Self.lost(segments) == 300)
    #expect(Self.run(segments, most: 1000).length == 300)
    #expect(Self.run(segments, most: 150).length == 200)
    segments.sentAgain(to: Self.number(100), limit: 100, at: Self.time(9))
    #expect(Self.text(segments) == "0-100@9R 100-200@2L 200-300@3L")
    #expect(Self.run(segments, most: 1000).start == Self.number(100))
    let result = Self.acknowledge(&segments, Self.number(100))
    #expect(result.hasRetransmitted)
    #expect(result.newest == Self.time(9))
    #expect(Self.lost(segments) == 200)
  }

  @Test func aPartOfARecord_goesAgainAlone() {
    var segments = Self.sent(2)
    segments.loseAll()
    segments.sentAgain(to: Self.number(30), limit: 100, at: Self.time(9))
    #expect(Self.text(segments) == "0-30@9R 30-100@1L 100-200@2L")
    segments.sentAgain(to: Self.number(60), limit: 100, at: Self.time(10))
    #expect(
      Self.text(segments) == "0-30@9R 30-60@10R 60-100@1L 100-200@2L"
    )
    #expect(Self.lost(segments) == 140)
  }

  @Test func severalRecords_goAgainAsOne() {
    var segments = Self.sent(4)
    segments.loseAll()
    segments.sentAgain(to: Self.number(250), limit: 100, at: Self.time(9))
    #expect(Self.text(segments) == "0-250@9R 250-300@3L 300-400@4L")
    #expect(Self.lost(segments) == 150)
    // With something new behind it.
    segments.sentAgain(to: Self.number(450), limit: 100, at: Self.time(10))
    #expect(Self.text(segments) == "0-250@9R 250-450@10R")
    let hasLost = segments.hasLost
    #expect(!hasLost)
  }

  @Test func firstLost_isCutOut() {
    var segments = Self.sent(3)
    segments.lose(upTo: Self.number(40), limit: 100)
    #expect(
      Self.text(segments) == "0-40@1L 40-100@1 100-200@2 200-300@3"
    )
    segments.sentAgain(to: Self.number(40), limit: 100, at: Self.time(7))
    let hasLost = segments.hasLost
    #expect(!hasLost)
    Self.acknowledge(&segments, Self.number(100))
    segments.lose(upTo: Self.number(200), limit: 100)
    #expect(Self.text(segments) == "100-200@2L 200-300@3")
    #expect(Self.run(segments, most: 1000).length == 100)
  }

  @Test func acknowledgedWhileLost_isLostNoMore() {
    var segments = Self.sent(3)
    segments.loseAll()
    Self.acknowledge(&segments, Self.number(120))
    #expect(Self.lost(segments) == 180)
    #expect(Self.run(segments, most: 1000).start == Self.number(120))
    Self.acknowledge(&segments, Self.number(300))
    let isOver = !segments.hasLost && segments.isEmpty
    #expect(isOver)
  }

  @Test func probe_isLostAtOnce() {
    var segments = SentSegments()
    segments.sent(
      from: Self.number(0),
      to: Self.number(1),
      isLost: true,
      limit: 100,
      at: Self.time(1)
    )
    #expect(Self.lost(segments) == 1)
    segments.sentAgain(to: Self.number(100), limit: 100, at: Self.time(2))
    #expect(Self.text(segments) == "0-100@2R")
  }

  @Test func atTheLimit_neighboursBecomeOne() {
    var segments = Self.sent(11, limit: 10)
    #expect(Self.text(segments) == "0-1000@10 1000-1100@11")
    segments.lose(upTo: Self.number(300), limit: 10)
    #expect(
      Self.text(segments) == "0-300@10L 300-1000@10 1000-1100@11"
    )
  }

  @Test func atTheLimit_whatCannotBeJoinedIsFull() {
    var segments = SentSegments()
    for index in 0..<4 {
      segments.sent(
        from: Self.number(index * 10),
        to: Self.number(index * 10 + 10),
        isLost: index % 2 == 0,
        limit: 4,
        at: Self.time(1)
      )
    }
    #expect(Self.text(segments) == "0-10@1L 10-20@1 20-30@1L 30-40@1")
    let wasFull = segments.isFull
    Self.acknowledge(&segments, Self.number(5))
    let isStillFull = segments.isFull
    Self.acknowledge(&segments, Self.number(10))
    let isFull = segments.isFull
    #expect([wasFull, isStillFull, isFull] == [true, true, false])
  }

  /// Beyond twice the limit nothing is cut: more is sent again than need be.
  @Test func twiceTheLimit_isNotCut() {
    var segments = Self.sent(1)
    segments.loseAll()
    for index in 1...5 {
      segments.sentAgain(
        to: Self.number(index * 10),
        limit: 2,
        at: Self.time(index + 1)
      )
      if !segments.hasLost { break }
    }
    #expect(Self.text(segments) == "0-10@2R 10-20@3R 20-30@4R 30-100@5R")
  }

  @Test func memory_isGivenAwayAndTakenOver() {
    var segments = SentSegments()
    let hasMemory = segments.hasMemory
    #expect(!hasMemory)
    segments = Self.sent(3)
    segments.loseAll()
    let memory = segments.takeMemory()
    let isBare =
      !segments.hasMemory && segments.isEmpty && !segments.hasLost
    #expect(isBare)
    let isUsable = memory.isEmpty && memory.capacity >= 3
    #expect(isUsable)
    segments.adopt(memory)
    let isReady = segments.hasMemory && segments.isEmpty
    #expect(isReady)
  }

  /// The same operations on one flag and time for each number.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func random_isAsWithARecordForEachNumber(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 12))
    var segments = SentSegments()
    var una = 0
    var next = 0
    var isLost: [Bool] = []
    for round in 1..<3000 {
      let now = Self.time(round)
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4:
        let count = Int.random(in: 1...50, using: &random)
        segments.sent(
          from: Self.number(next),
          to: Self.number(next + count),
          limit: 200,
          at: now
        )
        isLost += Array(repeating: false, count: count)
        next += count
      case 4..<6 where una < next:
        let end = Int.random(in: una...next, using: &random)
        Self.acknowledge(&segments, Self.number(end))
        isLost.removeFirst(end - una)
        una = end
      case 6 where una < next:
        let end = Int.random(in: una + 1...next, using: &random)
        segments.lose(upTo: Self.number(end), limit: 200)
        for index in 0..<end - una { isLost[index] = true }
      case 7 where round % 5 == 0:
        segments.loseAll()
        for index in isLost.indices { isLost[index] = true }
      case 7..<10 where segments.hasLost:
        let (start, length) = segments.lostRun(most: .max)
        let first = start - Self.number(0) - una
        let count = Int.random(in: 1...length, using: &random)
        segments.sentAgain(
          to: start + count,
          limit: 200,
          at: now
        )
        for index in first..<first + count {
          #expect(isLost[index], "seed \(seed), round \(round)")
          isLost[index] = false
        }
      default: continue
      }
      let place = "seed \(seed), round \(round)"
      let lost = Int(segments.lost)
      let lostCount = isLost.count { $0 }
      #expect(lost == lostCount, "\(place)")
      if let first = isLost.firstIndex(of: true) {
        let (start, length) = segments.lostRun(most: .max)
        #expect(start == Self.number(una + first), "\(place)")
        let run = isLost[first...].prefix { $0 }.count
        #expect(length == run, "\(place)")
      }
      var end = una
      for index in 0..<segments.count {
        let record = segments[index]
        #expect(record.start == Self.number(end), "\(place)")
        end += Int(record.length)
      }
      #expect(end == next, "\(place)")
    }
  }
}
