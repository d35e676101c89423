import Testing

@testable import Net

/// The blocks that are told, apart from connections. RFC 2018 §4, RFC 2883.
@Suite struct SelectiveBlocksTests {
  static func block(_ range: Range<Int>) -> SACKBlock {
    SACKBlock(
      start: SequenceNumber(UInt32(range.lowerBound)),
      end: SequenceNumber(UInt32(range.upperBound))
    )
  }

  static func on(_ ranges: [Range<Int>]) -> SelectiveBlocks {
    var blocks = SelectiveBlocks()
    blocks.turnOn()
    for range in ranges { blocks.grew(block(range)) }
    return blocks
  }

  static func told(_ blocks: SelectiveBlocks, room: Int = 28) -> [Range<Int>] {
    var options = TCPOptions()
    blocks.append(to: &options, room: room)
    return (0..<options.blockCount).map {
      let block = options.blocks[$0]
      return Int(block.start.rawValue)..<Int(block.end.rawValue)
    }
  }

  /// What came, and what is told: RFC 2018 §4, the newest first.
  @Test(
    arguments: [
      ([], []),
      ([10..<20], [10..<20]),
      ([10..<20, 30..<40], [30..<40, 10..<20]),
      ([10..<20, 30..<40, 10..<25], [10..<25, 30..<40]),
      ([10..<20, 30..<40, 50..<60], [50..<60, 30..<40, 10..<20]),
      (
        [10..<20, 30..<40, 50..<60, 70..<80],
        [70..<80, 50..<60, 30..<40]
      ),
      ([10..<20, 30..<40, 10..<40], [10..<40]),
      ([10..<20, 20..<30], [20..<30]),
    ] as [([Range<Int>], [Range<Int>])]
  )
  func order_isOfGrowth(came: [Range<Int>], told: [Range<Int>]) {
    #expect(Self.told(Self.on(came)) == told)
  }

  /// RFC 2018 §3: four without other options, three beside timestamps.
  @Test(arguments: [(40, 4), (28, 3), (20, 2), (12, 1), (11, 0), (0, 0)])
  func room_boundsThem(room: Int, count: Int) {
    let blocks = Self.on((0..<6).map { $0 * 20..<$0 * 20 + 10 })
    #expect(Self.told(blocks, room: room).count == count)
  }

  @Test func off_nothingIsTold() {
    var blocks = SelectiveBlocks()
    blocks.grew(Self.block(1..<2))
    blocks.cameAgain(Self.block(1..<2))
    #expect(blocks.isEmpty)
    #expect(Self.told(blocks).isEmpty)
  }

  @Test(
    arguments: [
      (10, [50..<60, 30..<40, 10..<20]), (15, [50..<60, 30..<40, 15..<20]),
      (20, [50..<60, 30..<40]), (45, [50..<60]), (60, []),
    ] as [(UInt32, [Range<Int>])]
  )
  func advance_takesWhatIsAcknowledged(next: UInt32, told: [Range<Int>]) {
    var blocks = Self.on([10..<20, 30..<40, 50..<60])
    blocks.advance(to: SequenceNumber(next))
    #expect(Self.told(blocks) == told)
  }

  @Test(
    arguments: [
      (60, [50..<60, 30..<40, 10..<20]), (55, [50..<55, 30..<40, 10..<20]),
      (50, [30..<40, 10..<20]), (10, []),
    ] as [(UInt32, [Range<Int>])]
  )
  func truncate_takesWhatWasGivenUp(end: UInt32, told: [Range<Int>]) {
    var blocks = Self.on([10..<20, 30..<40, 50..<60])
    blocks.truncate(from: SequenceNumber(end))
    #expect(Self.told(blocks) == told)
  }

  @Test(
    arguments: [
      (20..<30, 10..<40), (15..<16, 10..<20), (21..<29, 21..<29),
      (0..<10, 0..<20), (40..<50, 30..<50), (5..<45, 5..<45),
    ] as [(Range<Int>, Range<Int>)]
  )
  func joined_isWithThoseThatTouch(range: Range<Int>, joined: Range<Int>) {
    let blocks = Self.on([10..<20, 30..<40])
    #expect(blocks.joined(with: Self.block(range)) == Self.block(joined))
  }

  /// RFC 2883 §4: first, and once.
  @Test func duplicate_isToldOnceAndFirst() {
    var blocks = Self.on([30..<40, 50..<60, 70..<80])
    blocks.cameAgain(Self.block(5..<8))
    #expect(Self.told(blocks) == [5..<8, 70..<80, 50..<60])
    blocks.sent()
    #expect(Self.told(blocks) == [70..<80, 50..<60, 30..<40])
  }

  @Test func duplicate_theLastIsTold() {
    var blocks = Self.on([])
    #expect(blocks.isEmpty)
    blocks.cameAgain(Self.block(5..<8))
    blocks.cameAgain(Self.block(9..<9))
    blocks.cameAgain(Self.block(1..<2))
    #expect(!blocks.isEmpty)
    #expect(Self.told(blocks) == [1..<2])
    blocks.sent()
    #expect(blocks.isEmpty)
  }

  @Test func numbers_wrap() {
    var blocks = SelectiveBlocks()
    blocks.turnOn()
    let start = SequenceNumber(0xFFFF_FFF0)
    blocks.grew(SACKBlock(start: start, end: start + 8))
    blocks.grew(SACKBlock(start: start + 20, end: start + 30))
    blocks.advance(to: start + 10)
    #expect(blocks.count == 1)
    #expect(blocks[0] == SACKBlock(start: start + 20, end: start + 30))
  }

  @Test func removeAll_keepsThatTheyArePermitted() {
    var blocks = Self.on([10..<20])
    blocks.removeAll()
    #expect(blocks.isEmpty)
    #expect(blocks.isOn)
  }
}
