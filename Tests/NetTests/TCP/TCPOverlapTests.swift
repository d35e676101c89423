import Packets
import Testing

@testable import Net

/// Text that came twice, and not the same: the first bytes stay, as the peer may
/// have been told of them. RFC 9293 §3.10.7.4, RFC 2018 §8.
@Suite struct TCPOverlapTests {
  private static func read(_ harness: TCPHarness, _ id: ConnectionID) -> [UInt8]
  {
    var bytes: [UInt8] = []
    while case .bytes(let next) = harness.read(id) { bytes += next }
    return bytes
  }

  /// Where what is held begins, how long it is, and how long what comes in order.
  @Test(arguments: [
    (101, 10, 200), (101, 100, 150), (51, 50, 100), (101, 10, 100),
    (1 + 1, 1, 3),
  ])
  func inOrderOverWhatIsHeld(start: Int, held: Int, count: Int) throws {
    let (harness, id) = TCPHarness.established(permitsSACK: true)
    let first = [UInt8](repeating: 1, count: held)
    harness.receive(Segment([], start, ack: 1, first))
    harness.expect(Segment([], 1, ack: 1, sack: [start..<start + held]))
    harness.receive(
      Segment([], 1, ack: 1, [UInt8](repeating: 2, count: count))
    )
    let end = max(count, start - 1 + held)
    harness.expect(Segment([], 1, ack: 1 + end))
    let bytes = Self.read(harness, id)
    var expected = [UInt8](repeating: 2, count: end)
    expected.replaceSubrange(start - 1..<start - 1 + held, with: first)
    #expect(bytes == expected)
  }

  @Test func overTwoThatAreHeld() throws {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([], 11, ack: 1, [UInt8](repeating: 1, count: 5)))
    harness.receive(Segment([], 31, ack: 1, [UInt8](repeating: 3, count: 20)))
    harness.receive(Segment([], 1, ack: 1, [UInt8](repeating: 2, count: 40)))
    let runs = [(2, 10), (1, 5), (2, 15), (3, 20)] as [(UInt8, Int)]
    let expected = runs.flatMap { [UInt8](repeating: $0, count: $1) }
    #expect(Self.read(harness, id) == expected)
  }

  @Test(arguments: 0..<100 as Range<UInt64>)
  func anyOverlaps(seed: UInt64) throws {
    var random = RandomNumbers(seed: SipHash.Key(seed, 9))
    var limits = TCPHarness.limits
    limits.outOfOrderSegments = 64
    let (harness, id) = TCPHarness.established(
      limits: limits,
      permitsSACK: seed % 2 == 0
    )
    var model = [UInt8?](repeating: nil, count: 6000)
    for _ in 0..<60 {
      let start = Int.random(in: 1..<5000, using: &random)
      let count = Int.random(in: 1...900, using: &random)
      let bytes = (0..<count).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      for (index, byte) in bytes.enumerated() where model[start + index] == nil
      {
        model[start + index] = byte
      }
      harness.receive(Segment([], start, ack: 1, bytes))
      harness.drain()
    }
    for start in 1..<5950 where model[start] == nil {
      model[start] = 1
      harness.receive(Segment([], start, ack: 1, [1]))
      harness.drain()
    }
    let expected = model[1...].prefix { $0 != nil }.map { $0! }
    #expect(Self.read(harness, id) == expected, "seed \(seed)")
  }
}
