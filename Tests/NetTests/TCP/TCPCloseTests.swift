import Testing

@testable import Net

/// Closing in every order. RFC 9293 §3.6, §3.10.4, §3.10.7.4.
@Suite struct TCPCloseTests {
  @Test func established_close_to_finWait1() {
    let (harness, id) = TCPHarness.established()
    harness.close(id)
    #expect(harness.tcp.state(id) == .finWait1)
    harness.expect(Segment(.fin, 1, ack: 1))
  }

  @Test func established_closeAfterWrite_finFollowsTheBytes() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1, 2, 3])
    harness.close(id)
    harness.expect(Segment([.fin, .push], 1, ack: 1, [1, 2, 3]))
  }

  @Test func established_closeAfterMuchWritten_finIsOnTheLast() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(2500))
    harness.close(id)
    harness.expect(
      Segment([], 1, ack: 1, pattern(1000)),
      Segment([], 1001, ack: 1, pattern(1000, from: 1000)),
      Segment([.fin, .push], 2001, ack: 1, pattern(500, from: 2000))
    )
  }

  @Test func established_fin_to_closeWait() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.fin, 1, ack: 1))
    #expect(harness.tcp.state(id) == .closeWait)
    harness.expect(Segment([], 1, ack: 2))
    #expect(harness.events() == [.connection(id, .readable)])
    #expect(harness.read(id) == .endOfStream)
  }

  @Test func established_textAndFIN_areReadThenEnd() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([.fin, .push], 1, ack: 1, [7, 8]))
    harness.expect(Segment([], 1, ack: 4))
    #expect(harness.read(id) == .bytes([7, 8]))
    #expect(harness.read(id) == .endOfStream)
  }

  @Test func established_finBeforeItsText_waits() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([.fin, .push], 3, ack: 1, [3, 4]))
    #expect(harness.tcp.state(id) == .established)
    harness.expect(Segment([], 1, ack: 1))
    harness.receive(Segment([], 1, ack: 1, [1, 2]))
    #expect(harness.tcp.state(id) == .closeWait)
    harness.expect(Segment([], 1, ack: 6))
    #expect(harness.read(id) == .bytes([1, 2, 3, 4]))
    #expect(harness.read(id) == .endOfStream)
  }

  @Test func established_bareFINBeforeItsText_waits() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.fin, 3, ack: 1))
    harness.expect(Segment([], 1, ack: 1))
    harness.receive(Segment([], 1, ack: 1, [1, 2]))
    harness.expect(Segment([], 1, ack: 4))
    #expect(harness.tcp.state(id) == .closeWait)
  }

  @Test func closeWait_write_isSent() throws {
    let (harness, id) = TCPHarness.closeWait()
    _ = try harness.write(id, [1])
    harness.expect(Segment(.push, 1, ack: 2, [1]))
  }

  @Test func closeWait_close_to_lastAck_to_closed() {
    let (harness, id) = TCPHarness.closeWait()
    harness.close(id)
    #expect(harness.tcp.state(id) == .lastAck)
    harness.expect(Segment(.fin, 1, ack: 2))
    harness.receive(Segment([], 2, ack: 2))
    #expect(harness.tcp.state(id) == .closed)
    #expect(harness.events().contains(.connection(id, [.readable, .closed])))
    #expect(harness.tcp.deadline == nil)
    #expect(harness.read(id) == .endOfStream)
    harness.release(id)
    #expect(harness.tcp.state(id) == nil)
  }

  @Test func lastAck_oldAck_stays() {
    let (harness, id) = TCPHarness.lastAck()
    harness.receive(Segment([], 2, ack: 1))
    #expect(harness.tcp.state(id) == .lastAck)
  }

  @Test func lastAck_noAck_repeatsFIN() {
    let (harness, id) = TCPHarness.lastAck()
    harness.wait(3000)
    harness.expect(Segment(.fin, 1, ack: 2))
    harness.receive(Segment([], 2, ack: 2))
    #expect(harness.tcp.state(id) == .closed)
  }

  @Test func finWait1_ack_to_finWait2() {
    let (harness, id) = TCPHarness.finWait1()
    harness.receive(Segment([], 1, ack: 2))
    #expect(harness.tcp.state(id) == .finWait2)
    harness.expectNothing()
    #expect(harness.tcp.deadline == nil)
  }

  @Test func finWait1_fin_to_closing_to_timeWait() {
    let (harness, id) = TCPHarness.finWait1()
    harness.receive(Segment(.fin, 1, ack: 1))
    #expect(harness.tcp.state(id) == .closing)
    harness.expect(Segment([], 2, ack: 2))
    harness.receive(Segment([], 2, ack: 2))
    #expect(harness.tcp.state(id) == .timeWait)
    #expect(harness.events() == [.connection(id, [.readable, .closed])])
  }

  @Test func finWait1_finWithAck_to_timeWait() {
    let (harness, id) = TCPHarness.finWait1()
    harness.receive(Segment(.fin, 1, ack: 2))
    #expect(harness.tcp.state(id) == .timeWait)
    harness.expect(Segment([], 2, ack: 2))
  }

  @Test func finWait1_text_isRead() {
    let (harness, id) = TCPHarness.finWait1()
    harness.receive(Segment(.push, 1, ack: 1, [4]))
    #expect(harness.read(id) == .bytes([4]))
    #expect(harness.tcp.state(id) == .finWait1)
  }

  @Test func closing_noAck_repeatsFIN() {
    let (harness, id) = TCPHarness.closing()
    harness.wait(1000)
    harness.expect(Segment(.fin, 1, ack: 2))
    #expect(harness.tcp.state(id) == .closing)
  }

  @Test func finWait2_text_isRead() {
    let (harness, id) = TCPHarness.finWait2()
    harness.receive(Segment(.push, 1, ack: 2, [1, 2]))
    #expect(harness.read(id) == .bytes([1, 2]))
    harness.wait(40)
    harness.expect(Segment([], 2, ack: 3))
  }

  @Test func finWait2_fin_to_timeWait() {
    let (harness, id) = TCPHarness.finWait2()
    harness.receive(Segment(.fin, 1, ack: 2))
    #expect(harness.tcp.state(id) == .timeWait)
    harness.expect(Segment([], 2, ack: 2))
  }

  @Test func finWait2_held_waitsForEver() {
    let (harness, id) = TCPHarness.finWait2()
    harness.wait(1_000_000)
    #expect(harness.tcp.state(id) == .finWait2)
  }

  @Test func finWait2_released_isLimited() {
    let (harness, id) = TCPHarness.finWait2()
    harness.release(id)
    harness.wait(59_999)
    #expect(harness.tcp.counters.finWait2Expired == 0)
    harness.wait(1)
    #expect(harness.tcp.counters.finWait2Expired == 1)
    #expect(harness.tcp.connectionCount == 0)
    harness.expectNothing()
  }

  @Test func finWait1_releasedThenAcked_isLimited() {
    let (harness, id) = TCPHarness.finWait1()
    harness.release(id)
    harness.receive(Segment([], 1, ack: 2))
    harness.wait(60_000)
    #expect(harness.tcp.counters.finWait2Expired == 1)
  }

  @Test(
    arguments: [
      .finWait1, .finWait2, .closing, .lastAck, .timeWait,
    ] as [TCPState]
  )
  func closed_write_isRefused(state: TCPState) {
    let (harness, id) = TCPHarness.inState(state)
    #expect(throws: NetworkError.closed) { try harness.write(id, [1]) }
    // And a second close changes nothing.
    harness.close(id)
    #expect(harness.tcp.state(id) == state)
    harness.expectNothing()
  }

  // MARK: Release

  @Test func established_release_closes() {
    let (harness, id) = TCPHarness.established()
    harness.release(id)
    harness.expect(Segment(.fin, 1, ack: 1))
    #expect(harness.tcp.state(id) == nil)
    harness.receive(Segment(.fin, 1, ack: 2))
    harness.expect(Segment([], 2, ack: 2))
    harness.wait(60_000)
    #expect(harness.tcp.connectionCount == 0)
  }

  @Test func established_releaseWithUnread_resets() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.push, 1, ack: 1, [1]))
    harness.release(id)
    harness.expect(Segment(.reset, 1, ack: 2))
    #expect(harness.tcp.connectionCount == 0)
    #expect(harness.pool.available == harness.pool.capacity)
  }

  @Test func released_text_resets() {
    let (harness, id) = TCPHarness.established()
    harness.release(id)
    harness.drain()
    harness.receive(Segment(.push, 1, ack: 1, [1]))
    harness.expect(Segment(.reset, 2, ack: 1))
    #expect(harness.tcp.counters.dataAfterRelease == 1)
    #expect(harness.tcp.connectionCount == 0)
  }

  @Test func released_writtenBytes_stillGo() throws {
    let (harness, id) = TCPHarness.established(window: 1000)
    _ = try harness.write(id, pattern(1500))
    harness.release(id)
    harness.expect(Segment([], 1, ack: 1, pattern(1000)))
    harness.receive(Segment([], 1, ack: 1001))
    harness.expect(
      Segment([.fin, .push], 1001, ack: 1, pattern(500, from: 1000))
    )
    harness.receive(Segment(.fin, 1, ack: 1502))
    harness.expect(Segment([], 1502, ack: 2))
  }

  /// Nobody could end it any more.
  @Test func released_peerTakesTooLittle_isReset() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(10_000))
    harness.release(id)
    // 100 s, and 9 s for 10,000 bytes at 1,024 a second.
    let end = harness.now + .seconds(109)
    var acknowledged = 1
    while harness.now < end {
      harness.drain()
      #expect(harness.tcp.connectionCount == 1)
      #expect(harness.tcp.counters.releasedExpired == 0)
      acknowledged += 1
      harness.receive(Segment([], 1, ack: acknowledged))
      harness.wait(1000)
    }
    #expect(harness.drain().last?.flags == [.reset, .acknowledgement])
    #expect(harness.tcp.counters.releasedExpired == 1)
    #expect(harness.tcp.connectionCount == 0)
    #expect(harness.tcp.deadline == nil)
  }

  @Test func held_peerTakesLittle_stays() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(10_000))
    harness.close(id)
    for acknowledged in 2...1000 {
      harness.drain()
      harness.receive(Segment([], 1, ack: acknowledged))
      harness.wait(1000)
    }
    #expect(harness.tcp.state(id) == .finWait1)
  }

  /// Half of the least rate, but all within the time.
  @Test func released_peerTakesItInTime_closes() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(60_000))
    harness.release(id)
    for count in 1...60 {
      harness.drain()
      harness.wait(2500)
      harness.receive(Segment([], 1, ack: 1 + 1000 * count))
    }
    harness.drain()
    harness.receive(Segment([], 1, ack: 60_002))
    #expect(harness.tcp.counters.releasedExpired == 0)
    // FIN-WAIT-2 has its own time, from now.
    harness.wait(59_999)
    #expect(harness.tcp.connectionCount == 1)
    harness.receive(Segment(.fin, 1, ack: 60_002))
    harness.expect(Segment([], 60_002, ack: 2))
    #expect(harness.tcp.timeWait.count == 1)
  }

  @Test func synSent_release_isOver() {
    let (harness, id) = TCPHarness.synSent()
    harness.release(id)
    harness.expectNothing()
    #expect(harness.tcp.connectionCount == 0)
    #expect(harness.tcp.deadline == nil)
  }
}
