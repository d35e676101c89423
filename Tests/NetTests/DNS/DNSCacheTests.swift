import Testing

@testable import Net

/// A cache that expectations can ask.
private final class Memory {
  private var cache: DNSCache

  init(limits: DNSLimits = DNSLimits()) { cache = DNSCache(limits: limits) }

  var count: Int { cache.count }

  func find(_ name: DNSName, at now: Instant) -> DNSAnswer? {
    cache.find(name, at: now)
  }

  func insert(_ answer: DNSAnswer, for name: DNSName, at now: Instant) {
    cache.insert(answer, for: name, at: now)
  }

  func removeAll() { cache.removeAll() }
}

@Suite struct DNSCacheTests {
  private let name = DNSName("www.example.com")!
  private let answer = DNSAnswer.addresses(
    [IPAddress(IPv4Address(192, 0, 2, 1))],
    seconds: 60
  )

  @Test func answer_isKnownUntilItsTimeIsOver() {
    let cache = Memory()
    #expect(cache.find(name, at: .at(0)) == nil)
    cache.insert(answer, for: name, at: .at(10))
    #expect(cache.find(name, at: .at(10)) == answer)
    #expect(cache.find(DNSName("WWW.example.COM")!, at: .at(69)) == answer)
    #expect(cache.find(DNSName("example.com")!, at: .at(69)) == nil)
    #expect(cache.find(name, at: .at(70)) == nil)
    #expect(cache.count == 0)
  }

  @Test func newAnswer_takesTheOldOnesPlace() {
    let cache = Memory()
    cache.insert(answer, for: name, at: .at(0))
    cache.insert(.noName(seconds: 5), for: name, at: .at(1))
    #expect(cache.find(name, at: .at(2)) == .noName(seconds: 5))
    #expect(cache.count == 1)
    cache.insert(.noName(seconds: 0), for: name, at: .at(3))
    #expect(cache.find(name, at: .at(3)) == nil)
    #expect(cache.count == 0)
  }

  @Test(
    arguments: [
      (DNSAnswer.addresses([IPAddress(.any)], seconds: 0xFFFF_FFFF), 86_400.0),
      (.addresses([IPAddress(.any)], seconds: 86_399), 86_399),
      (.noName(seconds: 7200), 3600),
      (.noAddress(seconds: 7200), 3600),
      (.noAddress(seconds: 1), 1),
    ]
  )
  func times_areBounded(_ answer: DNSAnswer, _ seconds: Double) {
    let cache = Memory()
    cache.insert(answer, for: name, at: .at(0))
    #expect(cache.find(name, at: .at(seconds - 0.001)) == answer)
    #expect(cache.find(name, at: .at(seconds)) == nil)
  }

  @Test func fullCache_losesWhatIsOver_andThenWhatNobodyAskedFor() {
    var limits = DNSLimits()
    limits.cachedNames = 3
    let cache = Memory(limits: limits)
    func name(_ number: Int) -> DNSName { DNSName("n\(number)")! }
    for number in 0..<3 {
      cache.insert(answer, for: name(number), at: .at(Double(number)))
    }
    #expect(cache.find(name(0), at: .at(3)) != nil)
    cache.insert(.noName(seconds: 2), for: name(3), at: .at(4))
    #expect(cache.find(name(1), at: .at(4)) == nil)
    #expect(cache.find(name(0), at: .at(5)) != nil)
    #expect(cache.find(name(3), at: .at(5)) != nil)
    // Asked for last of all, but over.
    cache.insert(answer, for: name(4), at: .at(6))
    #expect(cache.find(name(2), at: .at(6)) != nil)
    #expect(cache.find(name(0), at: .at(6)) != nil)
    #expect(cache.count == 3)
  }

  @Test func crowd_isBounded() {
    let cache = Memory()
    for number in 0..<1000 {
      cache.insert(answer, for: DNSName("n\(number)")!, at: .at(0))
    }
    #expect(cache.count == DNSLimits().cachedNames)
    cache.removeAll()
    #expect(cache.count == 0)
  }

  @Test func noRoomAtAll_isNoTrap() {
    var limits = DNSLimits()
    limits.cachedNames = 0
    let cache = Memory(limits: limits)
    cache.insert(answer, for: name, at: .at(0))
    #expect(cache.count == 0)
  }
}
