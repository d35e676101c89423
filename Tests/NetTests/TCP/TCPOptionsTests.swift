import Packets
import Testing

@testable import Net

@Suite struct TCPOptionsTests {
  static func parse(_ bytes: [UInt8]) -> TCPOptions {
    TCPOptions(parsing: bytes.rawSpan)
  }

  /// What `options` write, into bytes that were not zero.
  static func write(_ options: TCPOptions) -> [UInt8] {
    let pool = PacketPool(capacity: 1)
    var packet = pool.allocate()!
    packet.append(copying: [UInt8](repeating: 0xEE, count: 44).rawSpan)
    var target = packet.mutableBytes
    options.write(to: &target, at: 2)
    let bytes = Array(copying: packet.bytes)
    #expect(bytes[..<2] == [0xEE, 0xEE])
    #expect(bytes[(2 + options.length)...].allSatisfy { $0 == 0xEE })
    return Array(bytes[2..<2 + options.length])
  }

  static func options(
    mss: UInt16? = nil,
    scale: UInt8? = nil,
    sack: Bool = false,
    timestamp: (UInt32, UInt32)? = nil,
    blocks: [(UInt32, UInt32)] = []
  ) -> TCPOptions {
    var options = TCPOptions()
    options.maximumSegmentSize = mss
    options.windowScale = scale
    options.isSACKPermitted = sack
    options.timestamp = timestamp.map { .init(value: $0.0, echo: $0.1) }
    for (start, end) in blocks {
      options.append(
        SACKBlock(start: SequenceNumber(start), end: SequenceNumber(end))
      )
    }
    return options
  }

  /// Options, and their bytes as they are written.
  struct Case: CustomTestStringConvertible {
    let options: TCPOptions
    let bytes: [UInt8]
    var testDescription: String { "\(bytes)" }

    init(_ options: TCPOptions, _ text: String) {
      self.options = options
      bytes = hex(text)
    }
  }

  static let cases: [Case] = [
    Case(options(), ""),
    Case(options(mss: 1460), "020405b4"),
    Case(options(mss: 1460, scale: 7), "020405b4 030307 00"),
    Case(options(sack: true), "0402 0000"),
    Case(options(mss: 1460, sack: true), "020405b4 0402 0000"),
    Case(
      options(mss: 1460, scale: 2, sack: true),
      "020405b4 0402 030302 000000"
    ),
    Case(
      options(timestamp: (0x0102_0304, 0x0506_0708)),
      "0101 080a 01020304 05060708"
    ),
    Case(
      options(mss: 1460, scale: 7, sack: true, timestamp: (1, 0)),
      "020405b4 0402 080a 00000001 00000000 030307 00"
    ),
    Case(options(blocks: [(1, 2)]), "0101 050a 00000001 00000002"),
    Case(
      options(blocks: [(1, 2), (3, 4), (5, 6), (0xFFFF_FFFF, 7)]),
      "0101 0522 00000001 00000002 00000003 00000004 "
        + "00000005 00000006 ffffffff 00000007"
    ),
    Case(
      options(timestamp: (9, 8), blocks: [(1, 2), (3, 4), (5, 6)]),
      "0101 080a 00000009 00000008 "
        + "0101 051a 00000001 00000002 00000003 00000004 00000005 00000006"
    ),
    Case(
      options(scale: 3, blocks: [(1, 2)]),
      "030303 01 0101 050a 00000001 00000002"
    ),
  ]

  @Test(arguments: cases)
  func written(_ example: Case) {
    #expect(example.options.length == example.bytes.count)
    #expect(Self.write(example.options) == example.bytes)
  }

  @Test(arguments: cases)
  func read(_ example: Case) {
    #expect(Self.parse(example.bytes) == example.options)
  }

  @Test(arguments: cases)
  func read_whereverTheyStand(_ example: Case) {
    // Not where the fast path looks for them.
    #expect(Self.parse([1] + example.bytes) == example.options)
  }

  /// Wrong lengths: what is before stays, what is behind is not read.
  @Test(arguments: [
    "0403 00 02040100", "0404 0000 02040100", "0402 0401",
    "0809 00000001 000000 02040100", "080b 00000001 00000002 00",
    "0502 02040100", "0503 00 02040100", "0509 00000001 000000 02040100",
    "050b 00000001 00000002 00 00", "0101 080a 00000001 000000",
    "052a" + String(repeating: " 00000001 00000002", count: 5),
  ])
  func wrongLength(text: String) {
    let options = Self.parse(hex("030305") + hex(text))
    #expect(options.isMalformed)
    #expect(options.windowScale == 5)
    #expect(options.maximumSegmentSize == nil)
    #expect(options.timestamp == nil)
    #expect(options.blockCount == 0)
  }

  @Test func repeated_theLastCounts() {
    let options = Self.parse(
      hex("050a 00000001 00000002 050a 00000003 00000004 02040100 02040200")
    )
    #expect(!options.isMalformed)
    #expect(options.blockCount == 1)
    #expect(options.blocks[0].start == SequenceNumber(3))
    #expect(options.maximumSegmentSize == 512)
  }

  @Test func equality_seesEveryField() {
    for (index, left) in Self.cases.enumerated() {
      for (other, right) in Self.cases.enumerated() {
        #expect((left.options == right.options) == (index == other))
      }
    }
    #expect(Self.parse([2]) != Self.parse([]))
    #expect(
      Self.options(blocks: [(1, 2)]) != Self.options(blocks: [(1, 3)])
    )
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func random_isWrittenAndReadAgain(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 11))
    func chance() -> Bool { Bool.random(using: &random) }
    func number() -> UInt32 { UInt32(truncatingIfNeeded: random.next()) }
    for round in 0..<2000 {
      let hasTimestamp = chance()
      let mss = chance() ? UInt16(truncatingIfNeeded: number()) : nil
      let scale = chance() ? UInt8(truncatingIfNeeded: number()) : nil
      let others = mss != nil || scale != nil
      let most = others ? 1 : hasTimestamp ? 3 : 4
      let options = Self.options(
        mss: mss,
        scale: scale,
        sack: chance(),
        timestamp: hasTimestamp ? (number(), number()) : nil,
        blocks: (0..<Int.random(in: 0...most, using: &random)).map { _ in
          (number(), number())
        }
      )
      #expect(options.length <= TCPOptions.mostBytes)
      let again = Self.parse(Self.write(options))
      #expect(again == options, "seed \(seed), round \(round)")
    }
  }
}
