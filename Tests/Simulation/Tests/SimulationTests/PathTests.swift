import Net
import Simulation
import Testing

/// The wire itself: it does what it was told to, and no more.
@Suite struct PathTests {
  /// A datagram from 10.0.0.1 to 10.0.0.2 with `size` bytes in all.
  static func frame(_ size: Int = 1500, mayNotFragment: Bool = false) -> Frame {
    var frame = Frame([UInt8](repeating: 0, count: 14 + size))
    frame.setWord(12, 0x0800)
    frame.bytes[14] = 0x45
    frame.setWord(16, size)
    frame.setWord(20, mayNotFragment ? 0x4000 : 0)
    frame.bytes[22] = 64
    frame.bytes[23] = 17
    frame.setLong(26, 0x0A00_0001)
    frame.setLong(30, 0x0A00_0002)
    frame.completeIPChecksum()
    for index in 34..<frame.bytes.count {
      frame.bytes[index] = UInt8(truncatingIfNeeded: index)
    }
    return frame
  }

  /// What came of some frames, sent one after the other.
  struct Outcome {
    var arrived: [(frame: Frame, at: Instant)] = []
    var told: [Frame] = []
    var path: Path
  }

  static func send(
    _ count: Int,
    _ frame: Frame = frame(),
    every interval: Interval = .microseconds(10),
    _ change: (inout PathSettings) -> Void
  ) -> Outcome {
    var outcome = Outcome(path: Path(seed: Seed.base, 1))
    change(&outcome.path.settings)
    var path = outcome.path
    for number in 0..<count {
      path.carry(frame, at: Instant(nanoseconds: 0) + interval * Int64(number))
      {
        outcome.arrived.append(($0, $1))
      } tell: { frame, _ in
        outcome.told.append(frame)
      }
    }
    outcome.path = path
    return outcome
  }

  @Test func aGoodPath_onlyTakesTime() {
    let outcome = Self.send(100) { $0.delay = .milliseconds(3) }
    #expect(
      outcome.arrived.map(\.frame.bytes)
        == Array(repeating: Self.frame().bytes, count: 100)
    )
    #expect(
      outcome.arrived.map(\.at.nanoseconds)
        == (0..<100).map { 3_000_000 + $0 * 10_000 }
    )
  }

  @Test func aTenth_isLost() {
    let outcome = Self.send(100_000) { $0.loss = 100_000 }
    // Ten standard deviations.
    #expect(abs(outcome.path.counts.lost - 10_000) < 950)
    #expect(outcome.arrived.count == 100_000 - outcome.path.counts.lost)
  }

  @Test func aBurst_losesWhatFollows() {
    let outcome = Self.send(100_000) {
      $0.burst = 1000
      $0.burstLength = .milliseconds(1)
    }
    let gaps = zip(outcome.arrived, outcome.arrived.dropFirst())
      .map { ($1.at - $0.at).nanoseconds / 10_000 - 1 }
      .filter { $0 > 0 }
    // 100 of them or so, of 50 frames on the average and 100 at the most.
    #expect(gaps.count > 30 && gaps.count < 200)
    #expect(gaps.contains { $0 > 20 } && gaps.allSatisfy { $0 < 350 })
  }

  @Test func aRate_isKeptToTheNanosecond() {
    let outcome = Self.send(100, every: .zero) {
      $0.rate = 1_000_000
      $0.delay = .zero
    }
    let each: Int64 = 1514 * 8 * 1000
    #expect(
      outcome.arrived.map(\.at.nanoseconds) == (1...100).map { $0 * each }
    )
  }

  @Test func aFullQueue_losesTheLast() {
    let outcome = Self.send(100, every: .zero) {
      $0.rate = 1_000_000
      $0.queue = 1514 * 10
    }
    #expect(outcome.arrived.count == 10)
    #expect(outcome.path.counts.overflowed == 90)
    #expect(outcome.path.bottleneck.deepest == 1514 * 10)
  }

  @Test(arguments: [0, 1, 2, 3] as [UInt8])
  func aLongQueue_marksWhatIsCapable(codepoint: UInt8) {
    var frame = Self.frame()
    frame.ecn = codepoint
    let outcome = Self.send(20, frame, every: .zero) {
      $0.rate = 1_000_000
      $0.markAbove = 1514 * 5
    }
    #expect(outcome.path.counts.marked == (codepoint == 0 ? 0 : 14))
    let marked = outcome.arrived.filter { $0.frame.ecn == 3 }.count
    #expect(marked == [0, 14, 14, 20][Int(codepoint)])
    let check = FrameCheck(hardware: 0, address: 0x0A00_0001, mtu: 1500)
    #expect(throws: Failure.self) { try check.check(Self.frame()) }
    for (frame, _) in outcome.arrived {
      // No UDP checksum is in them; the IP header's is.
      var fragment = frame
      fragment.setWord(20, 0x2000)
      fragment.completeIPChecksum()
      #expect(throws: Never.self) { try check.check(fragment) }
    }
  }

  @Test func jitter_keepsTheOrder_reorderingDoesNot() {
    let jitter = Self.send(1000) { $0.jitter = .milliseconds(5) }
    let times = jitter.arrived.map(\.at)
    #expect(times == times.sorted())
    let reordered = Self.send(1000) { $0.reordering = 100_000 }
    let mixed = reordered.arrived.map(\.at)
    #expect(mixed != mixed.sorted())
    #expect(abs(reordered.path.counts.reordered - 100) < 80)
  }

  @Test func corruption_changesOneBitBehindEthernet() {
    let outcome = Self.send(1000) { $0.corruption = 1_000_000 }
    let original = Self.frame().bytes
    for (frame, _) in outcome.arrived {
      let bits = zip(frame.bytes, original).map { ($0 ^ $1).nonzeroBitCount }
      #expect(bits.reduce(0, +) == 1)
      #expect(bits[..<14].allSatisfy { $0 == 0 })
    }
  }

  @Test func duplication_bringsTwo() {
    let outcome = Self.send(1000) { $0.duplication = 500_000 }
    #expect(outcome.arrived.count == 1000 + outcome.path.counts.duplicated)
    #expect(abs(outcome.path.counts.duplicated - 500) < 160)
  }

  @Test func aSmallerLink_cutsWhatMayBeCut() {
    let outcome = Self.send(1) { $0.mtu = 576 }
    var payload: [UInt8] = []
    for (number, (frame, _)) in outcome.arrived.enumerated() {
      #expect(frame.bytes.count <= 14 + 576)
      #expect(frame.word(16) == frame.bytes.count - 14)
      let isLast = number == outcome.arrived.count - 1
      let offset = frame.word(20)
      #expect(offset & 0x1FFF == payload.count / 8)
      #expect((offset & 0x2000 == 0) == isLast)
      payload += frame.bytes[34...]
    }
    #expect(outcome.arrived.count == 3)
    #expect(payload == Array(Self.frame().bytes[34...]))
  }

  @Test func aSmallerLink_tellsOfWhatMayNot() {
    let frame = Self.frame(mayNotFragment: true)
    let told = Self.send(1, frame) { $0.mtu = 576 }
    #expect(told.arrived.isEmpty && told.told.count == 1)
    let message = told.told[0]
    #expect(Array(message.bytes[34..<36]) == [3, 4])
    #expect(message.word(40) == 576)
    #expect(Array(message.bytes[42...]) == Array(frame.bytes[14..<42]))
    let check = FrameCheck(
      hardware: 0x0200_0000_00FE,
      address: 0x0A00_00FE,
      mtu: 1500
    )
    #expect(throws: Never.self) { try check.check(message) }
    let hole = Self.send(1, frame) {
      $0.mtu = 576
      $0.tellsTooBig = false
    }
    #expect(hole.arrived.isEmpty && hole.told.isEmpty)
    #expect(hole.path.counts.tooBig == 1)
  }

  @Test(arguments: [false, true])
  func aSmallerLinkThatCutsNothing_isSilentOfWhatItMightCut(
    mayNotFragment: Bool
  ) {
    let outcome = Self.send(1, Self.frame(mayNotFragment: mayNotFragment)) {
      $0.mtu = 576
      $0.cutsTooBig = false
    }
    #expect(outcome.arrived.isEmpty)
    #expect(outcome.told.count == (mayNotFragment ? 1 : 0))
    #expect(outcome.path.counts.tooBig == 1 && outcome.path.counts.cut == 0)
  }
}
