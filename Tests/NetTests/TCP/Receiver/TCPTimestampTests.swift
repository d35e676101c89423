import Testing

@testable import Net

/// Timestamps on connections. RFC 7323 §3 to §5.
@Suite struct TCPTimestampTests {
  static func established() -> (TCPHarness, ConnectionID) {
    TCPHarness.established(stamp: 1000)
  }

  // MARK: Negotiation, RFC 7323 §3.2

  @Test func synWithTimestamp_isAnsweredWithOne() throws {
    let harness = TCPHarness()
    _ = try harness.listen(backlog: 1)
    harness.receive(Segment(.syn, 0, stamp: (777, 0)))
    let reply = harness.learnInitial()
    #expect(reply?.stamp?.0 == 0)
    #expect(reply?.stamp?.1 == 777)
  }

  @Test func synWithoutTimestamp_isAnsweredWithNone() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    #expect(harness.transmit()?.stamp == nil)
    // One that comes all the same changes nothing.
    harness.receive(Segment([], 1, ack: 2, stamp: (5, 0), [7]))
    #expect(harness.read(id) == .bytes([7]))
    harness.wait(40)
    harness.expect(Segment([], 2, ack: 2))
    #expect(harness.drain().isEmpty)
  }

  @Test func connect_offers_andTheSYNACKDecides() throws {
    var syn: Segment?
    let (harness, id) = TCPHarness.synSent { syn = $0 }
    #expect(syn?.stamp?.0 == 0)
    #expect(syn?.stamp?.1 == 0)
    harness.wait(20)
    harness.receive(Segment(.syn, 0, ack: 1, stamp: (500, 0)))
    harness.expect(Segment([], 1, ack: 1, stamp: (20, 500)))
    _ = try harness.write(id, [1])
    harness.expect(Segment(.push, 1, ack: 1, stamp: (20, 500), [1]))
  }

  @Test func connect_synAckWithout_turnsOff() throws {
    let (harness, id) = TCPHarness.synSent()
    harness.receive(Segment(.syn, 0, ack: 1))
    _ = try harness.write(id, [1])
    #expect(harness.drain().allSatisfy { $0.stamp == nil })
    harness.receive(Segment([], 1, ack: 2, [5]))
    #expect(harness.read(id) == .bytes([5]))
  }

  @Test func simultaneousOpen_hasThemOnBothSides() {
    let (harness, id) = TCPHarness.synSent()
    harness.receive(Segment(.syn, 0, stamp: (400, 0)))
    harness.expect(Segment(.syn, 0, ack: 1, stamp: (0, 400)))
    harness.wait(10)
    harness.receive(Segment(.syn, 0, ack: 1, stamp: (410, 0)))
    #expect(harness.tcp.state(id) == .established)
  }

  @Test func synAgain_theNewerIsEchoed() throws {
    let harness = TCPHarness()
    _ = try harness.listen(backlog: 1)
    harness.receive(Segment(.syn, 0, stamp: (100, 0)))
    _ = harness.learnInitial()
    harness.wait(900)
    harness.receive(Segment(.syn, 0, stamp: (1000, 0)))
    harness.expect(Segment(.syn, 0, ack: 1, stamp: (900, 1000)))
  }

  // MARK: On every segment

  @Test func everySegment_hasOne() throws {
    let (harness, id) = Self.established()
    harness.wait(5)
    _ = try harness.write(id, [1, 2])
    harness.expect(Segment(.push, 1, ack: 1, stamp: (5, 1000), [1, 2]))
    harness.wait(7)
    harness.receive(Segment(.push, 1, ack: 3, stamp: (1012, 5), [3]))
    harness.wait(40)
    harness.expect(Segment([], 3, ack: 2, stamp: (52, 1012)))
    harness.close(id)
    harness.expect(Segment(.fin, 3, ack: 2, stamp: (52, 1012)))
    harness.receive(Segment([], 2, ack: 4, stamp: (1060, 52)))
    harness.receive(Segment(.fin, 2, ack: 4, stamp: (1060, 52)))
    let last = harness.transmit()
    #expect(last?.matches(Segment([], 4, ack: 3, stamp: (52, 1060))) == true)
    // RFC 9293 §3.7.1 (MUST-65), RFC 7323 §2.2: these are for SYNs.
    #expect(last?.segmentSize == nil && last?.scale == nil)
    #expect(last?.permitsSACK == false)
  }

  @Test func retransmission_hasTheTimeOfItsSending() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, [1])
    harness.expect(Segment(.push, 1, ack: 1, stamp: (0, 1000), [1]))
    harness.wait(1000)
    harness.expect(Segment(.push, 1, ack: 1, stamp: (1000, 1000), [1]))
  }

  @Test func abort_theResetHasOne() {
    let (harness, id) = Self.established()
    harness.abort(id)
    #expect(harness.transmit()?.stamp?.1 == 1000)
  }

  /// RFC 6691 §2: 12 bytes less of text; what a device cuts, too.
  @Test(arguments: [false, true])
  func options_takeOfTheText(cuts: Bool) throws {
    let (harness, id) = Self.established()
    if cuts {
      harness.tcp.capabilities.completesChecksums = true
      harness.tcp.capabilities.mostFragments = 18
      harness.tcp.capabilities.largestSegmentation = 65_535
    }
    harness.tcp.setNoDelay(id, true, at: harness.now)
    _ = try harness.write(id, pattern(3000))
    let sent = harness.drain()
    #expect(sent.map(\.payload.count) == [988, 988, 988, 36])
    #expect(sent.flatMap(\.payload) == pattern(3000))
    #expect(sent.allSatisfy { $0.stamp?.1 == 1000 })
    #expect(harness.packets.count == (cuts ? 1 : 4))
  }

  @Test func initialWindow_isTenFullSegments() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(20_000))
    #expect(
      harness.drain().map(\.payload.count) == Array(repeating: 988, count: 10)
    )
    #expect(harness.tcp.information(id)?.congestionWindow == 9880)
  }

  // MARK: What is echoed, RFC 7323 §4.3

  @Test func delayedAcknowledgement_echoesTheEarliest() {
    let (harness, _) = Self.established()
    harness.receive(Segment([], 1, ack: 1, stamp: (1010, 0), pattern(800)))
    harness.receive(Segment([], 801, ack: 1, stamp: (1020, 0), pattern(800)))
    harness.expect(Segment([], 1, ack: 1601, stamp: (0, 1010)))
  }

  @Test func hole_theLastBeforeItIsEchoed() {
    let (harness, _) = Self.established()
    harness.receive(Segment([], 101, ack: 1, stamp: (1010, 0), pattern(100)))
    harness.expect(Segment([], 1, ack: 1, stamp: (0, 1000)))
    harness.receive(Segment([], 201, ack: 1, stamp: (1020, 0), pattern(100)))
    harness.expect(Segment([], 1, ack: 1, stamp: (0, 1000)))
    // What fills it has the time of its own sending.
    harness.receive(Segment([], 1, ack: 1, stamp: (1030, 0), pattern(100)))
    harness.expect(Segment([], 1, ack: 301, stamp: (0, 1030)))
  }

  @Test func outsideWindow_isNotEchoed() {
    let (harness, _) = Self.established()
    harness.receive(
      Segment([], -100, ack: 1, stamp: (5000, 0), pattern(50))
    )
    harness.expect(Segment([], 1, ack: 1, stamp: (0, 1000)))
  }

  @Test func impossibleAcknowledgement_isNotEchoed() {
    let (harness, _) = Self.established()
    harness.receive(Segment([], 1, ack: 9, stamp: (5000, 0), [1]))
    harness.expect(Segment([], 1, ack: 1, stamp: (0, 1000)))
  }

  // MARK: PAWS, RFC 7323 §5

  @Test func oldTimestamp_isAcknowledgedAndDropped() {
    let (harness, id) = Self.established()
    harness.receive(Segment(.push, 1, ack: 1, stamp: (999, 0), [1]))
    harness.expect(Segment([], 1, ack: 1, stamp: (0, 1000)))
    #expect(harness.read(id) == .wouldBlock)
    #expect(harness.tcp.counters.timestampsOld == 1)
    harness.receive(Segment(.push, 1, ack: 1, stamp: (1000, 0), [1]))
    #expect(harness.read(id) == .bytes([1]))
  }

  @Test(arguments: [TCPHeader.Flags.fin, .push, .syn, []])
  func oldTimestamp_whateverItSays(flags: TCPHeader.Flags) {
    let (harness, id) = Self.established()
    harness.receive(Segment(flags, 1, ack: 1, stamp: (1, 0)))
    #expect(harness.drain().map(\.flags) == [.acknowledgement])
    #expect(harness.tcp.state(id) == .established)
    #expect(harness.tcp.counters.timestampsOld == 1)
  }

  /// RFC 7323 §5.3, R1: a reset needs no timestamp, nor one that is new.
  @Test(arguments: [nil, 1, 1000, 2000] as [Int?])
  func reset_isTakenWithoutOrWithAnOldOne(value: Int?) {
    let (harness, id) = Self.established()
    harness.receive(Segment(.reset, 1, stamp: value.map { ($0, 0) }))
    #expect(harness.read(id) == .failed(.reset))
  }

  /// RFC 7323 §3.2.
  @Test func withoutTimestamp_isDroppedSilently() {
    let (harness, id) = Self.established()
    harness.receive(Segment(.push, 1, ack: 1, [1]))
    harness.receive(Segment(.fin, 1, ack: 1))
    harness.expectNothing()
    #expect(harness.read(id) == .wouldBlock)
    #expect(harness.tcp.state(id) == .established)
    #expect(harness.tcp.counters.withoutTimestamp == 2)
  }

  /// RFC 5961 §4.2: a peer that has begun anew hears where we stand.
  @Test func synWithoutTimestamp_isChallenged() {
    let (harness, id) = Self.established()
    harness.receive(Segment(.syn, 5000))
    harness.expect(Segment([], 1, ack: 1))
    #expect(harness.tcp.state(id) == .established)
  }

  /// RFC 5961 §7: they share the limit of the other challenges.
  @Test func oldTimestamps_areAnsweredWithinTheLimit() {
    let (harness, _) = Self.established()
    var sent = 0
    for _ in 0..<20 {
      harness.receive(Segment([], 1, ack: 1, stamp: (1, 0)))
      sent += harness.drain().count
      harness.receive(Segment(.syn, 1, stamp: (2000, 0)))
      sent += harness.drain().count
    }
    #expect(sent == 10)
    #expect(harness.tcp.counters.challengesSuppressed == 30)
  }

  /// The sequence numbers have come round, and an old duplicate fits them.
  @Test func wrappedNumbers_theOldDuplicateIsDropped() {
    let (harness, id) = Self.established()
    harness.receive(Segment(.push, 1, ack: 1, stamp: (90_000, 0), [1]))
    #expect(harness.read(id) == .bytes([1]))
    harness.wait(40)
    harness.drain()
    harness.receive(Segment(.push, 2, ack: 1, stamp: (1500, 0), [66]))
    #expect(harness.read(id) == .wouldBlock)
    harness.receive(Segment(.push, 2, ack: 1, stamp: (90_001, 0), [2]))
    #expect(harness.read(id) == .bytes([2]))
  }

  @Test func idleFor24Days_anyTimestampIsTaken() {
    let (harness, id) = Self.established()
    harness.wait(24 * 24 * 3600 * 1000)
    harness.receive(Segment(.push, 1, ack: 1, stamp: (3, 0), [1]))
    #expect(harness.read(id) == .bytes([1]))
    harness.wait(40)
    #expect(harness.transmit()?.stamp?.1 == 3)
  }

  // MARK: The round trip, RFC 7323 §4.1

  /// Karn's algorithm would not measure it: the echo says which sending the
  /// answer is to.
  @Test(arguments: [(200, 30), (0, 230)])
  func retransmitted_isMeasuredByItsTimestamp(
    echo: Int,
    sample: Int64
  ) throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, [1])
    #expect(harness.drain().map { $0.stamp?.0 } == [0])
    harness.wait(200)
    #expect(harness.drain().map { $0.stamp?.0 } == [200])
    harness.wait(30)
    // The answer to the second sending, or to the first.
    harness.receive(Segment([], 1, ack: 2, stamp: (1000, echo)))
    let information = harness.tcp.information(id)
    // An eighth, as the handshake took no time at all.
    #expect(
      information?.smoothedRoundTripTime == .microseconds(sample * 125)
    )
    // And the backoff is over.
    let timeout = information?.retransmissionTimeout
    #expect(timeout == .microseconds(max(200_000, sample * 1125)))
  }
}
