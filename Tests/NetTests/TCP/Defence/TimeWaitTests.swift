import Testing

@testable import Net

/// What is left of a connection in TIME-WAIT, apart from any. RFC 9293
/// §3.10.7.4, RFC 6191, RFC 1337.
@Suite struct TimeWaitTests {
  /// The peer's next number is 1,000, ours 500, the window 100 bytes.
  static func left(recent: UInt32? = nil) -> TimeWait {
    TimeWait(
      sendNext: SequenceNumber(500),
      receiveNext: SequenceNumber(1000),
      clockOffset: 0,
      recent: recent ?? 0,
      window: 25,
      windowShift: 2,
      hasTimestamps: recent != nil
    )
  }

  static func segment(
    _ flags: TCPHeader.Flags,
    _ sequence: UInt32,
    ack: UInt32? = nil,
    stamp: UInt32? = nil
  ) -> TCPHeader {
    var segment = TCPHeader(
      sourcePort: 1,
      destinationPort: 2,
      sequenceNumber: SequenceNumber(sequence),
      flags: flags
    )
    if let ack {
      segment.flags.insert(.acknowledgement)
      segment.acknowledgementNumber = SequenceNumber(ack)
    }
    segment.options.timestamp = stamp.map { .init(value: $0, echo: 0) }
    return segment
  }

  @Test(
    arguments: [
      // The last acknowledgement once more.
      ([], 1000, 500, 0, .ignore),
      ([], 1099, 500, 0, .ignore),
      // Impossible, or outside the window: RFC 5961 §5.2.
      ([], 1000, 501, 0, .challenge),
      ([], 999, 500, 0, .challenge),
      ([], 1100, 500, 0, .challenge),
      // Text, that nobody would read.
      ([.push], 1000, 500, 10, .ignore),
      ([.push], 990, 500, 10, .challenge),
      // The FIN again, with text and without.
      ([.fin], 999, 500, 0, .acknowledgeAndRestart),
      ([.fin], 989, 500, 10, .acknowledgeAndRestart),
      ([.fin], 1000, 500, 0, .challenge),
      ([.fin], 900, 500, 0, .challenge),
      // RFC 1337; but exactly there it is the peer's.
      ([.reset], 1000, nil, 0, .disown),
      ([.reset], 1050, nil, 0, .ignore),
      ([.reset], 1, nil, 0, .ignore),
      // A new connection, and an old duplicate.
      ([.syn], 1001, nil, 0, .reopen),
      ([.syn], 1000, nil, 0, .challenge),
      ([.syn], 1, nil, 0, .challenge),
      ([.syn], 1001, 500, 0, .challenge),
      ([.syn, .reset], 1001, nil, 0, .ignore),
    ] as [(TCPHeader.Flags, UInt32, UInt32?, Int, TimeWait.Verdict)]
  )
  func segment_verdict(
    flags: TCPHeader.Flags,
    sequence: UInt32,
    ack: UInt32?,
    payload: Int,
    verdict: TimeWait.Verdict
  ) {
    let segment = Self.segment(flags, sequence, ack: ack)
    #expect(Self.left().segmentArrives(segment, payload: payload) == verdict)
  }

  /// RFC 6191 §2: the timestamp of the connection that was, that of the SYN, its
  /// number, and whether it begins a new one.
  @Test(
    arguments: [
      (nil, nil, 1001, true), (nil, nil, 1000, false),
      (nil, 5, 1001, true), (nil, 5, 1, true),
      (100, 101, 1, true), (100, 101, 1001, true),
      (100, 100, 1001, true), (100, 100, 1000, false),
      (100, 99, 1001, false), (100, 99, 1, false),
      (100, nil, 1001, true), (100, nil, 1000, false),
      (0xFFFF_FFFF, 0, 1, true),
    ] as [(UInt32?, UInt32?, UInt32, Bool)]
  )
  func syn_begins(
    recent: UInt32?,
    stamp: UInt32?,
    sequence: UInt32,
    begins: Bool
  ) {
    let syn = Self.segment(.syn, sequence, stamp: stamp)
    let left = Self.left(recent: recent)
    #expect(left.begins(syn) == begins)
    #expect(
      left.segmentArrives(syn, payload: 0) == (begins ? .reopen : .challenge)
    )
  }

  /// A peer that has said that it has no such connection may begin one with any
  /// number and any clock.
  @Test func disowned_anySYNBegins() {
    var left = Self.left(recent: 100)
    left.isDisowned = true
    for sequence in [1, 1000, 1001] as [UInt32] {
      let syn = Self.segment(.syn, sequence, stamp: 5)
      #expect(left.segmentArrives(syn, payload: 0) == .reopen)
    }
    // What is no SYN is as it was.
    let old = Self.segment([], 1000, ack: 500, stamp: 5)
    #expect(left.segmentArrives(old, payload: 0) == .challenge)
  }

  /// RFC 7323 §5.3: what is old is acknowledged, whatever it is, but for a reset.
  @Test(
    arguments: [
      ([], 99, .challenge), ([], 100, .ignore), (.fin, 99, .challenge),
      (.reset, 99, .disown),
    ] as [(TCPHeader.Flags, UInt32, TimeWait.Verdict)]
  )
  func oldTimestamp_isChallenged(
    flags: TCPHeader.Flags,
    stamp: UInt32,
    verdict: TimeWait.Verdict
  ) {
    let segment = Self.segment(flags, 1000, ack: 500, stamp: stamp)
    let left = Self.left(recent: 100)
    #expect(left.segmentArrives(segment, payload: 0) == verdict)
  }
}

@Suite struct TimeWaitTableTests {
  static func record(_ number: Int, expiry: Int64) -> TimeWaitTable.Record {
    TimeWaitTable.Record(
      local: Endpoint(address: TCPHarness.ours, port: 80),
      remote: Endpoint(
        address: TCPHarness.theirs,
        port: UInt16(1000 + number)
      ),
      state: TimeWaitTests.left(),
      expiry: Instant(nanoseconds: expiry)
    )
  }

  static func table(limit: Int = 8) -> TimeWaitTable {
    TimeWaitTable(limit: limit, secret: SipHash.Key(1, 2))
  }

  static func key(_ number: Int) -> TCP.Key { record(number, expiry: 0).key }

  @Test func record_isSmall() {
    #expect(MemoryLayout<TimeWaitTable.Record>.stride <= 96)
  }

  @Test func records_areFoundUntilTheyExpire() {
    var table = Self.table()
    for number in 0..<5 {
      table.insert(Self.record(number, expiry: Int64(100 + number)))
    }
    let deadline = table.deadline
    #expect(deadline == Instant(nanoseconds: 100))
    table.expire(at: Instant(nanoseconds: 102))
    let count = table.count
    #expect(count == 2)
    for number in 0..<5 {
      let isFound = table.find(Self.key(number)) != nil
      #expect(isFound == (number > 2))
    }
    table.expire(at: Instant(nanoseconds: 1000))
    let isEmpty = table.isEmpty
    #expect(isEmpty)
    let isOver = table.deadline == nil
    #expect(isOver)
  }

  @Test func restart_makesItTheLast() {
    var table = Self.table()
    for number in 0..<3 {
      table.insert(Self.record(number, expiry: Int64(100 + number)))
    }
    let first = table.find(Self.key(0))!
    table.restart(first, until: Instant(nanoseconds: 200))
    let deadline = table.deadline
    #expect(deadline == Instant(nanoseconds: 101))
    table.expire(at: Instant(nanoseconds: 199))
    let count = table.count
    #expect(count == 1)
    let last = table.deadline
    #expect(last == Instant(nanoseconds: 200))
  }

  @Test func full_theOldestIsFirst() {
    var table = Self.table(limit: 2)
    table.insert(Self.record(0, expiry: 1))
    let isFull = table.isFull
    #expect(!isFull)
    table.insert(Self.record(1, expiry: 2))
    let isFullNow = table.isFull
    #expect(isFullNow)
    table.removeOldest()
    let isGone = table.find(Self.key(0)) == nil
    #expect(isGone)
    table.insert(Self.record(2, expiry: 3))
    let count = table.count
    #expect(count == 2)
  }

  @Test func address_takesItsOwn() {
    var table = Self.table()
    for number in 0..<4 { table.insert(Self.record(number, expiry: 9)) }
    table.removeAll(from: TCPHarness.theirs)
    let count = table.count
    #expect(count == 4)
    table.removeAll(from: TCPHarness.ours)
    let isEmpty = table.isEmpty
    #expect(isEmpty)
  }

  /// Against a model, with chains that are long.
  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func anyOrder_isAsTheModelSays(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 5))
    var table = Self.table(limit: 16)
    var model: [(number: Int, expiry: Int64)] = []
    var now: Int64 = 0
    for round in 0..<2000 {
      let place = "seed \(seed), round \(round)"
      now += Int64.random(in: 0...4, using: &random)
      table.expire(at: Instant(nanoseconds: now))
      model.removeAll { $0.expiry <= now }
      let number = Int.random(in: 0..<40, using: &random)
      let found = table.find(Self.key(number))
      let index = model.firstIndex { $0.number == number }
      #expect((found == nil) == (index == nil), "\(place)")
      if let found, let index {
        model.remove(at: index)
        if Bool.random(using: &random) {
          table.remove(found)
        } else {
          table.restart(found, until: Instant(nanoseconds: now + 60))
          model.append((number, now + 60))
        }
      } else {
        if table.isFull {
          table.removeOldest()
          model.removeFirst()
        }
        table.insert(Self.record(number, expiry: now + 60))
        model.append((number, now + 60))
      }
      let (count, deadline) = (table.count, table.deadline)
      #expect(count == model.count, "\(place)")
      #expect(deadline?.nanoseconds == model.first?.expiry, "\(place)")
    }
  }
}

/// Connections that were released, in TIME-WAIT.
@Suite struct TCPReleasedTimeWaitTests {
  static func released(stamp: Int? = nil) -> TCPHarness {
    let (harness, id) = TCPHarness.established(stamp: stamp)
    func stamped(_ value: Int) -> (Int, Int)? { stamp.map { ($0 + value, 0) } }
    harness.release(id)
    harness.drain()
    harness.receive(Segment([], 1, ack: 2, stamp: stamped(1)))
    harness.receive(Segment(.fin, 1, ack: 2, stamp: stamped(2)))
    #expect(harness.drain().map(\.acknowledgement) == [2])
    #expect(harness.tcp.timeWait.count == 1)
    return harness
  }

  /// The same while the app holds it.
  static func held(stamp: Int) -> TCPHarness {
    let (harness, id) = TCPHarness.established(stamp: stamp)
    harness.close(id)
    harness.drain()
    harness.receive(Segment([], 1, ack: 2, stamp: (stamp + 1, 0)))
    harness.receive(Segment(.fin, 1, ack: 2, stamp: (stamp + 2, 0)))
    harness.drain()
    #expect(harness.tcp.state(id) == .timeWait)
    return harness
  }

  @Test func released_holdsNoSlot() {
    let harness = Self.released()
    #expect(harness.tcp.freeSlots == 1)
    #expect(harness.tcp.table.count == 0)
    #expect(harness.tcp.connectionCount == 1)
    #expect(harness.events().isEmpty)
    #expect(harness.tcp.deadline == harness.now + .seconds(60))
    harness.wait(60_000)
    #expect(harness.tcp.connectionCount == 0)
    #expect(harness.tcp.deadline == nil)
    // Nobody is there any more.
    harness.receive(Segment([], 2, ack: 2))
    harness.expect(Segment(.reset, 2))
  }

  @Test func releasedLater_isMovedThen() {
    let (harness, id) = TCPHarness.timeWait()
    #expect(harness.tcp.timeWait.count == 0)
    harness.wait(20_000)
    harness.release(id)
    #expect(harness.tcp.timeWait.count == 1)
    harness.wait(39_999)
    #expect(harness.tcp.timeWait.count == 1)
    harness.wait(1)
    #expect(harness.tcp.timeWait.count == 0)
  }

  @Test func fin_isAcknowledgedAndRestarts() {
    let harness = Self.released(stamp: 1000)
    harness.wait(30_000)
    harness.receive(Segment(.fin, 1, ack: 2, stamp: (1100, 0)))
    harness.expect(Segment([], 2, ack: 2, stamp: (30_000, 1002)))
    #expect(harness.tcp.deadline == harness.now + .seconds(60))
  }

  @Test func reset_isIgnored() {
    let harness = Self.released()
    harness.receive(Segment(.reset, 2))
    harness.expectNothing()
    #expect(harness.tcp.timeWait.count == 1)
    #expect(harness.tcp.counters.timeWaitIgnored == 1)
  }

  @Test func heldReset_isIgnored() {
    let (harness, id) = TCPHarness.timeWait()
    harness.receive(Segment(.reset, 2))
    harness.expectNothing()
    #expect(harness.tcp.state(id) == .timeWait)
    #expect(harness.tcp.counters.timeWaitIgnored == 1)
    #expect(harness.tcp.counters.resetsReceived == 0)
  }

  /// A client whose clock began anew, or another behind the same address: its
  /// SYN is older, our challenge is answered with a reset at what it
  /// acknowledges (RFC 9293 §3.10.7.3), and the SYN comes once more.
  @Test(arguments: [false, true])
  func olderSYNAgainAfterTheReset_begins(isHeld: Bool) throws {
    let harness = isHeld ? Self.held(stamp: 1000) : Self.released(stamp: 1000)
    let oldISS = harness.iss
    harness.irs = harness.irs - 5_000_000
    let syn = Segment(.syn, 0, mss: 1000, stamp: (500, 0))
    harness.receive(syn)
    let challenge = try #require(harness.transmit())
    #expect(challenge.flags == .acknowledgement)
    harness.receive(Segment(.reset, try #require(challenge.acknowledgement)))
    harness.expectNothing()
    #expect(harness.tcp.connectionCount == 1)
    #expect(harness.tcp.counters.resetsReceived == 0)
    harness.wait(1000)
    harness.receive(syn)
    let reply = harness.learnInitial()
    #expect(reply?.flags == [.syn, .acknowledgement])
    #expect(reply?.acknowledgement == 1)
    // RFC 1337: behind all that the first one sent.
    #expect(harness.iss - oldISS > 2)
    harness.receive(Segment([], 1, ack: 1, stamp: (1500, 0)))
    #expect(harness.tcp.counters.timeWaitReopened == 1)
    #expect(harness.tcp.counters.connectionsAccepted == 2)
  }

  /// A reset that is not exactly where the peer's would be says nothing.
  @Test(arguments: [false, true], [1, 3, 1000])
  func olderSYNAfterAnotherReset_isChallenged(isHeld: Bool, sequence: Int) {
    let harness = isHeld ? Self.held(stamp: 1000) : Self.released(stamp: 1000)
    harness.receive(Segment(.reset, sequence))
    harness.drain()
    harness.receive(Segment(.syn, -5000, stamp: (500, 0)))
    harness.expect(Segment([], 2, ack: 2))
    #expect(harness.tcp.counters.timeWaitReopened == 0)
  }

  /// RFC 1337 §3: what else is old finds TIME-WAIT as it was, for as long.
  @Test func afterTheReset_oldSegmentsAreKnown() {
    let harness = Self.released(stamp: 1000)
    harness.receive(Segment(.reset, 2))
    harness.receive(Segment(.push, 2, ack: 2, stamp: (900, 0), [1]))
    harness.expect(Segment([], 2, ack: 2))
    harness.wait(59_999)
    #expect(harness.tcp.connectionCount == 1)
    harness.wait(1)
    #expect(harness.tcp.connectionCount == 0)
  }

  @Test func challenges_areLimited() {
    let harness = Self.released()
    var sent = 0
    for _ in 0..<30 {
      harness.receive(Segment(.syn, 0))
      harness.receive(Segment([], 1, ack: 900))
      sent += harness.drain().count
    }
    #expect(sent == 10)
    #expect(harness.tcp.counters.challengesSuppressed == 50)
  }

  @Test(arguments: [nil, 1002, 5000] as [Int?])
  func newerSYN_begins(stamp: Int?) {
    let harness = Self.released(stamp: 1000)
    let (oldISS, oldClock) = (harness.iss, harness.clock)
    harness.wait(1000)
    harness.receive(Segment(.syn, 5000, stamp: stamp.map { ($0, 0) }))
    harness.irs = harness.irs + 5000
    let reply = harness.learnInitial()
    #expect(reply?.flags == [.syn, .acknowledgement])
    #expect(reply?.acknowledgement == 1)
    #expect(harness.iss - oldISS > 2)
    // RFC 7323 §5.4: the clock of these two ends goes on.
    if stamp != nil { #expect(harness.clock &- oldClock == 1000) }
    #expect(harness.tcp.timeWait.count == 0)
    #expect(harness.tcp.counters.timeWaitReopened == 1)
  }

  /// RFC 6191 §2: a SYN with a lower number, told by its timestamp.
  @Test func newerTimestamp_begins() {
    let harness = Self.released(stamp: 1000)
    harness.receive(Segment(.syn, -70_000, stamp: (1003, 0)))
    #expect(harness.drain().map(\.flags) == [[.syn, .acknowledgement]])
  }

  @Test func olderTimestamp_isChallenged() {
    let harness = Self.released(stamp: 1000)
    harness.receive(Segment(.syn, 70_000, stamp: (1001, 0)))
    harness.expect(Segment([], 2, ack: 2))
    #expect(harness.tcp.timeWait.count == 1)
  }

  @Test func port_isTakenUntilItIsOver() {
    var limits = TCPHarness.limits
    limits.firstEphemeralPort = 65_535
    let (harness, id) = TCPHarness.synSent(limits: limits)
    harness.receive(Segment(.syn, 0, ack: 1))
    harness.drain()
    harness.release(id)
    harness.drain()
    harness.receive(Segment(.fin, 1, ack: 2))
    harness.drain()
    #expect(harness.tcp.timeWait.count == 1)
    func connect() -> ConnectionID? {
      try? harness.tcp.connect(
        from: TCPHarness.ours,
        to: Endpoint(address: TCPHarness.theirs, port: 7),
        maximumSegmentSize: 1460,
        at: harness.now
      )
    }
    #expect(connect() == nil)
    harness.wait(60_000)
    #expect(connect() != nil)
  }

  @Test func addressLost_forgetsThem() {
    let harness = Self.released()
    harness.tcp.abortAll(from: TCPHarness.ours, at: harness.now)
    #expect(harness.tcp.connectionCount == 0)
    #expect(harness.tcp.deadline == nil)
  }
}
