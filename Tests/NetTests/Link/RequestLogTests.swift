import Testing

@testable import Net

@Suite struct RequestLogTests {
  private func address(_ number: Int) -> IPv4Address {
    IPv4Address(bits: 0x0A00_0000 | UInt32(number))
  }

  @Test func sameAddress_afterItsSecond() {
    var log = RequestLog(interval: .seconds(1), limit: 8, entries: 4)
    let first = log.earliest(for: address(1), at: .at(0))
    #expect(first == .at(0))
    log.note(address(1), at: .at(0))
    let same = log.earliest(for: address(1), at: .at(0.3))
    #expect(same == .at(1))
    let other = log.earliest(for: address(2), at: .at(0.3))
    #expect(other == .at(0.3))
    let over = log.earliest(for: address(1), at: .at(1))
    #expect(over == .at(1))
  }

  @Test func asManyAsMay_theNextWhenTheFirstIsOver() {
    var log = RequestLog(interval: .seconds(1), limit: 3, entries: 1)
    // The ring has five places, and goes round.
    for number in 0..<50 {
      let now = Instant.at(Double(number) / 2)
      let earliest = log.earliest(for: address(number), at: now)
      #expect(earliest == now)
      log.note(address(number), at: now)
    }
    log.note(address(50), at: .at(24.6))
    let full = log.earliest(for: address(51), at: .at(24.7))
    #expect(full == .at(25))
    let free = log.earliest(for: address(51), at: .at(25))
    #expect(free == .at(25))
  }

  /// Against a plain list of all that was ever noted.
  @Test(arguments: [826, 1122] as [UInt64])
  func random_likeAPlainList(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 0))
    var log = RequestLog(interval: .seconds(1), limit: 16, entries: 8)
    var all: [(address: IPv4Address, time: Instant)] = []
    var now = Instant.at(0)
    for _ in 0..<20000 {
      now = now + .milliseconds(Int64(random.next() % 100))
      let asked = address(Int(random.next() % 40))
      let recent = all.suffix(40).filter { $0.time + .seconds(1) > now }
      let isFree =
        recent.count < 16 && !recent.contains { $0.address == asked }
      let earliest = log.earliest(for: asked, at: now)
      #expect((earliest <= now) == isFree, "seed \(seed)")
      guard isFree else { continue }
      log.note(asked, at: now)
      all.append((asked, now))
    }
  }
}
