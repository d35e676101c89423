import Testing

@testable import Net

/// TIME-WAIT. RFC 9293 §3.6.1 and §3.10.7.4, RFC 6191.
@Suite struct TCPTimeWaitTests {
  @Test func timeWait_lasts60Seconds() {
    let (harness, id) = TCPHarness.timeWait()
    #expect(harness.tcp.deadline == harness.now + .seconds(60))
    harness.wait(59_999)
    #expect(harness.tcp.state(id) == .timeWait)
    harness.wait(1)
    #expect(harness.tcp.state(id) == .closed)
    #expect(harness.tcp.deadline == nil)
    #expect(harness.read(id) == .endOfStream)
    harness.expectNothing()
  }

  @Test func timeWait_finAgain_isAcknowledgedAndRestarts() {
    let (harness, id) = TCPHarness.timeWait()
    harness.wait(30_000)
    harness.receive(Segment(.fin, 1, ack: 2))
    harness.expect(Segment([], 2, ack: 2))
    harness.wait(59_999)
    #expect(harness.tcp.state(id) == .timeWait)
    harness.wait(1)
    #expect(harness.tcp.state(id) == .closed)
  }

  /// RFC 9293 §3.10.7.4: nothing but the peer's own FIN begins it anew, or
  /// anybody could keep it for ever.
  @Test func timeWait_anotherFIN_doesNotRestart() {
    let (harness, id) = TCPHarness.timeWait()
    harness.wait(30_000)
    for sequence in [-100, 0, 2, 100_000] {
      harness.receive(Segment(.fin, sequence, ack: 2))
    }
    harness.drain()
    harness.wait(29_999)
    #expect(harness.tcp.state(id) == .timeWait)
    harness.wait(1)
    #expect(harness.tcp.state(id) == .closed)
  }

  @Test func timeWait_text_isDropped() {
    let (harness, id) = TCPHarness.timeWait()
    harness.receive(Segment(.push, 2, ack: 2, [1, 2]))
    #expect(harness.read(id) == .endOfStream)
    #expect(harness.tcp.state(id) == .timeWait)
  }

  @Test func timeWait_unreadText_staysReadable() {
    let (harness, id) = TCPHarness.finWait2()
    harness.receive(Segment(.fin, 1, ack: 2, [5, 6]))
    harness.drain()
    harness.wait(60_000)
    #expect(harness.tcp.state(id) == .closed)
    #expect(harness.read(id) == .bytes([5, 6]))
    #expect(harness.read(id) == .endOfStream)
  }

  @Test func timeWait_releasedWithUnread_isSilent() {
    let (harness, id) = TCPHarness.finWait2()
    harness.receive(Segment(.fin, 1, ack: 2, [5, 6]))
    harness.drain()
    harness.release(id)
    harness.expectNothing()
    #expect(harness.pool.available == harness.pool.capacity)
    #expect(harness.tcp.timeWait.count == 1)
  }

  /// Who has connected out has no listener: a SYN from anybody would end
  /// TIME-WAIT and begin nothing. RFC 1337 §3.
  @Test(arguments: [false, true])
  func timeWait_newerSYNWithoutListener_isChallenged(isReleased: Bool) {
    let (harness, id) = TCPHarness.synSent()
    harness.receive(Segment(.syn, 0, ack: 1, mss: 1000))
    harness.drain()
    harness.close(id)
    harness.drain()
    harness.receive(Segment([], 1, ack: 2))
    harness.receive(Segment(.fin, 1, ack: 2))
    harness.drain()
    if isReleased { harness.release(id) }
    harness.receive(Segment(.syn, 100_000))
    harness.expect(Segment([], 2, ack: 2))
    harness.expectNothing()
    #expect(harness.tcp.counters.challengesSent == 1)
    #expect(harness.tcp.connectionCount == 1)
    harness.wait(60_000)
    #expect(harness.tcp.connectionCount == 0)
  }

  /// A full backlog answers SYNs with cookies, which know nothing of the numbers
  /// that were used before: TIME-WAIT lasts until there is room.
  @Test(arguments: [false, true])
  func timeWait_newerSYNToAFullBacklog_isChallenged(isReleased: Bool) throws {
    let harness = TCPHarness()
    let listener = try harness.listen(backlog: 1)
    harness.receive(Segment(.syn, 0, mss: 1000))
    _ = harness.learnInitial()
    harness.receive(Segment([], 1, ack: 1))
    let id = try #require(harness.accept(listener))
    harness.close(id)
    harness.receive(Segment(.fin, 1, ack: 1))
    harness.drain()
    harness.receive(Segment([], 2, ack: 2))
    harness.drain()
    #expect(harness.tcp.state(id) == .timeWait)
    if isReleased { harness.release(id) }
    // Another takes the one place.
    harness.remotePort += 1
    let iss = harness.iss
    harness.receive(Segment(.syn, 0, mss: 1000))
    _ = harness.learnInitial()
    harness.remotePort -= 1
    harness.iss = iss
    harness.receive(Segment(.syn, 500, mss: 1000))
    harness.expect(Segment([], 2, ack: 2))
    #expect(harness.tcp.counters.cookiesSent == 0)
    #expect(harness.tcp.counters.timeWaitReopened == 0)
    #expect(harness.tcp.connectionCount == 2)
  }

  @Test func timeWait_newerSYN_reopens() throws {
    let (harness, id) = TCPHarness.timeWait()
    harness.release(id)
    let oldISS = harness.iss
    harness.irs = harness.irs + 1000
    harness.receive(Segment(.syn, 0, mss: 1000))
    let reply = harness.learnInitial()
    #expect(reply?.flags == [.syn, .acknowledgement])
    #expect(reply?.acknowledgement == 1)
    // Beyond all that the first one sent: its SYN and FIN.
    #expect(harness.iss - oldISS > 2)
    harness.receive(Segment([], 1, ack: 1))
    let listener = try #require(
      harness.events().first.flatMap { event -> ListenerID? in
        if case .acceptable(let listener) = event { listener } else { nil }
      }
    )
    let next = try #require(harness.accept(listener))
    #expect(harness.tcp.state(next) == .established)
    #expect(next != id)
    #expect(harness.tcp.counters.timeWaitReopened == 1)
  }

  @Test func timeWait_newerSYNWhileHeld_reopens() {
    let (harness, id) = TCPHarness.timeWait()
    harness.receive(Segment(.syn, 500))
    #expect(harness.tcp.state(id) == .closed)
    #expect(harness.read(id) == .endOfStream)
    #expect(harness.drain().map(\.flags) == [[.syn, .acknowledgement]])
    harness.release(id)
    #expect(harness.tcp.freeSlots == 1)
    #expect(harness.tcp.connectionCount == 1)
  }

  @Test(arguments: [1, 0, -100])
  func timeWait_olderSYN_isChallenged(sequence: Int) {
    let (harness, id) = TCPHarness.timeWait()
    harness.receive(Segment(.syn, sequence))
    harness.expect(Segment([], 2, ack: 2))
    #expect(harness.tcp.state(id) == .timeWait)
  }

  /// The same once nobody listens any more.
  @Test func timeWait_newerSYNToNobody_isChallenged() {
    let (harness, id) = TCPHarness.timeWait()
    let listener = ListenerID(index: 0, generation: 0)
    harness.tcp.stopListening(listener, at: harness.now)
    harness.receive(Segment(.syn, 500))
    harness.expect(Segment([], 2, ack: 2))
    #expect(harness.tcp.state(id) == .timeWait)
    #expect(harness.tcp.connectionCount == 1)
  }

  @Test func timeWaitConnections_areBounded() throws {
    var limits = TCPHarness.limits
    limits.timeWaitConnections = 3
    let harness = TCPHarness(limits: limits)
    let listener = try harness.listen(backlog: 1)
    for count in 1...5 {
      harness.remotePort = UInt16(1000 + count)
      harness.receive(Segment(.syn, 0))
      _ = harness.learnInitial()
      harness.receive(Segment([], 1, ack: 1))
      let id = try #require(harness.accept(listener))
      harness.release(id)
      harness.drain()
      harness.receive(Segment(.fin, 1, ack: 2))
      harness.drain()
      #expect(harness.tcp.timeWait.count == min(count, 3))
    }
    #expect(harness.tcp.counters.timeWaitEvicted == 2)
    #expect(harness.tcp.connectionCount == 3)
    // The oldest went first.
    for port in 1001...1005 as ClosedRange<UInt16> {
      let key = TCP.Key(
        local: Endpoint(address: TCPHarness.ours, port: 80),
        remote: Endpoint(address: TCPHarness.theirs, port: port)
      )
      let isGone = harness.tcp.timeWait.find(key) == nil
      #expect(isGone == (port <= 1002), "\(port)")
    }
  }

  /// RFC 5961 §7 bounds them by time: an attack does not keep a peer that began
  /// anew from hearing of it for as long as the record lasts.
  @Test func timeWait_challenges_areOfEachPeriod() {
    let (harness, id) = TCPHarness.timeWait()
    harness.release(id)
    harness.drain()
    for period in 0..<3 {
      var answers = 0
      for _ in 0..<20 {
        harness.receive(Segment([], 500_000, ack: 2))
        answers += harness.drain().count
      }
      #expect(answers == TCPHarness.limits.challenges, "period \(period)")
      harness.wait(5000)
    }
    harness.receive(Segment(.syn, -5000))
    harness.expect(Segment([], 2, ack: 2))
  }
}
