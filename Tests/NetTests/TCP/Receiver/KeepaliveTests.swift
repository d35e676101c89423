import Testing

@testable import Net

/// When a silent peer is asked, apart from connections. RFC 9293 §3.8.4.
@Suite struct KeepaliveTests {
  static func at(_ seconds: Int64) -> Instant {
    Instant(nanoseconds: seconds * 1_000_000_000)
  }

  static func on() -> Keepalive {
    var keepalive = Keepalive()
    keepalive.set(
      after: .seconds(100),
      every: .seconds(10),
      count: 3,
      at: at(0)
    )
    return keepalive
  }

  /// MUST-25.
  @Test func off_neverAsks() {
    var keepalive = Keepalive()
    func poll(_ time: Int64) -> Keepalive.Action {
      keepalive.poll(at: Self.at(time))
    }
    #expect(!keepalive.isOn)
    #expect(keepalive.deadline == nil)
    #expect(poll(1_000_000) == .none)
  }

  /// MUST-29: several in vain before it gives up.
  @Test func silence_isAskedThenGivenUp() {
    var keepalive = Self.on()
    func poll(_ time: Int64) -> Keepalive.Action {
      keepalive.poll(at: Self.at(time))
    }
    for time: Int64 in [100, 110, 120] {
      #expect(keepalive.deadline == Self.at(time))
      #expect(poll(time - 1) == .none)
      #expect(poll(time) == .probe)
      #expect(keepalive.isDue)
      #expect(keepalive.deadline == nil)
      keepalive.sent()
      #expect(!keepalive.isDue)
    }
    #expect(poll(129) == .none)
    #expect(poll(130) == .giveUp)
  }

  @Test func word_beginsAnew() {
    var keepalive = Self.on()
    func poll(_ time: Int64) -> Keepalive.Action {
      keepalive.poll(at: Self.at(time))
    }
    #expect(poll(100) == .probe)
    keepalive.heard(at: Self.at(101))
    #expect(!keepalive.isDue)
    #expect(keepalive.deadline == Self.at(201))
  }

  @Test func setAgain_countsFromThen() {
    var keepalive = Self.on()
    keepalive.set(
      after: .seconds(5),
      every: .seconds(1),
      count: 1,
      at: Self.at(50)
    )
    #expect(keepalive.deadline == Self.at(55))
    keepalive.set(after: nil, every: .seconds(1), count: 1, at: Self.at(51))
    #expect(keepalive.deadline == nil)
  }

  /// What is too short to be meant is a second.
  @Test func lessThanASecond_isOne() {
    var keepalive = Keepalive()
    func poll(_ time: Int64) -> Keepalive.Action {
      keepalive.poll(at: Self.at(time))
    }
    keepalive.set(
      after: .milliseconds(1),
      every: .zero,
      count: 0,
      at: Self.at(0)
    )
    #expect(keepalive.deadline == Self.at(1))
    #expect(poll(1) == .probe)
    keepalive.sent()
    #expect(poll(2) == .giveUp)
  }
}

/// Keepalive and the user timeout on connections. RFC 9293 §3.8.3, §3.8.4.
@Suite struct TCPKeepaliveTests {
  static func idle(
    stamp: Int? = nil,
    seconds: Int64 = 100
  ) -> (TCPHarness, ConnectionID) {
    var limits = TCPHarness.limits
    limits.keepaliveInterval = .seconds(10)
    limits.keepaliveProbes = 2
    let (harness, id) = TCPHarness.established(limits: limits, stamp: stamp)
    harness.tcp.setKeepalive(id, after: .seconds(seconds), at: harness.now)
    return (harness, id)
  }

  /// MUST-25: off unless the app asks.
  @Test func default_isOff() {
    let (harness, id) = TCPHarness.established()
    #expect(harness.tcp.deadline == nil)
    harness.wait(1_000_000_000)
    harness.expectNothing()
    #expect(harness.tcp.state(id) == .established)
  }

  /// What the app says of one connection holds for it alone.
  @Test func intervalAndProbes_asTheAppSays() {
    let (harness, id) = Self.idle()
    harness.tcp.setKeepalive(
      id,
      after: .seconds(3),
      every: .seconds(2),
      probes: 3,
      at: harness.now
    )
    for wait in [3000, 2000, 2000] as [Int64] {
      harness.wait(wait - 1)
      harness.expectNothing()
      harness.wait(1)
      harness.expect(Segment([], 0, ack: 1))
    }
    harness.wait(1999)
    #expect(harness.tcp.state(id) == .established)
    harness.wait(1)
    #expect(harness.tcp.state(id) == .closed)
    #expect(harness.tcp.counters.connectionsTimedOut == 1)
  }

  /// SHLD-12: no text; SEG.SEQ is SND.NXT - 1.
  @Test func silence_isProbed() {
    let (harness, _) = Self.idle()
    harness.wait(99_999)
    harness.expectNothing()
    harness.wait(1)
    harness.expect(Segment([], 0, ack: 1))
    harness.receive(Segment([], 1, ack: 1))
    harness.expectNothing()
    #expect(harness.tcp.deadline == harness.now + .seconds(100))
    #expect(harness.tcp.counters.keepaliveProbes == 1)
  }

  @Test func probe_hasATimestamp() {
    let (harness, _) = Self.idle(stamp: 1000)
    harness.wait(100_000)
    harness.expect(Segment([], 0, ack: 1, stamp: (100_000, 1000)))
  }

  @Test func noAnswer_fails() {
    let (harness, id) = Self.idle()
    harness.wait(100_000)
    harness.expect(Segment([], 0, ack: 1))
    harness.wait(10_000)
    harness.expect(Segment([], 0, ack: 1))
    harness.wait(9_999)
    #expect(harness.tcp.state(id) == .established)
    harness.wait(1)
    #expect(harness.read(id) == .failed(.timedOut))
    #expect(harness.tcp.counters.connectionsTimedOut == 1)
    harness.expect(Segment(.reset, 1, ack: 1))
    #expect(harness.tcp.deadline == nil)
  }

  @Test func text_beginsAnew() {
    let (harness, id) = Self.idle()
    harness.wait(90_000)
    harness.receive(Segment(.push, 1, ack: 1, [1]))
    #expect(harness.read(id) == .bytes([1]))
    harness.drain()
    harness.wait(40)
    harness.drain()
    harness.wait(99_959)
    harness.expectNothing()
    harness.wait(1)
    harness.expect(Segment([], 0, ack: 2))
  }

  /// What is outside the window may be anybody's.
  @Test func forgedSegment_isNoWord() {
    let (harness, _) = Self.idle()
    harness.wait(50_000)
    harness.receive(Segment([], 500_000, ack: 1))
    harness.drain()
    harness.wait(50_000)
    harness.expect(Segment([], 0, ack: 1))
  }

  /// MUST-26: what is under way asks by itself.
  @Test func underWay_isNotProbed() throws {
    let (harness, id) = Self.idle(seconds: 2)
    _ = try harness.write(id, [1])
    harness.expect(Segment(.push, 1, ack: 1, [1]))
    for seconds: Int64 in [1, 2, 4, 8] {
      harness.wait(seconds * 1000)
      harness.expect(Segment(.push, 1, ack: 1, [1]))
    }
    #expect(harness.tcp.counters.keepaliveProbes == 0)
  }

  @Test func afterThePeersEnd_isProbed() {
    let (harness, id) = Self.idle()
    harness.receive(Segment(.fin, 1, ack: 1))
    harness.drain()
    #expect(harness.tcp.state(id) == .closeWait)
    harness.wait(100_000)
    harness.expect(Segment([], 0, ack: 2))
  }

  @Test func off_stops() {
    let (harness, id) = Self.idle()
    harness.tcp.setKeepalive(id, after: nil, at: harness.now)
    #expect(harness.tcp.deadline == nil)
  }

  /// Lets the time go on to what comes next.
  static func goOn(_ harness: TCPHarness) {
    let deadline = harness.tcp.deadline
    harness.now = deadline ?? harness.now
    harness.tcp.poll(at: harness.now)
  }

  /// The peer that IP is told to look for a way to.
  static func suspect(_ harness: TCPHarness) -> IPAddress? {
    harness.tcp.nextSuspect()?.address
  }

  // MARK: The user timeout, RFC 9293 §3.8.3 (MUST-21)

  @Test(arguments: [5, 30] as [Int64])
  func userTimeout_isR2(seconds: Int64) throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.setUserTimeout(id, .seconds(seconds), at: harness.now)
    let start = harness.now
    _ = try harness.write(id, [1])
    while harness.tcp.state(id) != .closed {
      harness.drain()
      Self.goOn(harness)
    }
    #expect(harness.read(id) == .failed(.timedOut))
    // At the first expiry from then on.
    #expect(start + .seconds(seconds) <= harness.now)
    #expect(harness.now < start + .seconds(2 * seconds + 1))
  }

  @Test func userTimeout_longerThanTheDefault() throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.setUserTimeout(id, .seconds(500), at: harness.now)
    _ = try harness.write(id, [1])
    for _ in 0..<9 {
      harness.drain()
      Self.goOn(harness)
    }
    #expect(harness.tcp.state(id) == .established)
    harness.tcp.setUserTimeout(id, nil, at: harness.now)
    Self.goOn(harness)
    #expect(harness.tcp.state(id) == .closed)
  }

  /// Answers each probe of the shut window until `time`, or until it is over.
  private static func answerProbes(_ harness: TCPHarness, until time: Instant) {
    while let deadline = harness.tcp.deadline, deadline <= time {
      goOn(harness)
      if !harness.drain().isEmpty {
        harness.receive(Segment([], 1, ack: 1001, window: 0))
      }
    }
  }

  /// RFC 9293 §3.9.1.1: what is not delivered in time ends the connection,
  /// though the peer answers; by default it may stay for ever (MUST-37).
  @Test func userTimeout_shutWindowAnswered_ends() throws {
    let (harness, id) = try TCPSendTests.shutWindow()
    let start = harness.now
    harness.tcp.setUserTimeout(id, .seconds(5), at: start)
    // Probes after 0.2, 0.6, 1.4, 2.4, 3.4 and 4.4 s.
    Self.answerProbes(harness, until: start + .milliseconds(5399))
    #expect(harness.tcp.state(id) == .established)
    #expect(harness.tcp.counters.windowProbes == 6)
    Self.answerProbes(harness, until: start + .milliseconds(5400))
    #expect(harness.read(id) == .failed(.timedOut))
    #expect(harness.tcp.counters.connectionsTimedOut == 1)
  }

  @Test func userTimeout_windowOpensBetween_countsAnew() throws {
    let (harness, id) = try TCPSendTests.shutWindow()
    let start = harness.now
    harness.tcp.setUserTimeout(id, .seconds(5), at: start)
    Self.answerProbes(harness, until: start + .milliseconds(3400))
    harness.receive(Segment([], 1, ack: 1001, window: 1000))
    harness.expect(Segment([], 1001, ack: 1, pattern(1000, from: 1000)))
    harness.receive(Segment([], 1, ack: 2001, window: 0))
    func answer(until time: Instant) {
      while let deadline = harness.tcp.deadline, deadline <= time {
        Self.goOn(harness)
        if !harness.drain().isEmpty {
          harness.receive(Segment([], 1, ack: 2001, window: 0))
        }
      }
    }
    answer(until: start + .milliseconds(8399))
    #expect(harness.tcp.state(id) == .established)
    answer(until: start + .milliseconds(9400))
    #expect(harness.tcp.state(id) == .closed)
  }

  /// The app takes its word back: the peer may be as slow as it likes again.
  @Test func userTimeout_setBack_neverGivesUp() throws {
    let (harness, id) = try TCPSendTests.shutWindow()
    let start = harness.now
    harness.tcp.setUserTimeout(id, .seconds(5), at: start)
    Self.answerProbes(harness, until: start + .seconds(4))
    harness.tcp.setUserTimeout(id, nil, at: harness.now)
    Self.answerProbes(harness, until: start + .seconds(1000))
    #expect(harness.tcp.state(id) == .established)
  }

  // MARK: R1 (MUST-20, SHLD-9, SHLD-10)

  @Test func thirdTimeout_isToldToIPAndTheApp() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    for seconds: Int64 in [1, 2] {
      harness.drain()
      harness.wait(seconds * 1000)
      #expect(Self.suspect(harness) == nil)
      #expect(harness.events().isEmpty)
    }
    harness.drain()
    harness.wait(4000)
    #expect(Self.suspect(harness) == TCPHarness.theirs)
    #expect(Self.suspect(harness) == nil)
    #expect(harness.events() == [.connection(id, .unanswered)])
    harness.drain()
    harness.wait(8000)
    #expect(Self.suspect(harness) == nil)
    #expect(harness.tcp.counters.pathsSuspected == 1)
  }

  @Test func answer_countsAnew() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    harness.wait(1000)
    harness.drain()
    harness.wait(2000)
    harness.drain()
    harness.receive(Segment([], 1, ack: 2))
    _ = try harness.write(id, [2])
    harness.drain()
    harness.wait(4000)
    #expect(harness.tcp.counters.retransmissionTimeouts == 3)
    #expect(Self.suspect(harness) == nil)
  }
}
