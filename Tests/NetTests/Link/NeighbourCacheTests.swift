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
    var evicted = 0
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
      case .heldBack:
        found.append("held back")
      case .unreachable(let parked):
        found.append(parked.isEmpty ? "gone" : "gone with \(parked.count)")
      }
    }
    return found
  }

  private func learn(
    _ cache: inout NeighbourCache,
    _ hardware: MACAddress,
    isAnswer: Bool = true,
    at seconds: Double
  ) -> NeighbourCache.Lesson {
    cache.learn(first, at: hardware, isAnswer: isAnswer, now: .at(seconds))
  }

  /// `address` is asked for at `seconds`, and answers at once.
  private func know(
    _ cache: inout NeighbourCache,
    _ address: IPv4Address,
    _ hardware: MACAddress,
    at seconds: Double
  ) {
    _ = resolve(&cache, address, at: seconds)
    _ = actions(&cache, at: seconds)
    let lesson = cache.learn(
      address,
      at: hardware,
      isAnswer: true,
      now: .at(seconds)
    )
    #expect(lesson != .none)
  }

  private func address(_ last: Int) -> IPv4Address {
    IPv4Address(10, 0, UInt8(2 + last >> 8), UInt8(last & 0xFF))
  }

  /// A cache that knows 64 hosts, from 1 on, each asked for at `seconds`.
  private func full(at seconds: Double = 0) -> NeighbourCache {
    var cache = NeighbourCache(limits: Limits())
    for host in 1...64 { know(&cache, address(host), hardware, at: seconds) }
    return cache
  }

  /// How many of the hosts are known.
  private func known(
    _ cache: borrowing NeighbourCache,
    _ hosts: ClosedRange<Int>
  ) -> Int {
    var count = 0
    for host in hosts {
      let state = cache.state(of: address(host))
      count += state == nil || state == .incomplete ? 0 : 1
    }
    return count
  }

  @Test func empty_learnsNothing() {
    var cache = NeighbourCache(limits: Limits())
    let lesson = learn(&cache, hardware, at: 0)
    #expect(lesson == .none)
    let count = cache.count
    #expect(count == 0)
  }

  @Test func incomplete_answer_reachable() {
    var cache = NeighbourCache(limits: Limits())
    let pending = resolve(&cache, first, at: 0)
    #expect(pending == .pending(0))
    let asked = actions(&cache, at: 0)
    #expect(asked == ["1 of all"])
    let lesson = learn(&cache, hardware, at: 0.5)
    #expect(lesson == .known(0))
    let known = resolve(&cache, first, at: 30.4)
    #expect(known == .known(hardware))
    let silent = actions(&cache, at: 30.4)
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

  @Test func reachable_tooOld_delayedAndThenProbed() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    let known = resolve(&cache, first, at: 30)
    #expect(known == .known(hardware))
    let delayed = cache.state(of: first)
    #expect(delayed == .delay)
    let patient = actions(&cache, at: 34.9)
    #expect(patient == [])
    let asked = actions(&cache, at: 35)
    #expect(asked == ["1 of one"])
    let still = resolve(&cache, first, at: 35.5)
    #expect(still == .known(hardware))
    _ = learn(&cache, hardware, at: 35.6)
    let silent = actions(&cache, at: 37)
    #expect(silent == [])
    let believed = cache.state(of: first)
    #expect(believed == .reachable(until: .at(65.6)))
  }

  @Test func delay_confirmed_isNotProbed() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    _ = resolve(&cache, first, at: 30)
    cache.confirm(first, at: .at(31))
    let asked = actions(&cache, at: 40)
    #expect(asked == [])
    let state = cache.state(of: first)
    #expect(state == .reachable(until: .at(61)))
  }

  @Test func incomplete_confirmed_isStillAsked() {
    var cache = NeighbourCache(limits: Limits())
    _ = resolve(&cache, first, at: 0)
    cache.confirm(first, at: .at(0))
    cache.confirm(IPv4Address(10, 0, 2, 2), at: .at(0))
    let pending = resolve(&cache, first, at: 0)
    #expect(pending == .pending(0))
    let count = cache.count
    #expect(count == 1)
  }

  /// Who asks for us in another's name, and opens a connection in it, gets what
  /// we send, and acknowledges it; the owner's answer decides all the same.
  @Test func unverified_confirmedBeforeAnyAnswer_isNotKnown() {
    var cache = NeighbourCache(limits: Limits())
    cache.add(first, at: other, now: .at(1))
    cache.confirm(first, at: .at(1))
    let used = resolve(&cache, first, at: 1)
    #expect(used == .known(other))
    let asked = actions(&cache, at: 1)
    #expect(asked == ["1 of all"])
    cache.confirm(first, at: .at(1.001))
    let lesson = learn(&cache, hardware, at: 1.002)
    #expect(lesson == .known(0))
    let known = resolve(&cache, first, at: 1.003)
    #expect(known == .known(hardware))
  }

  @Test func disputed_confirmed_isAskedAllTheSame() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    let claim = learn(&cache, other, isAnswer: false, at: 5)
    #expect(claim == .disputed)
    cache.confirm(first, at: .at(5))
    let asked = actions(&cache, at: 5)
    #expect(asked == ["1 of one"])
  }

  /// RFC 1122 §3.3.1.4: it is asked at once, alone, and once a second.
  @Test func reachable_suspected_isAskedAtOnce() {
    var cache = NeighbourCache(limits: Limits())
    _ = resolve(&cache, first, at: 0)
    let first = actions(&cache, at: 0)
    #expect(first == ["1 of all"])
    _ = learn(&cache, hardware, at: 0)
    cache.suspect(self.first, at: .at(0.5))
    let tooSoon = actions(&cache, at: 0.5)
    #expect(tooSoon == [])
    let asked = actions(&cache, at: 1)
    #expect(asked == ["1 of one"])
    // Again, while it is asked, changes nothing.
    cache.suspect(self.first, at: .at(1))
    let again = actions(&cache, at: 1)
    #expect(again == [])
    _ = learn(&cache, hardware, at: 1.5)
    let state = cache.state(of: self.first)
    #expect(state == .reachable(until: .at(31.5)))
    let later = actions(&cache, at: 20)
    #expect(later == [])
    // Who is not known is not asked for.
    cache.suspect(IPv4Address(10, 0, 2, 9), at: .at(20))
    let count = cache.count
    #expect(count == 1)
  }

  @Test func probe_notAnswered_askedAlone_thenAll_thenGone() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    _ = resolve(&cache, first, at: 40)
    let found = (44...49).map { actions(&cache, at: Double($0)) }
    #expect(
      found == [[], ["1 of one"], ["1 of one"], ["1 of all"], ["gone"], []]
    )
  }

  @Test func reachableTime_isSpreadByTheRandomNumber() {
    for (random, seconds) in [
      (0, 15.0), (UInt64(1) << 63, 30), (UInt64(1) << 62, 22.5),
    ] {
      let cache = NeighbourCache(limits: Limits(), random: random)
      let time = cache.reachableTime
      #expect(time == .milliseconds(Int64(seconds * 1000)))
    }
    let longest = NeighbourCache(limits: Limits(), random: .max).reachableTime
    #expect(longest <= .seconds(45) && longest > .milliseconds(44_900))
  }

  @Test func reachable_unused_isLeftAlone() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    let asked = actions(&cache, at: 1_000_000)
    #expect(asked == [])
  }

  // MARK: Others who claim the address

  @Test(arguments: [true, false])
  func claim_theOldOneIsAskedFirst_andStays(isAnswer: Bool) {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    let lesson = learn(&cache, other, isAnswer: isAnswer, at: 10)
    #expect(lesson == .disputed)
    let asked = actions(&cache, at: 10)
    #expect(asked == ["1 of one"])
    // While the one who has it is asked, nobody else's answer counts.
    let again = learn(&cache, other, at: 10.1)
    #expect(again == .disputed)
    let known = resolve(&cache, first, at: 10.2)
    #expect(known == .known(hardware))
    _ = learn(&cache, hardware, at: 10.3)
    let state = cache.state(of: first)
    #expect(state == .reachable(until: .at(40.3)))
    let silent = actions(&cache, at: 20)
    #expect(silent == [])
  }

  @Test func claim_theOldOneIsGone_theNewOneIsBelievedAfterASecond() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    _ = learn(&cache, other, isAnswer: false, at: 10)
    let alone = actions(&cache, at: 10)
    let all = actions(&cache, at: 11)
    #expect(alone == ["1 of one"] && all == ["1 of all"])
    _ = learn(&cache, other, at: 11.1)
    let moved = resolve(&cache, first, at: 11.1)
    #expect(moved == .known(other))
    let state = cache.state(of: first)
    #expect(state == .reachable(until: .at(41.1)))
  }

  @Test func claims_manyASecond_oneRequestASecond() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    var requests = 0
    for step in 1...1000 {
      let now = Double(step) / 100
      _ = learn(&cache, other, isAnswer: false, at: now)
      let asked = actions(&cache, at: now)
      requests += asked.count
      // The neighbour answers at once.
      if !asked.isEmpty { _ = learn(&cache, hardware, at: now) }
      let known = resolve(&cache, first, at: now)
      #expect(known == .known(hardware))
    }
    #expect(requests == 10)
  }

  @Test func unaskedFromTheSamePlace_confirmsNothing() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    _ = resolve(&cache, first, at: 30)
    _ = learn(&cache, hardware, isAnswer: false, at: 31)
    _ = learn(&cache, hardware, isAnswer: true, at: 31)
    let state = cache.state(of: first)
    #expect(state == .delay)
  }

  // MARK: Packets that wait

  /// A datagram of `size` bytes behind its header, or a part of one from `offset`
  /// on.
  private func datagram(
    _ size: Int,
    _ pool: PacketPool,
    offset: UInt16 = 0
  ) -> PacketBuffer {
    var packet = pool.allocate()!
    let bytes = Frames.ipv4(
      protocol: 17,
      change: { $0.replaceSubrange(6..<8, with: Frames.bytes(offset / 8)) },
      [UInt8](repeating: 0, count: size)
    )
    packet.append(copying: bytes.raw)
    return packet
  }

  /// What waits for the neighbour at `index`, by size.
  private func parked(_ cache: inout NeighbourCache, at index: Int) -> [Int] {
    var sizes: [Int] = []
    while let packet = cache.takeParked(at: index) {
      sizes.append(packet.count - 20)
    }
    return sizes
  }

  @Test func parked_parts_waitAndGoTogether() {
    let pool = PacketPool(capacity: 16)
    var limits = Limits()
    limits.packetsPerNeighbour = 3
    limits.packetsForNeighbours = 10
    do {
      var cache = NeighbourCache(limits: limits)
      for host in 1...2 { _ = resolve(&cache, address(host), at: 0) }
      // The numbers of the parts are their sizes: two datagrams of four.
      for first in [10, 20] {
        for part in 0..<4 {
          let dropped = cache.park(
            datagram(first + part, pool, offset: UInt16(part) * 8),
            at: 0
          )
          #expect(dropped == 0)
        }
      }
      for size in [1, 2] {
        let dropped = cache.park(datagram(size, pool), at: 1)
        #expect(dropped == 0)
      }
      // No place is left: the first of the two goes, as a whole.
      let dropped = cache.park(datagram(3, pool), at: 1)
      #expect(dropped == 4)
      // The parts of the other are more than a share: it goes while they come,
      // and with it the rest.
      let total = (4..<12).map { part in
        cache.park(
          datagram(20 + part, pool, offset: UInt16(part) * 8),
          at: 0
        )
      }
      #expect(total == [0, 0, 0, 8, 1, 1, 1, 1])
      let next = cache.park(datagram(5, pool), at: 0)
      #expect(next == 0)
      let first = parked(&cache, at: 0)
      #expect(first == [5])
      let second = parked(&cache, at: 1)
      #expect(second == [1, 2, 3])
      let count = cache.parkedCount
      #expect(count == 0)
    }
    #expect(pool.available == 16)
  }

  @Test func parked_theNewestEightStay_inOrder() {
    let pool = PacketPool(capacity: 12)
    do {
      var cache = NeighbourCache(limits: Limits())
      guard case .pending(let index) = resolve(&cache, first, at: 0) else {
        Issue.record("it is known")
        return
      }
      for size in 1...10 {
        let dropped = cache.park(datagram(size, pool), at: index)
        #expect(dropped == (size <= 8 ? 0 : 1))
      }
      #expect(pool.available == 4)
      var sizes: [Int] = []
      while let packet = cache.takeParked(at: index) {
        sizes.append(packet.count - 20)
      }
      #expect(sizes == Array(3...10))
      #expect(pool.available == 12)
      let count = cache.parkedCount
      #expect(count == 0)
    }
  }

  @Test func parked_inAll_areBounded() {
    let pool = PacketPool(capacity: 8)
    var limits = Limits()
    limits.packetsForNeighbours = 3
    do {
      var cache = NeighbourCache(limits: limits)
      for last in 1...4 as ClosedRange<UInt8> {
        let address = IPv4Address(10, 0, 2, last)
        guard case .pending(let index) = resolve(&cache, address, at: 0) else {
          continue
        }
        let dropped = cache.park(datagram(0, pool), at: index)
        #expect(dropped == (last == 4 ? 1 : 0))
      }
      let count = cache.parkedCount
      #expect(count == 3)
      // The newest has its place, whoever has none yet and whoever has one.
      guard case .pending(let index) = resolve(&cache, first, at: 0) else {
        return
      }
      for _ in 0..<2 {
        let dropped = cache.park(datagram(0, pool), at: index)
        #expect(dropped == 1)
      }
      #expect(pool.available == 5)
    }
    #expect(pool.available == 8)
  }

  @Test func gone_handsTheParkedPacketBack() {
    let pool = PacketPool(capacity: 4)
    do {
      var cache = NeighbourCache(limits: Limits())
      _ = resolve(&cache, first, at: 0)
      _ = cache.park(datagram(0, pool), at: 0)
      for second in 0...2 {
        _ = actions(&cache, at: Double(second))
      }
      let last = actions(&cache, at: 3)
      #expect(last == ["gone with 1"])
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
          _ = cache.park(datagram(0, pool), at: index)
        }
      }
      let dropped = cache.removeAll()
      #expect(dropped == 2)
      #expect(pool.available == 4)
      let deadline = cache.deadline
      #expect(deadline == nil)
    }
  }

  @Test func full_whoAskedForUsTakesNoPlace_andLosesItFirst() {
    var limits = Limits()
    limits.neighbours = 3
    limits.neighboursAsked = 1
    var cache = NeighbourCache(limits: limits)
    know(&cache, first, hardware, at: 1)
    for host in 2...9 {
      cache.add(address(host), at: other, now: .at(2))
    }
    let full = cache.count
    #expect(full == 3)
    // 2 and 3 found a free place, and make room, one each, for those we use.
    for host in 11...12 {
      know(&cache, address(host), other, at: 3)
    }
    let known = resolve(&cache, first, at: 3)
    #expect(known == .known(hardware))
    let count = cache.count
    #expect(count == 3)
  }

  @Test func whoAskedForUs_butIsAskedForAlready_hasOneEntry() {
    var cache = NeighbourCache(limits: Limits())
    _ = resolve(&cache, first, at: 0)
    cache.add(first, at: other, now: .at(0))
    let count = cache.count
    #expect(count == 1)
    let pending = resolve(&cache, first, at: 0)
    #expect(pending == .pending(0))
  }

  // MARK: A full table

  @Test func full_newcomer_theOneThatWasNotUsedForLongestGoes() {
    var cache = full(at: 0)
    for host in 1...63 { _ = resolve(&cache, address(host), at: 1) }
    let pending = resolve(&cache, address(65), at: 2)
    #expect(pending == .pending(63))
    let gone = cache.state(of: address(64))
    #expect(gone == nil)
    let count = cache.count
    #expect(count == 64)
  }

  /// One forged packet a millisecond makes us ask for another address each.
  @Test func full_flood_takesItsShare_andNoMoreOfThoseInUse() {
    var cache = full()
    var refused = 0
    for step in 1...4000 {
      let now = 1 + Double(step) / 1000
      for host in 1...48 { _ = resolve(&cache, address(host), at: now) }
      let forged = address(1000 + step)
      if resolve(&cache, forged, at: now) == .refused { refused += 1 }
      _ = actions(&cache, at: now)
    }
    let known = known(cache, 1...48)
    #expect(known == 48)
    // 16 places in a tenth of a second each.
    #expect(refused > 3300 && refused < 3400, "\(refused)")
  }

  /// An answer takes 50 ms, and forged packets come a thousand times as often.
  @Test func full_flood_whoIsAskedForHasTheTimeToAnswer() {
    var cache = full()
    var forged = 1000
    var answered = 0
    for round in 1...20 {
      let start = Double(round) * 2
      let newcomer = address(100 + round)
      var begin: Double?
      for step in 0..<1000 {
        let now = start + Double(step) / 1000
        if begin == nil, step % 7 == 0,
          resolve(&cache, newcomer, at: now) != .refused
        {
          begin = now
        }
        _ = resolve(&cache, address(forged), at: now)
        forged += 1
        _ = actions(&cache, at: now)
        guard let asked = begin, now >= asked + 0.05 else { continue }
        let lesson = cache.learn(
          newcomer,
          at: other,
          isAnswer: true,
          now: .at(now)
        )
        answered += lesson == .none ? 0 : 1
        break
      }
    }
    #expect(answered == 20)
  }

  /// Before each of some forged packets comes a forged question for us, so that
  /// there is an entry, with a hardware address that nobody has answered for.
  @Test func full_forgedQuestions_takeNoMoreThanForgedPackets() {
    var cache = full()
    var forged = 1000
    func next() -> IPv4Address {
      forged += 1
      return address(forged)
    }
    for round in 1...4 {
      let start = Double(round) * 4
      while cache.count < 64 {
        let stranger = next()
        cache.add(stranger, at: other, now: .at(start))
        _ = resolve(&cache, stranger, at: start)
      }
      _ = actions(&cache, at: start)
      for _ in 0..<16 { _ = resolve(&cache, next(), at: start) }
      _ = actions(&cache, at: start)
      for tick in 1..<36 {
        _ = actions(&cache, at: start + Double(tick) / 10)
      }
    }
    let left = known(cache, 1...64)
    #expect(left == 48)
  }

  /// Such a one has the time to answer from its first use on.
  @Test func full_whoAskedForUs_hasItsTimeFromItsFirstUse() {
    var limits = Limits()
    limits.neighbours = 2
    limits.neighboursAsked = 0
    var cache = NeighbourCache(limits: limits)
    know(&cache, first, hardware, at: 0)
    cache.add(address(2), at: other, now: .at(0))
    _ = resolve(&cache, address(2), at: 5)
    _ = actions(&cache, at: 5)
    let early = resolve(&cache, address(3), at: 5.099)
    #expect(early == .refused)
    let late = resolve(&cache, address(3), at: 5.1)
    #expect(late == .pending(1))
    let kept = cache.state(of: first)
    #expect(kept != nil)
  }

  @Test func full_ofAskedOnes_theOldestGoes_afterItsTime() {
    var limits = Limits()
    limits.neighbours = 3
    limits.neighboursAsked = 1
    var cache = NeighbourCache(limits: limits)
    for host in 1...3 {
      _ = resolve(&cache, address(host), at: Double(host) / 100)
    }
    _ = actions(&cache, at: 0.03)
    let early = resolve(&cache, address(4), at: 0.109)
    #expect(early == .refused)
    let late = resolve(&cache, address(4), at: 0.11)
    #expect(late == .pending(2))
    let gone = cache.state(of: address(1))
    #expect(gone == nil)
    // The one that went would have to wait for its request.
    let again = resolve(&cache, address(1), at: 0.5)
    #expect(again == .refused)
    let later = resolve(&cache, address(1), at: 1.03)
    #expect(later == .pending(2))
  }

  // MARK: How often is asked. RFC 1122 §2.3.2.1

  /// One more neighbour than places, silent or not, each used a thousand times
  /// a second.
  @Test(arguments: [false, true])
  func oneNeighbourTooMany_eachIsAskedOnceASecond(areThere: Bool) {
    var cache = NeighbourCache(limits: Limits())
    var last: [UInt32: Instant] = [:]
    var closest = Interval.seconds(1000)
    for round in 0..<3000 {
      let now = Instant.at(Double(round) / 1000)
      for host in 1...65 {
        _ = resolve(&cache, address(host), at: Double(round) / 1000)
        while let action = cache.nextAction(at: now) {
          guard case .request(let asked, _) = consume action else { continue }
          if let former = last[asked.bits] {
            closest = min(closest, now - former)
          }
          last[asked.bits] = now
          guard areThere else { continue }
          _ = cache.learn(asked, at: hardware, isAnswer: true, now: now)
        }
      }
    }
    #expect(last.count == 65)
    #expect(closest >= .seconds(1))
  }

  @Test func forgotten_andUsedAgain_waitsForItsSecond() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    _ = cache.removeAll()
    _ = resolve(&cache, first, at: 0.25)
    let held = actions(&cache, at: 0.25)
    #expect(held == ["held back"])
    let deadline = cache.deadline
    #expect(deadline == .at(1))
    // It was not asked again yet, so this is no answer.
    let lesson = learn(&cache, other, at: 0.5)
    #expect(lesson == .none)
    let asked = actions(&cache, at: 1)
    #expect(asked == ["1 of all"])
  }

  /// Of an address that asked for us nobody knows whether it was asked before.
  @Test func forgotten_andAskedForUs_waitsForItsSecond() {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    _ = cache.removeAll()
    cache.add(first, at: hardware, now: .at(0.5))
    _ = resolve(&cache, first, at: 0.5)
    let held = actions(&cache, at: 0.5)
    #expect(held == ["held back"])
    let asked = actions(&cache, at: 1)
    #expect(asked == ["1 of all"])
  }

  /// In a flood no more first requests go than may, and those who are known are
  /// asked again in their time.
  @Test func flood_requestsAreBounded_andRefreshesGo() {
    var limits = Limits()
    limits.neighbours = 512
    var cache = NeighbourCache(limits: limits)
    know(&cache, first, hardware, at: 0)
    _ = resolve(&cache, first, at: 40)
    var found: [String] = []
    for step in 0..<1000 {
      let now = 44.5 + Double(step) / 1000
      _ = resolve(&cache, address(1000 + step), at: now)
      found += actions(&cache, at: now)
    }
    let requests = found.filter { $0.hasSuffix("of all") }.count
    #expect(requests == 256 - 1 || requests == 256, "\(requests)")
    #expect(found.filter { $0 == "1 of one" }.count == 1)
    #expect(found.contains("held back"))
  }

  // MARK: What is an answer. RFC 826, RFC 4861 §7.2.5

  @Test func incomplete_whatIsNoAnswer_isNotBelieved() {
    var cache = NeighbourCache(limits: Limits())
    _ = resolve(&cache, first, at: 0)
    // Before it was asked there is no answer either.
    let before = learn(&cache, other, at: 0)
    #expect(before == .none)
    _ = actions(&cache, at: 0)
    let claim = learn(&cache, other, isAnswer: false, at: 0.1)
    #expect(claim == .none)
    let answer = learn(&cache, hardware, at: 0.2)
    #expect(answer == .known(0))
    let silent = actions(&cache, at: 20)
    #expect(silent == [])
    let known = resolve(&cache, first, at: 20)
    #expect(known == .known(hardware))
  }

  /// The first counts; whether it is there it is asked itself, and when it is
  /// not, everybody.
  @Test(arguments: [true, false])
  func incomplete_twoAnswers_theFirstIsAskedOnceMore(isThere: Bool) {
    var cache = NeighbourCache(limits: Limits())
    know(&cache, first, hardware, at: 0)
    let second = learn(&cache, other, at: 0.1)
    #expect(second == .disputed)
    let early = actions(&cache, at: 0.9)
    #expect(early == [])
    let alone = actions(&cache, at: 1)
    #expect(alone == ["1 of one"])
    if isThere { _ = learn(&cache, hardware, at: 1.1) }
    let all = actions(&cache, at: 2)
    #expect(all == (isThere ? [] : ["1 of all"]))
    _ = learn(&cache, other, at: 2.1)
    let known = resolve(&cache, first, at: 2.2)
    #expect(known == .known(isThere ? hardware : other))
  }

  @Test func whoAskedForUs_isKnown_andProbedAtTheNextUse() {
    var cache = NeighbourCache(limits: Limits())
    cache.add(first, at: hardware, now: .at(0))
    let unused = actions(&cache, at: 0)
    #expect(unused == [])
    let known = resolve(&cache, first, at: 1)
    #expect(known == .known(hardware))
    let probed = actions(&cache, at: 1)
    #expect(probed == ["1 of all"])
    // Whoever answers first, as with any first request.
    _ = learn(&cache, other, at: 1)
    let answered = resolve(&cache, first, at: 1)
    #expect(answered == .known(other))
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
