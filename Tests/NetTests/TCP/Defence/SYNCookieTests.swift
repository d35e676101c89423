import Testing

@testable import Net

/// The numbers and timestamps that cookies are in, apart from listeners.
/// RFC 4987 §3.6.
@Suite struct SYNCookiesTests {
  static let key = TCP.Key(
    local: Endpoint(address: TCPHarness.ours, port: 80),
    remote: Endpoint(address: TCPHarness.theirs, port: 5000)
  )
  static let peer = SequenceNumber(0xFFFF_FFF0)

  static func at(_ seconds: Int64) -> Instant {
    Instant(nanoseconds: seconds * 1_000_000_000)
  }

  static func number(size: UInt16 = 1460, at now: Instant) -> SequenceNumber {
    SYNCookies.sequenceNumber(
      for: SYNCookies.Contents(maximumSegmentSize: size),
      key: key,
      peer: peer,
      secret: TCPHarness.secret,
      at: now
    )
  }

  static func size(
    of number: SequenceNumber,
    key: TCP.Key = key,
    peer: SequenceNumber = peer,
    secret: SipHash.Key = TCPHarness.secret,
    at now: Instant
  ) -> UInt16? {
    SYNCookies.segmentSize(
      of: number,
      key: key,
      peer: peer,
      secret: secret,
      at: now
    )
  }

  /// RFC 9293 §3.7.1 (MUST-16): never more than the peer takes.
  @Test(
    arguments: [
      (1460, 1460), (9000, 1460), (1459, 1440), (1440, 1440), (1400, 1400),
      (1399, 1360), (1220, 1220), (1219, 1024), (536, 536), (535, 48),
      (48, 48), (1, 48),
    ] as [(UInt16, UInt16)]
  )
  func size_isTheNextSmaller(offered: UInt16, taken: UInt16) {
    let now = Self.at(100)
    let number = Self.number(size: offered, at: now)
    #expect(Self.size(of: number, at: now) == taken)
  }

  /// Good for one period and what is left of the present one.
  @Test(
    arguments: [(0, true), (64, true), (127, true), (128, false), (640, false)]
      as [(Int64, Bool)]
  )
  func age_isBounded(age: Int64, isGood: Bool) {
    let sent = Self.at(64 * 100)
    let number = Self.number(at: sent)
    #expect((Self.size(of: number, at: sent + .seconds(age)) != nil) == isGood)
  }

  @Test func everything_isInTheHash() {
    let now = Self.at(77)
    let number = Self.number(at: now)
    let otherPort = TCP.Key(
      local: Self.key.local,
      remote: Endpoint(address: TCPHarness.theirs, port: 5001)
    )
    let otherAddress = TCP.Key(
      local: Self.key.local,
      remote: Endpoint(address: TCPHarness.ours, port: 5000)
    )
    #expect(Self.size(of: number, at: now) == 1460)
    #expect(Self.size(of: number, key: otherPort, at: now) == nil)
    #expect(Self.size(of: number, key: otherAddress, at: now) == nil)
    #expect(Self.size(of: number, peer: Self.peer + 1, at: now) == nil)
    #expect(Self.size(of: number, secret: SipHash.Key(9, 9), at: now) == nil)
    // Another size of the same hash.
    let other = SequenceNumber(number.rawValue ^ 1 << 24)
    #expect(Self.size(of: other, at: now) == nil)
  }

  /// Of random numbers, as few are right as are of all.
  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func guesses_fail(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 4))
    let right = (0..<20_000).filter { _ in
      let guess = SequenceNumber(UInt32(truncatingIfNeeded: random.next()))
      return Self.size(of: guess, at: Self.at(5)) != nil
    }
    #expect(right.isEmpty, "seed \(seed)")
  }

  // MARK: Timestamps

  @Test(
    arguments: [
      (nil, false, false), (0, false, false), (7, true, false),
      (14, true, true), (nil, true, true), (1, false, true),
    ] as [(UInt8?, Bool, Bool)]
  )
  func options_comeBack(scale: UInt8?, sack: Bool, ecn: Bool) {
    var contents = SYNCookies.Contents(maximumSegmentSize: 1460)
    contents.windowScale = scale
    contents.permitsSACK = sack
    contents.usesECN = ecn
    for clock: UInt32 in [0, 1, 63, 64, 1000, 0xFFFF_FFFF] {
      let value = SYNCookies.timestamp(for: contents, clock: clock)
      var back = SYNCookies.Contents(maximumSegmentSize: 1460)
      SYNCookies.take(value, into: &back)
      #expect(back == contents)
      // Not later than the clock, and not by much earlier.
      #expect(0..<128 ~= Int(clock &- value))
    }
  }

  @Test func scaleBeyond14_is14() {
    var contents = SYNCookies.Contents(maximumSegmentSize: 1460)
    contents.windowScale = 200
    var back = SYNCookies.Contents(maximumSegmentSize: 1460)
    SYNCookies.take(
      SYNCookies.timestamp(for: contents, clock: 5000),
      into: &back
    )
    #expect(back.windowScale == 14)
  }
}

/// Listeners with a full backlog. RFC 4987 §3.6.
@Suite struct SYNCookieTests {
  /// A listener whose backlog of one is full of a handshake that is not
  /// complete.
  static func full(
    limits: TCPLimits = TCPHarness.limits
  ) -> (TCPHarness, ListenerID) {
    let harness = TCPHarness(limits: limits)
    let listener = try! harness.listen(backlog: 1)
    harness.remotePort = 1001
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    harness.remotePort = 2000
    return (harness, listener)
  }

  @Test func fullBacklog_answersAndKeepsNothing() {
    let (harness, listener) = Self.full()
    harness.receive(Segment(.syn, 0, mss: 1400, scale: 7, permitsSACK: true))
    let reply = harness.learnInitial()
    #expect(reply?.flags == [.syn, .acknowledgement])
    #expect(reply?.acknowledgement == 1)
    #expect(reply?.segmentSize == 1460)
    #expect(reply?.window == 65_535)
    // Without timestamps nothing else can be remembered.
    #expect(reply?.scale == nil)
    #expect(reply?.permitsSACK == false)
    #expect(reply?.stamp == nil)
    #expect(harness.tcp.connectionCount == 1)
    #expect(harness.tcp.counters.cookiesSent == 1)
    #expect(harness.accept(listener) == nil)
    // It is not sent again.
    harness.wait(900)
    harness.expectNothing()
  }

  @Test func cookie_comesBack() throws {
    let (harness, listener) = Self.full()
    harness.receive(Segment(.syn, 0, mss: 1400))
    _ = harness.learnInitial()
    harness.wait(500)
    harness.receive(Segment([], 1, ack: 1, window: 3000))
    #expect(harness.events() == [.acceptable(listener)])
    let id = try #require(harness.accept(listener))
    #expect(harness.tcp.state(id) == .established)
    let information = harness.tcp.information(id)
    #expect(information?.maximumSegmentSize == 1400)
    #expect(information?.sendWindow == 3000)
    #expect(harness.tcp.counters.cookiesAccepted == 1)
    _ = try harness.write(id, [1, 2])
    harness.expect(Segment(.push, 1, ack: 1, [1, 2]))
    harness.receive(Segment(.push, 1, ack: 3, [7]))
    #expect(harness.read(id) == .bytes([7]))
  }

  /// RFC 4987 §3.6: what timestamps bring back.
  @Test func timestamps_bringTheOtherOptionsBack() throws {
    let (harness, listener) = Self.full()
    harness.receive(
      Segment(
        [.syn, .congestionEcho, .windowReduced],
        0,
        mss: 1460,
        scale: 5,
        stamp: (9000, 0),
        permitsSACK: true
      )
    )
    let reply = harness.learnInitial()
    #expect(reply?.flags == [.syn, .acknowledgement, .congestionEcho])
    #expect(reply?.scale == 1)
    #expect(reply?.permitsSACK == true)
    #expect(reply?.stamp?.1 == 9000)
    harness.wait(100)
    harness.receive(
      Segment([], 1, ack: 1, window: 1000, stamp: (9100, 0))
    )
    let id = try #require(harness.accept(listener))
    #expect(harness.tcp.information(id)?.sendWindow == 32_000)
    // Later timestamps go on, with the same clock.
    harness.receive(Segment([], 101, ack: 1, stamp: (9110, 0), [1]))
    let sent = try #require(harness.transmit())
    #expect(sent.sack == [101..<102])
    #expect(sent.stamp?.1 == 9100)
    #expect(100..<300 ~= sent.stamp!.0)
  }

  @Test func textAndFINOnTheLast_areTaken() throws {
    let (harness, listener) = Self.full()
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    harness.receive(Segment([.push, .fin], 1, ack: 1, [5, 6]))
    let id = try #require(harness.accept(listener))
    #expect(harness.read(id) == .bytes([5, 6]))
    #expect(harness.read(id) == .endOfStream)
    #expect(harness.tcp.state(id) == .closeWait)
    harness.expect(Segment([], 1, ack: 4))
  }

  @Test(arguments: [0, 2, 1000, -1])
  func wrongNumber_isReset(number: Int) {
    let (harness, listener) = Self.full()
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    harness.receive(Segment([], 1, ack: number))
    harness.expect(Segment(.reset, number))
    #expect(harness.accept(listener) == nil)
    #expect(harness.tcp.counters.cookiesWrong == 1)
    #expect(harness.tcp.connectionCount == 1)
  }

  /// The acknowledgement is lost, or overtaken: a reset would end the peer's
  /// connection, which is good.
  @Test func textThatOvertakes_isNotReset() throws {
    let (harness, listener) = Self.full()
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    harness.receive(Segment([], 101, ack: 1, pattern(100)))
    harness.expectNothing()
    harness.receive(Segment([], 1, ack: 1, pattern(100)))
    let id = try #require(harness.accept(listener))
    #expect(harness.read(id) == .bytes(pattern(100)))
    #expect(harness.tcp.counters.cookiesWrong == 1)
  }

  @Test func otherPeersNumber_isReset() {
    let (harness, _) = Self.full()
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    // The peer's own number was another.
    harness.receive(Segment([], 2, ack: 1))
    harness.expect(Segment(.reset, 1))
    harness.remotePort = 2001
    harness.receive(Segment([], 1, ack: 1))
    harness.expect(Segment(.reset, 1))
  }

  /// RFC 4987 §3.6: only while the backlog is full, and for a minute after.
  @Test(arguments: [(30, true), (64, false)] as [(Int64, Bool)])
  func noCookiesOut_nobodyGuesses(seconds: Int64, isTaken: Bool) {
    let (harness, listener) = Self.full()
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    harness.now = harness.now + .seconds(seconds)
    harness.receive(Segment([], 1, ack: 1))
    #expect((harness.accept(listener) != nil) == isTaken)
    #expect(harness.tcp.counters.cookiesWrong == 0)
  }

  @Test func backlogNotFull_noCookieIsTaken() throws {
    let harness = TCPHarness()
    let listener = try harness.listen(backlog: 1)
    harness.iss = SYNCookiesTests.number(at: harness.now)
    harness.irs = SYNCookiesTests.peer
    harness.remotePort = 5000
    harness.receive(Segment([], 1, ack: 1))
    harness.expect(Segment(.reset, 1))
    #expect(harness.accept(listener) == nil)
  }

  /// The backlog is full of what the app has not accepted: there is no place.
  @Test func nothingAccepted_silence() {
    let (harness, listener) = Self.full()
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    harness.receive(Segment([], 1, ack: 1))
    harness.remotePort = 3000
    harness.receive(Segment(.syn, 0))
    harness.expectNothing()
    #expect(harness.tcp.counters.backlogFull == 2)
    #expect(harness.tcp.counters.cookiesSent == 1)
    #expect(harness.accept(listener) != nil)
  }

  @Test func twoComeBack_theSecondWaits() throws {
    let (harness, listener) = Self.full()
    var numbers: [SequenceNumber] = []
    for port: UInt16 in [2000, 2001] {
      harness.remotePort = port
      harness.receive(Segment(.syn, 0))
      _ = harness.learnInitial()
      numbers.append(harness.iss)
    }
    harness.remotePort = 2000
    harness.iss = numbers[0]
    harness.receive(Segment([], 1, ack: 1))
    harness.remotePort = 2001
    harness.iss = numbers[1]
    harness.receive(Segment(.push, 1, ack: 1, [1]))
    harness.expectNothing()
    #expect(harness.tcp.counters.cookiesWithoutRoom == 1)
    #expect(harness.accept(listener) != nil)
    // It sends its text again, and then there is room.
    harness.receive(Segment(.push, 1, ack: 1, [1]))
    let id = try #require(harness.accept(listener))
    #expect(harness.read(id) == .bytes([1]))
  }

  @Test func flood_nothingIsHeldAndTheHonestComesIn() {
    let (harness, listener) = Self.full()
    for port in 3000..<5000 {
      harness.remotePort = UInt16(port)
      harness.receive(Segment(.syn, 0))
      _ = harness.learnInitial()
    }
    #expect(harness.tcp.connectionCount == 1)
    #expect(harness.tcp.counters.cookiesSent == 2000)
    harness.remotePort = 2000
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    harness.receive(Segment([], 1, ack: 1))
    #expect(harness.accept(listener) != nil)
    #expect(harness.pool.available == harness.pool.capacity)
  }
}
