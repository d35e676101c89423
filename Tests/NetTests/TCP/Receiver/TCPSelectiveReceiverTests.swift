import Packets
import Testing

@testable import Net

/// Selective acknowledgements that we send. RFC 2018, RFC 2883.
@Suite struct TCPSelectiveReceiverTests {
  static func established(
    stamp: Int? = nil,
    limits: TCPLimits = TCPHarness.limits
  ) -> (TCPHarness, ConnectionID) {
    TCPHarness.established(limits: limits, stamp: stamp, permitsSACK: true)
  }

  /// Text of 100 bytes at `start`.
  static func text(_ start: Int, _ count: Int = 100) -> Segment {
    Segment([], start, ack: 1, pattern(count, from: start))
  }

  // MARK: Negotiation, RFC 2018 §2

  @Test(arguments: [false, true])
  func synAck_permitsIfTheSYNDid(permits: Bool) throws {
    let harness = TCPHarness()
    _ = try harness.listen(backlog: 1)
    harness.receive(Segment(.syn, 0, permitsSACK: permits))
    #expect(harness.learnInitial()?.permitsSACK == permits)
  }

  @Test(arguments: [false, true])
  func connect_offers_andTheSYNACKDecides(permits: Bool) {
    var syn: Segment?
    let (harness, _) = TCPHarness.synSent { syn = $0 }
    #expect(syn?.permitsSACK == true)
    harness.receive(Segment(.syn, 0, ack: 1, permitsSACK: permits))
    harness.drain()
    harness.receive(Self.text(101))
    harness.expect(Segment([], 1, ack: 1, sack: permits ? [101..<201] : []))
  }

  @Test func notPermitted_noBlocks() {
    let (harness, _) = TCPHarness.established()
    harness.receive(Self.text(101))
    harness.receive(Self.text(101))
    harness.receive(Self.text(-50, 20))
    #expect(harness.drain().allSatisfy { $0.sack.isEmpty })
  }

  // MARK: Blocks, RFC 2018 §4

  /// RFC 2018 §8, the examples: every segment of 500 but the first comes.
  @Test func firstLost_theBlockGrows() {
    let (harness, id) = Self.established()
    for number in 1...3 {
      harness.receive(Self.text(1 + 500 * number, 500))
      harness.expect(
        Segment([], 1, ack: 1, sack: [501..<501 + 500 * number])
      )
    }
    harness.receive(Self.text(1, 500))
    harness.expect(Segment([], 1, ack: 2001))
    #expect(harness.read(id) == .bytes(pattern(500, from: 1)))
  }

  /// The same: every other one is lost.
  @Test func everySecondLost_theNewestIsFirst() {
    let (harness, _) = Self.established()
    harness.receive(Self.text(501, 500))
    harness.expect(Segment([], 1, ack: 1, sack: [501..<1001]))
    harness.receive(Self.text(1501, 500))
    harness.expect(Segment([], 1, ack: 1, sack: [1501..<2001, 501..<1001]))
    harness.receive(Self.text(2501, 500))
    harness.expect(
      Segment([], 1, ack: 1, sack: [2501..<3001, 1501..<2001, 501..<1001])
    )
    // The fourth comes: one block of two.
    harness.receive(Self.text(2001, 500))
    harness.expect(Segment([], 1, ack: 1, sack: [1501..<3001, 501..<1001]))
    // The second comes.
    harness.receive(Self.text(1, 500))
    harness.expect(Segment([], 1, ack: 1001, sack: [1501..<3001]))
    harness.receive(Self.text(1001, 500))
    harness.expect(Segment([], 1, ack: 3001))
  }

  @Test(arguments: [(nil, 4), (1000, 3)] as [(Int?, Int)])
  func asManyAsFit(stamp: Int?, count: Int) {
    let (harness, _) = Self.established(stamp: stamp)
    for number in 1...6 {
      var segment = Self.text(200 * number)
      segment.stamp = stamp.map { ($0, 0) }
      harness.receive(segment)
    }
    let blocks = (1...6).reversed().map { 200 * $0..<200 * $0 + 100 }
    harness.expect(Segment([], 1, ack: 1, sack: Array(blocks.prefix(count))))
  }

  /// One that was forgotten is whole again when it grows: the first block is
  /// all that the segment is in.
  @Test func forgottenBlock_isToldWhole() {
    let (harness, _) = Self.established()
    for number in 1...6 { harness.receive(Self.text(200 * number)) }
    harness.drain()
    harness.receive(Self.text(300))
    harness.expect(
      Segment(
        [],
        1,
        ack: 1,
        sack: [200..<500, 1200..<1300, 1000..<1100, 800..<900]
      )
    )
  }

  @Test func holeFilledInPart_theRestIsTold() {
    let (harness, _) = Self.established()
    harness.receive(Self.text(101))
    harness.receive(Self.text(301))
    harness.drain()
    harness.receive(Self.text(1, 150))
    harness.expect(
      Segment([], 1, ack: 201, sack: [101..<150, 301..<401].last.map { [$0] }!)
    )
  }

  /// RFC 6691 §2, RFC 2018 §3: beside text only where there is room.
  @Test func fullSegment_theBlocksFollow() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(1000))
    harness.receive(Self.text(101))
    harness.expect(
      Segment(.push, 1, ack: 1, pattern(1000)),
      Segment([], 1001, ack: 1, sack: [101..<201])
    )
  }

  @Test func smallSegment_hasThemItself() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, [9])
    harness.receive(Self.text(101))
    harness.expect(Segment(.push, 1, ack: 1, sack: [101..<201], [9]))
  }

  @Test func peersFIN_cutsWhatIsToldToo() {
    let (harness, _) = Self.established()
    harness.receive(Self.text(301))
    harness.drain()
    harness.receive(Segment(.fin, 301, ack: 1, pattern(50)))
    harness.expect(
      Segment([], 1, ack: 1, sack: [301..<351, 301..<351])
    )
  }

  // MARK: Duplicates, RFC 2883 §4

  /// §4.1.1: a full segment once more.
  /// RFC 2883 §4.1: of a segment that is new in part, what is not.
  @Test func overlap_theFrontIsTold() {
    let (harness, id) = TCPHarness.established(permitsSACK: true)
    harness.receive(Segment([], 1, ack: 1, pattern(10)))
    harness.receive(Segment([], 6, ack: 1, pattern(10, from: 5)))
    harness.expect(Segment([], 1, ack: 16, sack: [6..<11]))
    #expect(harness.read(id) == .bytes(pattern(15)))
    #expect(harness.tcp.counters.duplicateBytes == 5)
  }

  @Test func oldSegment_isToldOnce() {
    let (harness, _) = Self.established()
    harness.receive(Self.text(1, 500))
    harness.wait(40)
    harness.expect(Segment([], 1, ack: 501))
    harness.receive(Self.text(1, 500))
    harness.expect(Segment([], 1, ack: 501, sack: [1..<501]))
    harness.receive(Segment([], 501, ack: 1, [1]))
    harness.wait(40)
    harness.expect(Segment([], 1, ack: 502))
  }

  /// §4.1.2: and a hole is open.
  @Test func oldSegment_beforeTheHole() {
    let (harness, _) = Self.established()
    harness.receive(Self.text(1, 500))
    harness.receive(Self.text(1001, 500))
    harness.expect(Segment([], 1, ack: 501, sack: [1001..<1501]))
    harness.receive(Self.text(1, 500))
    harness.expect(Segment([], 1, ack: 501, sack: [1..<501, 1001..<1501]))
    harness.receive(Self.text(1501, 500))
    harness.expect(Segment([], 1, ack: 501, sack: [1001..<2001]))
  }

  /// §4.1.3: what waits once more.
  @Test func earlySegmentAgain_isToldWithItsRun() {
    let (harness, _) = Self.established()
    harness.receive(Self.text(501, 500))
    harness.receive(Self.text(1001, 500))
    harness.drain()
    harness.receive(Self.text(1001, 500))
    harness.expect(Segment([], 1, ack: 1, sack: [1001..<1501, 501..<1501]))
  }

  /// §4.2: only a part is a duplicate.
  @Test func partAgain_thePartIsTold() {
    let (harness, _) = Self.established()
    harness.receive(Self.text(1, 500))
    harness.wait(40)
    harness.drain()
    harness.receive(Self.text(301, 500))
    harness.wait(40)
    harness.expect(Segment([], 1, ack: 801, sack: [301..<501]))
    harness.receive(Self.text(1001, 500))
    harness.drain()
    harness.receive(Self.text(1301, 500))
    harness.expect(Segment([], 1, ack: 801, sack: [1301..<1501, 1001..<1801]))
  }

  // MARK: Memory

  @Test func packetsShort_whatWasToldIsGivenUpLast() {
    let (harness, id) = Self.established()
    harness.receive(Self.text(1001, 1000))
    harness.receive(Self.text(3001, 1000))
    harness.expect(
      Segment([], 1, ack: 1, sack: [3001..<4001, 1001..<2001])
    )
    // A newcomer goes first.
    harness.freePackets = 20
    harness.receive(Self.text(5001, 1000))
    harness.expect(
      Segment([], 1, ack: 1, sack: [3001..<4001, 1001..<2001])
    )
    #expect(harness.tcp.counters.selectivelyReneged == 0)
    // What fills the hole takes the place of the last, and says so.
    harness.receive(Self.text(1, 1000))
    harness.expect(Segment([], 1, ack: 2001))
    #expect(harness.tcp.counters.selectivelyReneged == 1)
    #expect(harness.read(id) == .bytes(pattern(1000, from: 1)))
  }

  @Test func memory_isBounded() {
    var limits = TCPHarness.limits
    // Slots of the pool are 2,048 bytes: three of them.
    limits.outOfOrderMemory = 3 * 2048
    let (harness, _) = Self.established(limits: limits)
    for number in 1...5 { harness.receive(Self.text(2000 * number, 1000)) }
    #expect(harness.tcp.counters.outOfOrderKept == 3)
    #expect(
      harness.tcp.counters.outOfOrderDropped + harness.tcp.counters.packetsShort
        == 2
    )
    harness.expect(
      Segment(
        [],
        1,
        ack: 1,
        sack: [6000..<7000, 4000..<5000, 2000..<3000]
      )
    )
  }

  @Test func holeClosed_holdsNoMemory() {
    let (harness, id) = Self.established()
    let index = harness.tcp.index(of: id)!
    harness.receive(Self.text(101))
    let isHeld = harness.tcp.slots[index].connection.early.isPresent
    #expect(isHeld)
    harness.receive(Self.text(1))
    let isHeldStill = harness.tcp.slots[index].connection.early.isPresent
    #expect(!isHeldStill)
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func anyOrder_blocksAreWhatIsHeld(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 77))
    let (harness, _) = Self.established()
    var held = Set<Int>()
    var next = 1
    for _ in 0..<60 {
      let start = Int.random(in: max(1, next - 3)..<next + 30, using: &random)
      let count = Int.random(in: 1...4, using: &random)
      // In steps of a hundred bytes, so that none is copied behind another.
      harness.receive(Self.text(1 + 300 * (start - 1), 300 * count))
      held.formUnion(start..<start + count)
      while held.contains(next) { next += 1 }
      guard let sent = harness.drain().last else { continue }
      #expect(sent.acknowledgement == 1 + 300 * (next - 1), "seed \(seed)")
      var blocks = sent.sack
      // The duplicate is first, and is within what came.
      if let first = blocks.first, first.lowerBound <= 300 * (next - 1) {
        blocks.removeFirst()
      } else if blocks.count > 1, blocks[1].contains(blocks[0].lowerBound) {
        blocks.removeFirst()
      }
      for block in blocks {
        let first = (block.lowerBound - 1) / 300 + 1
        let end = (block.upperBound - 1) / 300 + 1
        #expect((first..<end).allSatisfy { held.contains($0) }, "seed \(seed)")
        #expect(!held.contains(first - 1), "seed \(seed)")
        #expect(!held.contains(end), "seed \(seed)")
      }
    }
  }
}
