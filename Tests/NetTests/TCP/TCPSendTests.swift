import Packets
import Testing

@testable import Net

/// What goes: segmenting, windows, Nagle, shut windows. RFC 9293 §3.7, §3.8.6.
@Suite struct TCPSendTests {
  @Test func write_isSentWithPush() throws {
    let (harness, id) = TCPHarness.established()
    #expect(try harness.write(id, [1, 2, 3]) == 3)
    harness.expect(Segment(.push, 1, ack: 1, [1, 2, 3]))
    harness.receive(Segment([], 1, ack: 4))
    #expect(harness.tcp.deadline == nil)
    #expect(harness.tcp.information(id)?.bytesToSend == 0)
  }

  @Test func write_isCutIntoSegments() throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.setNoDelay(id, true, at: harness.now)
    _ = try harness.write(id, pattern(2500))
    harness.expect(
      Segment([], 1, ack: 1, pattern(1000)),
      Segment([], 1001, ack: 1, pattern(1000, from: 1000)),
      Segment(.push, 2001, ack: 1, pattern(500, from: 2000))
    )
  }

  @Test func write_nothing_isNothing() throws {
    let (harness, id) = TCPHarness.established()
    #expect(try harness.write(id, []) == 0)
    harness.expectNothing()
    #expect(harness.events().isEmpty)
  }

  @Test func write_beyondTheBuffer_isCutShort() throws {
    let (harness, id) = TCPHarness.established()
    #expect(try harness.write(id, pattern(65_000)) == 65_000)
    #expect(try harness.write(id, pattern(1000)) == 536)
    #expect(try harness.write(id, pattern(1000)) == 0)
    harness.drain()
    // A quarter must be free before the app is told.
    harness.receive(Segment([], 1, ack: 10_001))
    #expect(harness.events().isEmpty)
    harness.drain()
    harness.receive(Segment([], 1, ack: 20_001))
    #expect(harness.events() == [.connection(id, .writable)])
    #expect(try harness.write(id, pattern(30_000)) == 20_000)
  }

  @Test func congestionWindow_bounds() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(60_000))
    // IW10 of RFC 6928.
    #expect(harness.drain().count == 10)
    // Slow start: two more for each acknowledged.
    harness.receive(Segment([], 1, ack: 1001))
    #expect(harness.drain().count == 2)
  }

  @Test func sendWindow_bounds() throws {
    let (harness, id) = TCPHarness.established(window: 3000)
    _ = try harness.write(id, pattern(10_000))
    #expect(harness.drain().count == 3)
    harness.receive(Segment([], 1, ack: 1001, window: 2000))
    harness.expectNothing()
    harness.receive(Segment([], 1, ack: 1001, window: 4000))
    #expect(harness.drain().map(\.sequence) == [3001, 4001])
  }

  @Test func oldSegment_doesNotSetTheWindow() throws {
    let (harness, id) = TCPHarness.established(window: 3000)
    harness.receive(Segment(.push, 1, ack: 1, window: 5000, [1]))
    #expect(harness.tcp.information(id)?.sendWindow == 5000)
    // In the window, yet before the segment that set it.
    harness.receive(Segment(.push, 3, ack: 1, window: 6000, [3]))
    #expect(harness.tcp.information(id)?.sendWindow == 6000)
    harness.receive(Segment(.push, 2, ack: 1, window: 100, [2]))
    #expect(harness.tcp.information(id)?.sendWindow == 6000)
  }

  /// Text that is sent again acknowledges something new: the window counts from
  /// there, and its edge stays where it was.
  @Test func oldSegment_withANewAcknowledgement_setsTheWindow() throws {
    let (harness, id) = TCPHarness.established(window: 3000)
    _ = try harness.write(id, pattern(4000))
    #expect(harness.drain().count == 3)
    // Before its turn, and so the newest.
    harness.receive(Segment(.push, 11, ack: 1, window: 3000, pattern(10)))
    harness.drain()
    harness.receive(Segment(.push, 1, ack: 1001, window: 2000, pattern(10)))
    #expect(harness.tcp.information(id)?.sendWindow == 2000)
    #expect(harness.drain().allSatisfy { $0.payload.isEmpty })
    // The segment that set it last still is the newest.
    harness.receive(Segment(.push, 5, ack: 1001, window: 9000, pattern(20)))
    #expect(harness.tcp.information(id)?.sendWindow == 2000)
  }

  // MARK: Nagle, RFC 9293 §3.7.4

  @Test func nagle_smallWaitsForTheAcknowledgement() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.expect(Segment(.push, 1, ack: 1, [1]))
    _ = try harness.write(id, [2])
    _ = try harness.write(id, [3])
    harness.expectNothing()
    harness.receive(Segment([], 1, ack: 2))
    harness.expect(Segment(.push, 2, ack: 1, [2, 3]))
  }

  @Test func nagle_fullSegmentsGo() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    _ = try harness.write(id, pattern(1500))
    harness.expect(Segment([], 2, ack: 1, pattern(1000)))
    harness.receive(Segment([], 1, ack: 1002))
    harness.expect(Segment(.push, 1002, ack: 1, pattern(500, from: 1000)))
  }

  @Test func nagle_off_smallGoes() throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.setNoDelay(id, true, at: harness.now)
    _ = try harness.write(id, [1])
    harness.expect(Segment(.push, 1, ack: 1, [1]))
    _ = try harness.write(id, [2])
    harness.expect(Segment(.push, 2, ack: 1, [2]))
  }

  @Test func nagle_switchedOff_sendsWhatWaits() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    _ = try harness.write(id, [2])
    harness.expectNothing()
    harness.tcp.setNoDelay(id, true, at: harness.now)
    harness.expect(Segment(.push, 2, ack: 1, [2]))
  }

  @Test func nagle_close_sendsWhatWaits() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    _ = try harness.write(id, [2])
    harness.close(id)
    harness.expect(Segment([.push, .fin], 2, ack: 1, [2]))
  }

  // MARK: Small and shut windows, RFC 9293 §3.8.6

  @Test func smallWindow_waitsForAGoodPartOfIt() throws {
    let (harness, id) = TCPHarness.established(window: 4000)
    _ = try harness.write(id, pattern(8000))
    #expect(harness.drain().count == 4)
    // 600 bytes are neither a segment nor half of 4,000.
    harness.receive(Segment([], 1, ack: 4001, window: 600))
    harness.expectNothing()
    harness.receive(Segment([], 1, ack: 4001, window: 1000))
    harness.expect(Segment([], 4001, ack: 1, pattern(1000, from: 4000)))
  }

  @Test func smallWindow_override_sendsWhatItTakes() throws {
    let (harness, id) = TCPHarness.established(window: 4000)
    _ = try harness.write(id, pattern(8000))
    harness.drain()
    harness.receive(Segment([], 1, ack: 4001, window: 600))
    harness.wait(1000)
    harness.expect(Segment([], 4001, ack: 1, pattern(600, from: 4000)))
  }

  @Test func tinyWindowFromTheStart_isUsed() throws {
    let (harness, id) = TCPHarness.established(window: 100)
    _ = try harness.write(id, pattern(300))
    harness.expect(Segment([], 1, ack: 1, pattern(100)))
    harness.receive(Segment([], 1, ack: 101, window: 100))
    harness.expect(Segment([], 101, ack: 1, pattern(100, from: 100)))
  }

  static func shutWindow(
    limits: TCPLimits = TCPHarness.limits
  ) throws -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPHarness.established(limits: limits)
    _ = try harness.write(id, pattern(1000))
    harness.drain()
    harness.receive(Segment([], 1, ack: 1001, window: 0))
    _ = try harness.write(id, pattern(2000, from: 1000))
    return (harness, id)
  }

  @Test func shutWindow_isProbedLessAndLessOften() throws {
    let (harness, _) = try Self.shutWindow()
    harness.expectNothing()
    let probe = Segment([], 1001, ack: 1, pattern(1, from: 1000))
    // The measured timeout is the floor of 200 ms; then doubled, to a fifth of
    // the time after which a peer is given up.
    for milliseconds: Int64 in [
      200, 400, 800, 1600, 3200, 6400, 12_800, 20_000, 20_000, 20_000, 20_000,
    ] {
      harness.wait(milliseconds - 1)
      harness.expectNothing()
      harness.wait(1)
      harness.expect(probe)
      harness.receive(Segment([], 1, ack: 1001, window: 0))
      harness.expectNothing()
    }
    #expect(harness.tcp.counters.windowProbes == 11)
    #expect(harness.tcp.counters.segmentsRetransmitted == 0)
  }

  @Test func shutWindow_opens_goesOn() throws {
    let (harness, _) = try Self.shutWindow()
    harness.wait(200)
    harness.drain()
    harness.receive(Segment([], 1, ack: 1001, window: 10_000))
    harness.expect(
      Segment([], 1001, ack: 1, pattern(1000, from: 1000)),
      Segment(.push, 2001, ack: 1, pattern(1000, from: 2000))
    )
  }

  @Test func shutWindow_probeIsTaken_goesOnBehindIt() throws {
    let (harness, _) = try Self.shutWindow()
    harness.wait(200)
    harness.drain()
    harness.receive(Segment([], 1, ack: 1002, window: 10_000))
    // The probe was small, and is acknowledged: the last part may go, too.
    harness.expect(
      Segment([], 1002, ack: 1, pattern(1000, from: 1001)),
      Segment(.push, 2002, ack: 1, pattern(999, from: 2001))
    )
  }

  @Test func shutWindow_probedThenAborted_resetsInFrontOfTheProbe() throws {
    let (harness, id) = try Self.shutWindow()
    harness.wait(200)
    harness.drain()
    harness.abort(id)
    // The peer dropped the probe; behind it a reset would be dropped too.
    harness.expect(Segment(.reset, 1001, ack: 1))
  }

  @Test func shutWindow_noAnswer_givesUp() throws {
    let (harness, id) = try Self.shutWindow()
    for _ in 0..<20 where harness.tcp.state(id) == .established {
      harness.wait(20_000)
      harness.drain()
    }
    #expect(harness.read(id) == .failed(.timedOut))
  }

  @Test func shutWindow_answered_neverGivesUp() throws {
    let (harness, id) = try Self.shutWindow()
    for _ in 0..<100 {
      harness.wait(30_000)
      if !harness.drain().isEmpty {
        harness.receive(Segment([], 1, ack: 1001, window: 0))
      }
    }
    #expect(harness.tcp.state(id) == .established)
  }

  /// Three answers in a row are lost.
  @Test func shutWindow_answeredAtTimes_neverGivesUp() throws {
    let (harness, id) = try Self.shutWindow()
    var probes = 0
    for _ in 0..<2000 {
      harness.wait(1000)
      guard !harness.drain().isEmpty else { continue }
      probes += 1
      if probes % 4 == 0 {
        harness.receive(Segment([], 1, ack: 1001, window: 0))
      }
    }
    #expect(probes > 60)
    #expect(harness.tcp.state(id) == .established)
  }

  @Test func shutWindow_opens_thenSilence_hasTheFullTime() throws {
    let (harness, id) = try Self.shutWindow()
    harness.wait(95_000)
    harness.drain()
    harness.receive(Segment([], 1, ack: 1001, window: 10_000))
    let opened = harness.now
    while let deadline = harness.tcp.deadline {
      harness.drain()
      harness.now = deadline
      harness.tcp.poll(at: deadline)
    }
    #expect(harness.read(id) == .failed(.timedOut))
    #expect(harness.now - opened >= .seconds(100))
  }

  @Test func shutWindow_answeredButReleased_givesUp() throws {
    let (harness, id) = try Self.shutWindow()
    harness.release(id)
    for _ in 0..<20 {
      harness.wait(20_000)
      if !harness.drain().isEmpty {
        harness.receive(Segment([], 1, ack: 1001, window: 0))
      }
    }
    #expect(harness.tcp.connectionCount == 0)
    #expect(harness.tcp.counters.connectionsTimedOut == 1)
  }

  @Test func shutWindow_bareFIN_goes() {
    let (harness, id) = TCPHarness.established(window: 0)
    harness.close(id)
    harness.expect(Segment(.fin, 1, ack: 1))
  }

  @Test func takenBackWindow_isProbed() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(3000))
    harness.drain()
    harness.receive(Segment([], 1, ack: 1001, window: 0))
    harness.expectNothing()
    // The timeout finds the window shut, and probes begin.
    harness.wait(200)
    harness.expectNothing()
    harness.wait(400)
    harness.expect(Segment([], 1001, ack: 1, pattern(1, from: 1000)))
    harness.receive(Segment([], 1, ack: 1001, window: 5000))
    harness.expect(Segment([], 1001, ack: 1, pattern(1000, from: 1000)))
  }

  @Test func takenBackWindow_acknowledgementStaysInIt() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(3000))
    harness.drain()
    harness.receive(Segment(.push, 1, ack: 1, window: 500, [1]))
    harness.wait(40)
    harness.expect(Segment([], 501, ack: 2))
  }

  @Test func idle_beginsWithTheInitialWindow() throws {
    let (harness, id) = TCPHarness.established()
    for round in 0..<4 {
      _ = try harness.write(id, pattern(10_000))
      harness.drain()
      harness.receive(Segment([], 1, ack: 1 + 10_000 * (round + 1)))
    }
    let busy = harness.tcp.information(id)!.congestionWindow
    #expect(busy > 10_000)
    harness.wait(1000)
    _ = try harness.write(id, pattern(10_000))
    #expect(harness.tcp.information(id)?.congestionWindow == 10_000)
  }

  @Test func connections_takeTurns() throws {
    let harness = TCPHarness()
    let listener = try harness.listen(backlog: 4)
    var ids: [ConnectionID] = []
    var starts: [SequenceNumber] = []
    for port: UInt16 in [1001, 1002, 1003] {
      harness.remotePort = port
      harness.receive(Segment(.syn, 0, mss: 1000))
      _ = harness.learnInitial()
      starts.append(harness.iss)
      harness.receive(Segment([], 1, ack: 1))
      ids.append(harness.accept(listener)!)
    }
    harness.drain()
    for id in ids { _ = try harness.write(id, pattern(2000)) }
    var order: [UInt16] = []
    while let outgoing = harness.tcp.transmit(
      at: harness.now,
      pool: harness.pool
    ) {
      order.append(outgoing.packet.bytes.bigEndian(at: 2))
    }
    #expect(order == [1001, 1002, 1003, 1001, 1002, 1003])
  }

  @Test func emptyPool_losesNothing() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1, 2])
    let empty = PacketPool(capacity: 1)
    let taken = empty.allocate()
    let isNothing = harness.tcp.transmit(at: harness.now, pool: empty) == nil
    #expect(isNothing)
    #expect(harness.tcp.counters.poolEmpty == 1)
    _ = consume taken
    harness.expect(Segment(.push, 1, ack: 1, [1, 2]))
  }
}
