import Testing

@testable import Net

/// The scoreboard: RFC 2018, RFC 6675 §4, RFC 8985 §6.2 step 5.
@Suite struct SentSegmentsSelectiveTests {
  typealias Base = SentSegmentsTests

  /// The peer says that it has these numbers. Returns how many were news.
  @discardableResult
  static func sack(
    _ segments: inout SentSegments,
    _ range: Range<Int>,
    limit: Int = 100
  ) -> Int {
    var delivery = Delivery(
      highest: Base.number(0),
      at: Base.time(1_000_000)
    )
    let block = SACKBlock(
      start: Base.number(range.lowerBound),
      end: Base.number(range.upperBound)
    )
    segments.acknowledge(block, limit: limit, &delivery)
    return delivery.count
  }

  static func counts(_ segments: borrowing SentSegments) -> [Int] {
    [Int(segments.lost), Int(segments.sacked)]
  }

  @Test func block_isNoted() {
    var segments = Base.sent(4)
    #expect(Self.sack(&segments, 200..<300) == 100)
    #expect(
      Base.text(segments) == "0-100@1 100-200@2 200-300@3S 300-400@4"
    )
    #expect(Self.counts(segments) == [0, 100])
    // Once more, it is no news.
    #expect(Self.sack(&segments, 200..<300) == 0)
    #expect(Self.counts(segments) == [0, 100])
  }

  @Test(arguments: [
    (150..<200, "0-100@1 100-150@2 150-200@2S 200-300@3"),
    (150..<250, "0-100@1 100-150@2 150-250@3S 250-300@3"),
    (120..<130, "0-100@1 100-120@2 120-130@2S 130-200@2 200-300@3"),
    (100..<300, "0-100@1 100-300@3S"),
    (1..<300, "0-1@1 1-300@3S"),
  ])
  func partOfARecord_isCutOut(range: Range<Int>, expected: String) {
    var segments = Base.sent(3)
    #expect(Self.sack(&segments, range) == range.count)
    #expect(Base.text(segments) == expected)
    #expect(Self.counts(segments) == [0, range.count])
  }

  @Test func neighbours_becomeOneRecord() {
    var segments = Base.sent(6)
    Self.sack(&segments, 100..<200)
    Self.sack(&segments, 300..<400)
    #expect(Self.sack(&segments, 200..<300) == 100)
    #expect(Base.text(segments) == "0-100@1 100-400@4S 400-500@5 500-600@6")
    #expect(Self.sack(&segments, 150..<450) == 50)
    #expect(
      Base.text(segments) == "0-100@1 100-450@5S 450-500@5 500-600@6"
    )
    #expect(Self.counts(segments) == [0, 350])
  }

  @Test func inside_whatHasCome_isNoNews() {
    var segments = Base.sent(4)
    Self.sack(&segments, 100..<400)
    #expect(Self.sack(&segments, 150..<350) == 0)
    #expect(Self.sack(&segments, 100..<400) == 0)
    #expect(Base.text(segments) == "0-100@1 100-400@4S")
  }

  @Test func lostThatHasCome_isLostNoMore() {
    var segments = Base.sent(4)
    segments.loseAll()
    Self.sack(&segments, 100..<200)
    #expect(Self.counts(segments) == [300, 100])
    #expect(
      Base.text(segments) == "0-100@1L 100-200@2S 200-300@3L 300-400@4L"
    )
    // What is lost goes again up to what has come, and then behind it.
    #expect(Base.run(segments, most: 1000).length == 100)
    segments.sentAgain(to: Base.number(100), limit: 100, at: Base.time(9))
    let (start, length) = Base.run(segments, most: 1000)
    #expect(start == Base.number(200))
    #expect(length == 200)
  }

  @Test func firstLostThatHasCome_givesItsPlaceToTheNext() {
    var segments = Base.sent(5)
    segments.loseAll()
    Self.sack(&segments, 300..<400)
    Self.sack(&segments, 100..<200)
    segments.sentAgain(to: Base.number(100), limit: 100, at: Base.time(9))
    Self.sack(&segments, 200..<300)
    #expect(Base.text(segments) == "0-100@9R 100-400@4S 400-500@5L")
    #expect(Base.run(segments, most: 1000).start == Base.number(400))
    Self.sack(&segments, 400..<500)
    let hasLost = segments.hasLost
    #expect(!hasLost)
  }

  @Test func acknowledgedAfterwards_countsOnce() {
    var segments = Base.sent(4)
    Self.sack(&segments, 100..<300)
    #expect(Base.acknowledge(&segments, Base.number(150)).count == 100)
    #expect(Self.counts(segments) == [0, 150])
    #expect(Base.acknowledge(&segments, Base.number(350)).count == 50)
    #expect(Self.counts(segments) == [0, 0])
    #expect(Base.text(segments) == "350-400@4")
  }

  @Test func reneging_isSeenAtTheFront() {
    var segments = Base.sent(3)
    Self.sack(&segments, 100..<200)
    let wasReneged = segments.isReneged
    Base.acknowledge(&segments, Base.number(100))
    let isReneged = segments.isReneged
    #expect([wasReneged, isReneged] == [false, true])
    segments.forgetSelective()
    segments.loseAll()
    #expect(Self.counts(segments) == [200, 0])
    #expect(Base.text(segments) == "100-200@2L 200-300@3L")
  }

  @Test func withTooManyRecords_aPartIsNotToldApart() {
    var segments = Base.sent(2)
    for start in stride(from: 1, to: 40, by: 2) {
      Self.sack(&segments, start..<start + 1, limit: 5)
    }
    let count = segments.count
    #expect(count <= 11)
    // What is whole is told apart still.
    #expect(Self.sack(&segments, 100..<200, limit: 5) == 100)
  }

  // MARK: Losses

  static func lose(
    _ segments: inout SentSegments,
    before sentAt: Int,
    _ end: Int,
    patience: Int64,
    at now: Int
  ) -> SentSegments.Losses {
    segments.loseSent(
      before: Base.time(sentAt),
      Base.number(end),
      patience: Interval(nanoseconds: patience),
      at: Base.time(now)
    )
  }

  @Test func sentBeforeWhatHasCome_isLostInTime() {
    var segments = Base.sent(5)
    Self.sack(&segments, 300..<400)
    // The newest was sent at 4 and has taken 10; 2 more are allowed.
    let losses = Self.lose(&segments, before: 4, 400, patience: 12, at: 14)
    #expect(losses == .init(count: 200, due: Base.time(15)))
    #expect(
      Base.text(segments)
        == "0-100@1L 100-200@2L 200-300@3 300-400@4S 400-500@5"
    )
    // Again at the time that is due: the third, and no more.
    let later = Self.lose(&segments, before: 4, 400, patience: 12, at: 15)
    #expect(later == .init(count: 100, due: nil))
    #expect(Self.counts(segments) == [300, 100])
  }

  /// One packet that the device has cut: RACK_sent_after by the numbers.
  @Test func sentAtOnce_theEarlierInTheStreamAreLost() {
    var segments = SentSegments()
    segments.sent(
      from: Base.number(0),
      to: Base.number(1000),
      limit: 100,
      at: Base.time(1)
    )
    Self.sack(&segments, 300..<400)
    let losses = Self.lose(&segments, before: 1, 400, patience: 10, at: 20)
    #expect(losses.count == 300)
    #expect(
      Base.text(segments) == "0-300@1L 300-400@1S 400-1000@1"
    )
  }

  @Test func sentAgain_isLostAgain() {
    var segments = Base.sent(4)
    Self.sack(&segments, 100..<200)
    _ = Self.lose(&segments, before: 2, 200, patience: 10, at: 12)
    segments.sentAgain(to: Base.number(100), limit: 100, at: Base.time(12))
    // What was sent at 13 has come, the retransmission of 12 has not.
    segments.sent(
      from: Base.number(400),
      to: Base.number(500),
      limit: 100,
      at: Base.time(13)
    )
    Self.sack(&segments, 400..<500)
    let losses = Self.lose(&segments, before: 13, 500, patience: 10, at: 23)
    #expect(losses == .init(count: 300, due: nil))
    #expect(
      Base.text(segments)
        == "0-100@12LR 100-200@2S 200-300@3L 300-400@4L 400-500@13S"
    )
  }

  /// What follows a retransmission that has come, in the stream, was sent long
  /// before it.
  @Test func behindWhatWasSentAgain_isLookedAtToo() {
    var segments = Base.sent(4)
    segments.lose(upTo: Base.number(100), limit: 100)
    segments.sentAgain(to: Base.number(100), limit: 100, at: Base.time(50))
    Base.acknowledge(&segments, Base.number(100))
    let losses = Self.lose(&segments, before: 50, 100, patience: 10, at: 60)
    #expect(losses.count == 300)
  }

  @Test func timeout_losesTheFirstAndTheOld() {
    var segments = Base.sent(4)
    Self.sack(&segments, 100..<200)
    segments.loseFirst(
      andOlderThan: Interval(nanoseconds: 10),
      at: Base.time(5)
    )
    #expect(Self.counts(segments) == [100, 100])
    segments.loseFirst(
      andOlderThan: Interval(nanoseconds: 10),
      at: Base.time(13)
    )
    #expect(
      Base.text(segments) == "0-100@1L 100-200@2S 200-300@3L 300-400@4"
    )
  }

  @Test func probe_isTheEndOfTheLast() {
    var segments = SentSegments()
    segments.sent(
      from: Base.number(0),
      to: Base.number(1000),
      limit: 100,
      at: Base.time(1)
    )
    segments.probed(from: Base.number(900), limit: 100, at: Base.time(7))
    #expect(Base.text(segments) == "0-900@1 900-1000@7R")
    Self.sack(&segments, 900..<1000)
    let losses = Self.lose(&segments, before: 7, 1000, patience: 5, at: 12)
    #expect(losses.count == 900)
  }

  // MARK: Anything

  /// The same operations on a letter for each number.
  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func random_isAsWithARecordForEachNumber(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 13))
    var segments = SentSegments()
    var una = 0
    var next = 0
    var isLost: [Bool] = []
    var isSacked: [Bool] = []
    var sentAt: [Int] = []
    for round in 1..<3000 {
      let place = "seed \(seed), round \(round)"
      switch Int.random(in: 0..<14, using: &random) {
      case 0..<4 where next - una < 2000:
        let count = Int.random(in: 1...50, using: &random)
        segments.sent(
          from: Base.number(next),
          to: Base.number(next + count),
          limit: 4000,
          at: Base.time(round)
        )
        isLost += Array(repeating: false, count: count)
        isSacked += Array(repeating: false, count: count)
        sentAt += Array(repeating: round, count: count)
        next += count
      case 4 where una < next:
        let end = Int.random(in: una...min(next, una + 60), using: &random)
        let delivery = Base.acknowledge(&segments, Base.number(end))
        let news = isSacked[..<(end - una)].count { !$0 }
        #expect(delivery.count == news, "\(place)")
        isLost.removeFirst(end - una)
        isSacked.removeFirst(end - una)
        sentAt.removeFirst(end - una)
        una = end
      case 5..<9 where una + 1 < next:
        let start = Int.random(in: una + 1..<next, using: &random)
        let end = min(next, start + Int.random(in: 1...80, using: &random))
        let range = start - una..<end - una
        let news = isSacked[range].count { !$0 }
        let got = Self.sack(&segments, start..<end, limit: 4000)
        #expect(got == news, "\(place)")
        for index in range {
          isSacked[index] = true
          isLost[index] = false
        }
      case 9..<11 where una < next:
        let newest = Int.random(in: max(1, round - 40)..<round, using: &random)
        let patience = Int.random(in: 0..<10, using: &random)
        let losses = segments.loseSent(
          before: Base.time(newest),
          Base.number(una),
          patience: Interval(nanoseconds: Int64(patience)),
          at: Base.time(newest + 5)
        )
        var count = 0
        for index in isLost.indices
        where !isLost[index] && !isSacked[index] && sentAt[index] < newest
          && sentAt[index] + patience <= newest + 5
        {
          isLost[index] = true
          count += 1
        }
        #expect(losses.count == count, "\(place)")
      case 11 where round % 50 == 0:
        segments.forgetSelective()
        segments.loseAll()
        for index in isLost.indices {
          isLost[index] = true
          isSacked[index] = false
        }
      case 12..<14 where segments.hasLost:
        let (start, length) = segments.lostRun(most: .max)
        let first = start - Base.number(0) - una
        let count = Int.random(in: 1...length, using: &random)
        segments.sentAgain(
          to: start + count,
          limit: 4000,
          at: Base.time(round)
        )
        for index in first..<first + count {
          #expect(isLost[index], "\(place)")
          isLost[index] = false
          sentAt[index] = round
        }
      default: continue
      }
      let counts = Self.counts(segments)
      #expect(counts[0] == isLost.count { $0 }, "\(place)")
      #expect(counts[1] == isSacked.count { $0 }, "\(place)")
      if let first = isLost.firstIndex(of: true) {
        let (start, length) = segments.lostRun(most: .max)
        #expect(start == Base.number(una + first), "\(place)")
        #expect(length == isLost[first...].prefix { $0 }.count, "\(place)")
      }
      var end = una
      for index in 0..<segments.count {
        let record = segments[index]
        #expect(record.start == Base.number(end), "\(place)")
        #expect(
          record.flags.contains(.sacked) == isSacked[end - una],
          "\(place)"
        )
        end += Int(record.length)
      }
      #expect(end == next, "\(place)")
    }
  }
}
