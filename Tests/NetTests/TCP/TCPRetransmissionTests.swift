import Testing

@testable import Net

/// Loss: timeouts, fast retransmit and recovery, giving up. RFC 6298, RFC 5681,
/// RFC 6582, RFC 9293 §3.8.
@Suite struct TCPRetransmissionTests {
  /// Ten segments of 1,000 bytes on their way, 60,000 written.
  static func busy() throws -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(60_000))
    #expect(harness.drain().count == 10)
    return (harness, id)
  }

  static func segment(_ sequence: Int) -> Segment {
    Segment([], sequence, ack: 1, pattern(1000, from: sequence - 1))
  }

  // MARK: Timeouts

  @Test func noAck_isSentAgainAndBacksOff() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1, 2])
    harness.expect(Segment(.push, 1, ack: 1, [1, 2]))
    // The handshake took no time: the timeout is the floor, then doubles.
    for milliseconds: Int64 in [200, 400, 800, 1600, 3200] {
      harness.wait(milliseconds - 1)
      harness.expectNothing()
      harness.wait(1)
      harness.expect(Segment(.push, 1, ack: 1, [1, 2]))
    }
    #expect(harness.tcp.information(id)?.retransmissions == 5)
    #expect(harness.tcp.counters.retransmissionTimeouts == 5)
  }

  @Test func noAck_givesUpAfter100Seconds() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    let start = harness.now
    while let deadline = harness.tcp.deadline {
      harness.now = deadline
      harness.tcp.poll(at: deadline)
      harness.drain()
    }
    #expect(harness.now - start >= .seconds(100))
    #expect(harness.now - start < .seconds(161))
    #expect(harness.read(id) == .failed(.timedOut))
    #expect(harness.events() == [.connection(id, .failed)])
    #expect(harness.tcp.counters.connectionsTimedOut == 1)
  }

  @Test func ackOfAll_stopsTheTimer() throws {
    let (harness, _) = try Self.busy()
    #expect(harness.tcp.deadline != nil)
    harness.receive(Segment([], 1, ack: 10_001, window: 0))
    // Only the probe of the shut window is left.
    harness.wait(199)
    harness.expectNothing()
  }

  @Test func ackOfSome_restartsTheTimer() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(2000))
    harness.drain()
    harness.wait(150)
    harness.receive(Segment([], 1, ack: 1001))
    let timeout = harness.tcp.information(id)!.retransmissionTimeout
    #expect(harness.tcp.deadline == harness.now + timeout)
  }

  @Test func timeout_goesBackToOneSegment() throws {
    let (harness, id) = try Self.busy()
    harness.wait(200)
    harness.expect(Self.segment(1))
    let information = harness.tcp.information(id)
    #expect(information?.congestionWindow == 1000)
    // RFC 5681 §3.1 (4): half of what was in flight.
    #expect(information?.slowStartThreshold == 5000)
    // Slow start over what was sent before.
    harness.receive(Segment([], 1, ack: 1001))
    harness.expect(Self.segment(1001), Self.segment(2001))
    // An acknowledgement of all skips the rest.
    harness.receive(Segment([], 1, ack: 10_001))
    let next = harness.drain().map(\.sequence)
    #expect(next.first == 10_001)
  }

  @Test func secondTimeout_keepsTheThreshold() throws {
    let (harness, id) = try Self.busy()
    harness.wait(200)
    harness.drain()
    harness.wait(400)
    // Smaller, as the first may have been too large for the way.
    #expect(harness.drain().map(\.sequence) == [1])
    #expect(harness.tcp.information(id)?.slowStartThreshold == 5000)
  }

  /// RFC 6298 §3, Karn: what was sent twice is not measured, and the timeout
  /// stays backed off until something is.
  @Test func retransmitted_isNotMeasured() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    harness.wait(200)
    harness.drain()
    harness.receive(Segment([], 1, ack: 2))
    #expect(
      harness.tcp.information(id)?.retransmissionTimeout
        == .milliseconds(400)
    )
    _ = try harness.write(id, [2])
    harness.drain()
    harness.receive(Segment([], 1, ack: 3))
    #expect(
      harness.tcp.information(id)?.retransmissionTimeout
        == .milliseconds(200)
    )
  }

  /// A small segment that went before does not wait for Nagle again.
  @Test func timeout_smallTail_followsAtOnce() throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.setNoDelay(id, true, at: harness.now)
    _ = try harness.write(id, pattern(2500))
    #expect(harness.drain().count == 3)
    harness.tcp.setNoDelay(id, false, at: harness.now)
    harness.wait(200)
    harness.expect(Self.segment(1))
    harness.receive(Segment([], 1, ack: 1001))
    harness.expect(
      Self.segment(1001),
      Segment(.push, 2001, ack: 1, pattern(500, from: 2000))
    )
  }

  @Test func lostFIN_isSentAgain() {
    let (harness, id) = TCPHarness.finWait1()
    harness.wait(200)
    harness.expect(Segment(.fin, 1, ack: 1))
    harness.receive(Segment([], 1, ack: 2))
    #expect(harness.tcp.state(id) == .finWait2)
  }

  /// Both have gone back after a timeout, and each has got what the other
  /// sends again: pure acknowledgements must still be acceptable.
  @Test func ackAfterTimeout_standsBehindAllThatWasSent() throws {
    let (harness, _) = try Self.busy()
    harness.receive(Segment([], 1, ack: 1, pattern(100)))
    harness.wait(200)
    harness.expect(
      Segment([], 1, ack: 101, pattern(1000))
    )
    harness.receive(Segment([], 1, ack: 1, pattern(100)))
    harness.expect(Segment([], 10_001, ack: 101))
  }

  // MARK: Fast retransmit and recovery

  @Test func threeDuplicates_sendTheFirstAgain() throws {
    let (harness, id) = try Self.busy()
    let duplicate = Segment([], 1, ack: 1)
    // Limited transmit, RFC 3042: a new segment for each of the first two.
    harness.receive(duplicate)
    harness.expect(Self.segment(10_001))
    harness.receive(duplicate)
    harness.expect(Self.segment(11_001))
    harness.receive(duplicate)
    harness.expect(Self.segment(1))
    let information = harness.tcp.information(id)
    #expect(information?.slowStartThreshold == 6000)
    #expect(information?.congestionWindow == 9000)
    #expect(harness.tcp.counters.fastRetransmissions == 1)
    // Each further one lets a segment go once the window allows it again.
    for _ in 0..<3 {
      harness.receive(duplicate)
      harness.expectNothing()
    }
    harness.receive(duplicate)
    harness.expect(Self.segment(12_001))
  }

  @Test func fastRetransmit_sendsNoMoreThanWasSent() throws {
    let (harness, id) = TCPHarness.established(window: 700)
    _ = try harness.write(id, pattern(1500))
    let first = Segment([], 1, ack: 1, pattern(700))
    harness.expect(first)
    for _ in 0..<3 { harness.receive(Segment([], 1, ack: 1, window: 700)) }
    harness.expect(first)
  }

  @Test func fullAcknowledgement_endsRecovery() throws {
    let (harness, id) = try Self.busy()
    for _ in 0..<3 {
      harness.receive(Segment([], 1, ack: 1))
      harness.drain()
    }
    harness.receive(Segment([], 1, ack: 12_001))
    // RFC 6582 §3.2 step 3: min(ssthresh, max(FlightSize, SMSS) + SMSS).
    #expect(harness.tcp.information(id)?.congestionWindow == 2000)
    #expect(harness.drain().map(\.sequence) == [12_001, 13_001])
  }

  @Test func partialAcknowledgement_sendsTheNextHole() throws {
    let (harness, id) = try Self.busy()
    for _ in 0..<3 {
      harness.receive(Segment([], 1, ack: 1))
      harness.drain()
    }
    harness.receive(Segment([], 1, ack: 3001))
    let sent = harness.drain()
    #expect(sent.first?.sequence == 3001)
    #expect(harness.tcp.counters.fastRetransmissions == 1)
    // 9,000 less the 3,000 acknowledged, and a segment more.
    #expect(harness.tcp.information(id)?.congestionWindow == 7000)
  }

  /// RFC 6582 §4, impatient: a long recovery ends with the timeout.
  @Test func laterPartialAcknowledgements_doNotRestartTheTimer() throws {
    let (harness, id) = try Self.busy()
    for _ in 0..<3 {
      harness.receive(Segment([], 1, ack: 1))
      harness.drain()
    }
    harness.wait(50)
    harness.receive(Segment([], 1, ack: 2001))
    harness.drain()
    let timeout = harness.tcp.information(id)!.retransmissionTimeout
    let deadline = harness.now + timeout
    #expect(harness.tcp.deadline == deadline)
    harness.wait(50)
    harness.receive(Segment([], 1, ack: 3001))
    harness.drain()
    #expect(harness.tcp.deadline == deadline)
  }

  @Test func duplicatesAfterTimeout_startNoSecondRecovery() throws {
    let (harness, _) = try Self.busy()
    harness.wait(200)
    harness.drain()
    harness.receive(Segment([], 1, ack: 1001))
    harness.drain()
    for _ in 0..<5 {
      harness.receive(Segment([], 1, ack: 1001))
      harness.drain()
    }
    #expect(harness.tcp.counters.fastRetransmissions == 0)
  }

  @Test(arguments: [
    Segment([], 1, ack: 1, window: 60_000),
    Segment(.push, 1, ack: 1, [1]),
    Segment(.fin, 1, ack: 1),
  ])
  func sameNumberButNews_isNoDuplicate(segment: Segment) throws {
    let (harness, _) = try Self.busy()
    harness.receive(segment)
    #expect(harness.tcp.counters.duplicateAcknowledgements == 0)
  }

  @Test func nothingInFlight_isNoDuplicate() {
    let (harness, _) = TCPHarness.established()
    for _ in 0..<5 { harness.receive(Segment([], 1, ack: 1)) }
    #expect(harness.tcp.counters.duplicateAcknowledgements == 0)
    harness.expectNothing()
  }

  /// Who has nothing in flight holds no memory for records; they go round.
  @Test func allAcknowledged_recordsAreGivenBack() throws {
    let (harness, id) = try Self.busy()
    let index = Int(id.index)
    let isHeld = harness.tcp.slots[index].connection.flight.hasMemory
    #expect(isHeld)
    harness.receive(Segment([], 1, ack: 10_001, window: 0))
    let isHeldStill = harness.tcp.slots[index].connection.flight.hasMemory
    #expect(!isHeldStill)
    harness.receive(Segment([], 1, ack: 10_001))
    harness.drain()
    harness.abort(id)
    harness.drain()
    let isHeldAtTheEnd = harness.tcp.slots[index].connection.flight.hasMemory
    #expect(!isHeldAtTheEnd)
  }

  // MARK: ICMP, RFC 1122 §4.2.3.9, RFC 5927

  private static func unreachable(
    _ harness: TCPHarness,
    sequence: Int,
    isHard: Bool
  ) {
    harness.tcp.destinationUnreachable(
      local: Endpoint(address: TCPHarness.ours, port: harness.localPort),
      remote: Endpoint(address: TCPHarness.theirs, port: harness.remotePort),
      sequenceNumber: (harness.iss + sequence).rawValue,
      isHard: isHard,
      at: harness.now
    )
  }

  @Test func synSent_hardUnreachable_isRefused() {
    let (harness, id) = TCPHarness.synSent()
    Self.unreachable(harness, sequence: 0, isHard: true)
    #expect(harness.read(id) == .failed(.refused))
    #expect(harness.tcp.deadline == nil)
  }

  @Test func synSent_softUnreachable_isTheReasonInTheEnd() {
    let (harness, id) = TCPHarness.synSent()
    Self.unreachable(harness, sequence: 0, isHard: false)
    #expect(harness.tcp.state(id) == .synSent)
    while let deadline = harness.tcp.deadline {
      harness.now = deadline
      harness.tcp.poll(at: deadline)
      harness.drain()
    }
    #expect(harness.read(id) == .failed(.unreachable))
  }

  @Test func established_hardUnreachable_staysAndPasses() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    Self.unreachable(harness, sequence: 1, isHard: true)
    #expect(harness.tcp.state(id) == .established)
    #expect(harness.tcp.counters.unreachableReceived == 1)
  }

  /// RFC 9293 §3.9.1.8 (MUST-47), §3.9.2.2 (SHLD-25): it may pass, and is told.
  @Test func established_softUnreachable_isTold() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    Self.unreachable(harness, sequence: 1, isHard: false)
    #expect(harness.events() == [.connection(id, .unanswered)])
    #expect(harness.tcp.information(id)?.softError == .unreachable)
    harness.receive(Segment([], 1, ack: 2))
    #expect(harness.tcp.information(id)?.softError == nil)
    #expect(harness.tcp.state(id) == .established)
  }

  @Test func unreachable_aboutNothingInFlight_isIgnored() {
    let (harness, id) = TCPHarness.synSent()
    Self.unreachable(harness, sequence: 1, isHard: true)
    Self.unreachable(harness, sequence: -1, isHard: true)
    harness.remotePort = 8
    Self.unreachable(harness, sequence: 0, isHard: true)
    #expect(harness.tcp.state(id) == .synSent)
    #expect(harness.tcp.counters.unreachableIgnored == 3)
  }
}
