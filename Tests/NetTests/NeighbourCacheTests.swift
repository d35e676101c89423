import Packets
import Testing

@testable import Net

@Suite struct NeighbourCacheTests {
  private let first = IPv4Address(10, 0, 2, 1)
  private let hardware = MACAddress(2, 0, 0, 0, 0, 1)
  private let other = MACAddress(2, 0, 0, 0, 0, 2)

  private func resolve(
    _ cache: inout NeighbourCache,
    _ address: IPv4Address,
    at seconds: Double
  ) -> NeighbourCache.Resolution {
    var evicted: PacketBuffer?
    return cache.resolve(address, at: .at(seconds), evicted: &evicted)
  }

  /// What is due at `seconds`, in words.
  private func actions(
    _ cache: inout NeighbourCache,
    at seconds: Double
  ) -> [String] {
    var found: [String] = []
    while let action = cache.nextAction(at: .at(seconds)) {
      switch consume action {
      case .request(let address, let hardware):
        let whom = hardware == nil ? "all" : "one"
        found.append("\(address.bits & 0xFF) of \(whom)")
      case .unreachable(let parked):
        found.append(parked == nil ? "gone" : "gone with a packet")
      }
    }
    return found
  }

  private func learn(
    _ cache: inout NeighbourCache,
    _ hardware: MACAddress,
    isAnswer: Bool = true,
    at seconds: Double
  ) -> Int? {
    cache.learn(first, at: hardware, isAnswer: isAnswer, now: .at(seconds))
  }

  @Test func empty_learnsNothing() {
    var cache = NeighbourCache(limits: Limits())
    let index = learn(&cache, hardware, at: 0)
    #expect(index == nil)
    let count = cache.count
    #expect(count == 0)
  }

  @Test func incomplete_answer_reachable() {
    var cache = NeighbourCache(limits: Limits())
    let pending = resolve(&cache, first, at: 0)
    #expect(pending == .pending(0))
    let asked = actions(&cache, at: 0)
    #expect(asked == ["1 of all"])
    let index = learn(&cache, hardware, at: 0.5)
    #expect(index == 0)
    let known = resolve(&cache, first, at: 59)
    #expect(known == .known(hardware))
    let silent = actions(&cache, at: 59)
    #expect(silent == [])
    let deadline = cache.deadline
    #expect(deadline == nil)
  }

  @Test func incomplete_noAnswer_goneAfterThreeRequests() {
    var cache = NeighbourCache(limits: Limits())
    _ = resolve(&cache, first, at: 0)
    var found: [[String]] = []
    for step in 0...8 {
      found.append(actions(&cache, at: Double(step) / 2))
    }
    #expect(
      found == [
        ["1 of all"], [], ["1 of all"], [], ["1 of all"], [], ["gone"], [], [],
      ]
    )
    let count = cache.count
    #expect(count == 0)
  }

  @Test func reachable_tooOld_probedWhileUsed() {
    var cache = NeighbourCache(limits: Limits())
    _ = resolve(&cache, first, at: 0)
    _ = learn(&cache, hardware, at: 0)
    _ = actions(&cache, at: 0)
    let known = resolve(&cache, first, at: 60)
    #expect(known == .known(hardware))
    let asked = actions(&cache, at: 60)
    #expect(asked == ["1 of one"])
    let still = resolve(&cache, first, at: 60.5)
    #expect(still == .known(hardware))
    // An answer from the same place makes it reachable again.
    _ = learn(&cache, hardware, isAnswer: false, at: 60.6)
    let silent = actions(&cache, at: 61)
    #expect(silent == [])
    _ = resolve(&cache, first, at: 120)
    let nothing = actions(&cache, at: 120)
    #expect(nothing == [])
    _ = resolve(&cache, first, at: 120.6)
    let again = actions(&cache, at: 120.6)
    #expect(again == ["1 of one"])
  }

  @Test func reachable_unused_isLeftAlone() {
    var cache = NeighbourCache(limits: Limits())
    _ = resolve(&cache, first, at: 0)
    _ = learn(&cache, hardware, at: 0)
    let asked = actions(&cache, at: 1_000_000)
    #expect(asked == [])
  }

  @Test func probing_answerFromElsewhere_isTrustedOnlyIfItIsAnAnswer() {
    for isAnswer in [true, false] {
      var cache = NeighbourCache(limits: Limits())
      _ = resolve(&cache, first, at: 0)
      _ = learn(&cache, hardware, at: 0)
      _ = resolve(&cache, first, at: 60)
      _ = actions(&cache, at: 60)
      _ = learn(&cache, other, isAnswer: isAnswer, at: 60)
      let moved = resolve(&cache, first, at: 60)
      #expect(moved == .known(other))
      let asked = actions(&cache, at: 60)
      #expect(asked == (isAnswer ? [] : ["1 of one"]))
    }
  }

  @Test func parked_newestStays_andIsGivenOut() {
    let pool = PacketPool(capacity: 4)
    do {
      var cache = NeighbourCache(limits: Limits())
      guard case .pending(let index) = resolve(&cache, first, at: 0) else {
        Issue.record("it is known")
        return
      }
      for size in 1...3 {
        var packet = pool.allocate()!
        packet.append(size)
        let former = cache.park(packet, at: index)?.count
        #expect(former == (size == 1 ? nil : size - 1))
      }
      #expect(pool.available == 3)
      let parked = cache.takeParked(at: index)?.count
      #expect(parked == 3)
      #expect(pool.available == 4)
      let none = cache.takeParked(at: index) == nil
      #expect(none)
    }
  }

  @Test func gone_handsTheParkedPacketBack() {
    let pool = PacketPool(capacity: 4)
    do {
      var cache = NeighbourCache(limits: Limits())
      _ = resolve(&cache, first, at: 0)
      _ = cache.park(pool.allocate()!, at: 0)
      for second in 0...2 {
        _ = actions(&cache, at: Double(second))
      }
      let last = actions(&cache, at: 3)
      #expect(last == ["gone with a packet"])
      #expect(pool.available == 4)
    }
  }

  @Test func removeAll_countsWhatWaited() {
    let pool = PacketPool(capacity: 4)
    do {
      var cache = NeighbourCache(limits: Limits())
      for last in 1...4 as ClosedRange<UInt8> {
        let address = IPv4Address(10, 0, 2, last)
        guard case .pending(let index) = resolve(&cache, address, at: 0) else {
          continue
        }
        if last % 2 == 0 {
          _ = cache.park(pool.allocate()!, at: index)
        }
      }
      let dropped = cache.removeAll()
      #expect(dropped == 2)
      #expect(pool.available == 4)
      let deadline = cache.deadline
      #expect(deadline == nil)
    }
  }

  @Test func full_theOldestThatNeverAnsweredGoesFirst() {
    var limits = Limits()
    limits.neighbours = 3
    var cache = NeighbourCache(limits: limits)
    func address(_ last: UInt8) -> IPv4Address { IPv4Address(10, 0, 2, last) }
    for last in 1...3 as ClosedRange<UInt8> {
      _ = resolve(&cache, address(last), at: Double(last))
    }
    // 1 is the oldest, and known; 2 and 3 have not answered.
    _ = learn(&cache, hardware, at: 3)
    _ = resolve(&cache, address(4), at: 4)
    // 2 went.
    let known = resolve(&cache, address(1), at: 5)
    #expect(known == .known(hardware))
    let index = cache.learn(
      address(2),
      at: other,
      isAnswer: true,
      now: .at(5)
    )
    #expect(index == nil)
    for last in [3, 4] as [UInt8] {
      _ = cache.learn(address(last), at: other, isAnswer: true, now: .at(5))
    }
    // All are known: the one that was not used for longest goes.
    _ = resolve(&cache, address(5), at: 6)
    let gone = cache.learn(
      address(3),
      at: other,
      isAnswer: true,
      now: .at(6)
    )
    #expect(gone == nil)
    let count = cache.count
    #expect(count == 3)
  }

  @Test func full_whoAskedForUsTakesNoPlace_andLosesItFirst() {
    var limits = Limits()
    limits.neighbours = 3
    var cache = NeighbourCache(limits: limits)
    func address(_ last: UInt8) -> IPv4Address { IPv4Address(10, 0, 2, last) }
    _ = resolve(&cache, address(1), at: 1)
    _ = learn(&cache, hardware, at: 1)
    for last in 2...9 as ClosedRange<UInt8> {
      cache.add(address(last), at: other, now: .at(2))
    }
    let full = cache.count
    #expect(full == 3)
    // 2 and 3 found a free place, and make room, one each, for those we use.
    for last in 11...12 as ClosedRange<UInt8> {
      let pending = resolve(&cache, address(last), at: 3)
      #expect(pending == .pending(2))
      _ = cache.learn(address(last), at: other, isAnswer: true, now: .at(3))
    }
    let known = resolve(&cache, address(1), at: 3)
    #expect(known == .known(hardware))
    let count = cache.count
    #expect(count == 3)
  }

  @Test func whoAskedForUs_isKnown_andProbedAtTheNextUse() {
    var cache = NeighbourCache(limits: Limits())
    cache.add(first, at: hardware, now: .at(0))
    let unused = actions(&cache, at: 0)
    #expect(unused == [])
    let known = resolve(&cache, first, at: 1)
    #expect(known == .known(hardware))
    let probed = actions(&cache, at: 1)
    #expect(probed == ["1 of one"])
  }

  @Test func manyWaiting_eachHasItsOwnTime() {
    var cache = NeighbourCache(limits: Limits())
    for last in 1...3 as ClosedRange<UInt8> {
      let address = IPv4Address(10, 0, 2, last)
      _ = resolve(&cache, address, at: Double(last) / 10)
      let asked = actions(&cache, at: Double(last) / 10)
      #expect(asked == ["\(last) of all"])
    }
    for last in 1...3 {
      let due = 1 + Double(last) / 10
      let deadline = cache.deadline
      #expect(deadline == .at(due))
      let early = actions(&cache, at: due - 0.01)
      #expect(early == [])
      let asked = actions(&cache, at: due)
      #expect(asked == ["\(last) of all"])
    }
  }
}
