import Testing

@testable import Net

/// Resets both ways. RFC 9293 §3.5.2 and §3.5.3, RFC 5961.
@Suite struct TCPResetTests {
  /// RFC 9293 §3.10.7.1: CLOSED.
  @Test(arguments: [
    (Segment(.syn, 5), Segment(.reset, 0, ack: 6)),
    (Segment(.fin, 5, [1, 2]), Segment(.reset, 0, ack: 8)),
    (Segment([], 5, ack: 9), Segment(.reset, 9)),
    (Segment(.syn, 5, ack: 9), Segment(.reset, 9)),
  ])
  func closed_segment_isReset(segment: Segment, reply: Segment) {
    let harness = TCPHarness()
    harness.receive(segment)
    harness.expect(reply)
    #expect(harness.tcp.counters.noConnection == 1)
    #expect(harness.tcp.counters.resetsSent == 1)
  }

  @Test func closed_rst_isNeverAnswered() {
    let harness = TCPHarness()
    harness.receive(Segment(.reset, 5))
    harness.receive(Segment(.reset, 5, ack: 7))
    harness.expectNothing()
  }

  @Test func replies_areBounded() {
    var limits = TCPHarness.limits
    limits.pendingReplies = 3
    let harness = TCPHarness(limits: limits)
    for _ in 0..<5 { harness.receive(Segment(.syn, 0)) }
    #expect(harness.tcp.counters.repliesFull == 2)
    #expect(harness.drain().count == 3)
  }

  /// States, and what a reset in order tells the app.
  @Test(
    arguments: [
      (.synReceived, .refused), (.established, .reset), (.finWait1, .reset),
      (.finWait2, .reset), (.closeWait, .reset),
    ] as [(TCPState, NetworkError)]
  )
  func open_rst_fails(state: TCPState, error: NetworkError) {
    let (harness, id) = TCPHarness.inState(state)
    _ = harness.events()
    harness.receive(Segment(.reset, state == .closeWait ? 2 : 1))
    #expect(harness.tcp.state(id) == .closed)
    #expect(harness.read(id) == .failed(error))
    #expect(throws: error) { try harness.write(id, [1]) }
    #expect(harness.events() == [.connection(id, .failed)])
    #expect(harness.tcp.counters.connectionsFailed == 1)
    #expect(harness.tcp.deadline == nil)
    harness.expectNothing()
  }

  @Test(arguments: [.closing, .lastAck] as [TCPState])
  func closedAtBothEnds_rst_isOver(state: TCPState) {
    let (harness, id) = TCPHarness.inState(state)
    harness.receive(Segment(.reset, 2))
    #expect(harness.tcp.state(id) == .closed)
    #expect(harness.read(id) == .endOfStream)
    #expect(harness.tcp.counters.connectionsFailed == 0)
    harness.expectNothing()
  }

  @Test func established_rst_flushesTheQueues() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([], 1, ack: 1, [1]))
    harness.receive(Segment([], 5, ack: 1, [5]))
    harness.receive(Segment(.reset, 2))
    #expect(harness.read(id) == .failed(.reset))
    #expect(harness.pool.available == harness.pool.capacity)
  }

  /// RFC 5961 §3.2.
  static let synchronized: [TCPState] = [
    .synReceived, .established, .finWait1, .finWait2, .closeWait, .closing,
    .lastAck, .timeWait,
  ]

  @Test(arguments: synchronized)
  func synchronized_rstInWindowButNotNext_isChallenged(state: TCPState) {
    let (harness, id) = TCPHarness.inState(state)
    harness.receive(Segment(.reset, 100))
    #expect(harness.tcp.state(id) == state)
    #expect(harness.drain().map(\.flags) == [.acknowledgement])
    #expect(harness.tcp.counters.resetsChallenged == 1)
  }

  @Test(arguments: synchronized)
  func synchronized_rstOutsideWindow_isIgnored(state: TCPState) {
    let (harness, id) = TCPHarness.inState(state)
    harness.receive(Segment(.reset, -1))
    harness.receive(Segment(.reset, 70_000))
    #expect(harness.tcp.state(id) == state)
    #expect(harness.tcp.counters.resetsOutsideWindow == 2)
    harness.expectNothing()
  }

  /// RFC 5961 §4.2.
  @Test(arguments: synchronized)
  func synchronized_syn_isChallenged(state: TCPState) {
    let (harness, id) = TCPHarness.inState(state)
    harness.receive(Segment(.syn, -5))
    #expect(harness.tcp.state(id) == state)
    #expect(harness.drain().map(\.flags) == [.acknowledgement])
    guard state != .timeWait else { return }
    harness.receive(Segment(.syn, 100))
    #expect(harness.tcp.state(id) == state)
    #expect(harness.drain().map(\.flags) == [.acknowledgement])
  }

  /// RFC 5961 §5.2.
  @Test(arguments: [2, 100, -65_536, -1_000_000])
  func established_impossibleAck_isChallenged(number: Int) {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.push, 1, ack: number, [1]))
    harness.expect(Segment([], 1, ack: 1))
    #expect(harness.read(id) == .wouldBlock)
    #expect(harness.tcp.counters.badAcknowledgements == 1)
  }

  @Test func established_oldAckWithText_isTaken() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1, 2])
    harness.drain()
    harness.receive(Segment([], 1, ack: 3))
    harness.receive(Segment(.push, 1, ack: 1, [1]))
    #expect(harness.read(id) == .bytes([1]))
  }

  /// RFC 5961 §7: all three attacks share one limit.
  @Test func challenges_areLimitedTogether() {
    let (harness, _) = TCPHarness.established()
    var sent = 0
    for _ in 0..<20 {
      for attack in [
        Segment(.reset, 100), Segment(.syn, 100), Segment([], 1, ack: 100),
      ] {
        harness.receive(attack)
        sent += harness.drain().count
      }
    }
    #expect(sent == 10)
    #expect(harness.tcp.counters.challengesSent == 10)
    #expect(harness.tcp.counters.challengesSuppressed == 50)
    harness.wait(5000)
    harness.receive(Segment(.reset, 100))
    harness.expect(Segment([], 1, ack: 1))
  }

  /// Somebody's forged segments do not make the peer take us for dead.
  @Test func challengesUsedUp_keepaliveIsAnswered() {
    let (harness, _) = TCPHarness.established()
    for _ in 0..<20 { harness.receive(Segment([], 1_000_000, ack: 1)) }
    harness.drain()
    #expect(harness.tcp.counters.challengesSuppressed == 10)
    harness.receive(Segment([], 0, ack: 1))
    harness.expect(Segment([], 1, ack: 1))
    // With a byte that came before, as some send it: RFC 9293 §3.8.4.
    harness.receive(Segment([], 0, ack: 1, [0]))
    harness.expect(Segment([], 1, ack: 1))
    #expect(harness.tcp.counters.probesAnswered == 1)
  }

  /// Two ends that each take the other's answer for a keepalive would go on
  /// without end.
  @Test func keepalives_areLimitedApart() {
    let (harness, _) = TCPHarness.established()
    func answered() -> Int {
      (0..<30).reduce(0) { sum, _ in
        harness.receive(Segment([], 0, ack: 1))
        return sum + harness.drain().count
      }
    }
    #expect(answered() == 10)
    #expect(harness.tcp.counters.probesAnswered == 10)
    #expect(harness.tcp.counters.challengesSent == 0)
    #expect(harness.tcp.counters.challengesSuppressed == 20)
    harness.receive(Segment(.syn, 100))
    harness.expect(Segment([], 1, ack: 1))
    harness.wait(5000)
    #expect(answered() == 10)
  }

  @Test func established_withoutAck_isDropped() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.push, 1, [1]))
    #expect(harness.read(id) == .wouldBlock)
    #expect(harness.tcp.counters.withoutAcknowledgement == 1)
    harness.expectNothing()
  }

  // MARK: Abort

  @Test(
    arguments: [
      .synReceived, .established, .finWait1, .finWait2, .closeWait, .closing,
      .lastAck,
    ] as [TCPState]
  )
  func open_abort_sendsReset(state: TCPState) {
    let (harness, id) = TCPHarness.inState(state)
    harness.abort(id)
    #expect(harness.tcp.state(id) == .closed)
    #expect(harness.read(id) == .failed(.reset))
    let sent = harness.drain()
    #expect(sent.map(\.flags) == [[.reset, .acknowledgement]])
    let hasSentFIN = [.finWait1, .finWait2, .closing, .lastAck].contains(state)
    #expect(sent.first?.sequence == (hasSentFIN ? 2 : 1))
    harness.release(id)
    #expect(harness.tcp.connectionCount == 0)
    #expect(harness.tcp.freeSlots == 1)
  }

  @Test(arguments: [.synSent, .timeWait, .closed] as [TCPState])
  func notOpen_abort_isSilent(state: TCPState) {
    let (harness, id) = TCPHarness.inState(state)
    harness.abort(id)
    #expect(harness.tcp.state(id) == .closed)
    harness.expectNothing()
  }

  @Test func established_abortAfterTimeout_resetsAtTheHighest() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(3000))
    harness.drain()
    harness.wait(3000)
    harness.abort(id)
    harness.expect(Segment(.reset, 3001, ack: 1))
  }

  @Test func aborted_slotStaysUntilTheResetIsSent() {
    let (harness, id) = TCPHarness.established()
    harness.abort(id)
    harness.release(id)
    #expect(harness.tcp.freeSlots == 0)
    harness.expect(Segment(.reset, 1, ack: 1))
    #expect(harness.tcp.freeSlots == 1)
  }

  @Test func stopListening_resetsThoseNotAccepted() throws {
    let harness = TCPHarness()
    let listener = try harness.listen(backlog: 4)
    harness.receive(Segment(.syn, 0))
    _ = harness.learnInitial()
    harness.receive(Segment([], 1, ack: 1))
    harness.tcp.stopListening(listener, at: harness.now)
    harness.expect(Segment(.reset, 1, ack: 1))
    #expect(harness.accept(listener) == nil)
    #expect(harness.events().isEmpty)
    #expect(harness.tcp.freeSlots == 1)
    harness.receive(Segment(.syn, 9))
    harness.expect(Segment(.reset, -harness.issOffset, ack: 10))
    // The port is free again, and the old id means nothing.
    let next = try harness.listen(backlog: 4)
    #expect(next != listener)
  }

  @Test func addressGivenUp_failsSilently() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.tcp.abortAll(
      from: IPAddress(IPv4Address(10, 0, 0, 9)),
      at: harness.now
    )
    #expect(harness.tcp.state(id) == .established)
    harness.tcp.abortAll(from: TCPHarness.ours, at: harness.now)
    #expect(harness.read(id) == .failed(.noAddress))
    #expect(harness.tcp.deadline == nil)
    harness.expectNothing()
  }
}
