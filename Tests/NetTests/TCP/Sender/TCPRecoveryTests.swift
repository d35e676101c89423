import Testing

@testable import Net

/// A sender whose peer says what it has: RFC 2018, RFC 2883, RFC 8985, RFC 9937.
@Suite struct TCPRecoveryTests {
  /// Ten segments of 1,000 bytes on their way, 60,000 written, and a round trip
  /// of 20 ms known.
  static func busy(
    limits: TCPLimits = TCPHarness.limits
  ) throws -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPHarness.selective(limits: limits, roundTrip: 20)
    _ = try harness.write(id, pattern(60_000))
    #expect(harness.sequences() == (0..<10).map { $0 * 1000 + 1 })
    harness.wait(20)
    return (harness, id)
  }

  static func window(_ harness: TCPHarness, _ id: ConnectionID) -> Int? {
    harness.tcp.information(id)?.congestionWindow
  }

  // MARK: The end

  /// The FIN went alone behind the text and has come, the text has not: it goes
  /// again without the FIN, whose number is not lost.
  @Test func finHasCome_theTextGoesAgainWithoutIt() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, [1, 2, 3])
    #expect(harness.sequences() == [1])
    harness.close(id)
    #expect(harness.drain().map(\.flags) == [[.fin, .acknowledgement]])
    harness.wait(20)
    harness.acknowledge(1, 4..<5)
    #expect(harness.flightText(id) == "1-4 4-5S")
    harness.wait(10)
    let again = harness.drain()
    #expect(again.map(\.sequence) == [1])
    #expect(again.map(\.flags) == [[.push, .acknowledgement]])
    #expect(harness.flightText(id) == "1-4R 4-5S")
    harness.acknowledge(5)
    #expect(harness.tcp.state(id) == .finWait2)
  }

  /// Both are lost: they go again as one.
  @Test func textAndFINAreLost_goAgainTogether() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, [1, 2, 3])
    _ = harness.drain()
    harness.close(id)
    _ = harness.drain()
    #expect(harness.flightText(id) == "1-4 4-5")
    harness.tcp.slots[Int(id.index)].connection.flight.loseAll()
    harness.tcp.settle(id.index, at: harness.now)
    let again = harness.drain()
    #expect(again.map(\.sequence) == [1])
    #expect(again.map(\.flags) == [[.fin, .push, .acknowledgement]])
    #expect(harness.flightText(id) == "1-5R")
  }

  /// The congestion window has no room for the FIN yet: a probe for what was
  /// sent last has none either.
  @Test func tailProbe_hasNoFINThatWasNotSent() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, pattern(10_000))
    #expect(harness.sequences().count == 10)
    harness.close(id)
    harness.expectNothing()
    harness.wait(40)
    let probe = harness.drain()
    #expect(probe.map(\.sequence) == [9001])
    #expect(probe.map(\.flags) == [[.push, .acknowledgement]])
    harness.acknowledge(10_001)
    #expect(harness.drain().map(\.flags) == [[.fin, .acknowledgement]])
  }

  // MARK: The handshake

  @Test(arguments: [true, false])
  func synAcknowledgement_permitsIfTheSYNDid(permits: Bool) throws {
    let harness = TCPHarness()
    _ = try harness.listen(backlog: 1)
    var header = TCPHeader(
      sourcePort: harness.remotePort,
      destinationPort: harness.localPort,
      sequenceNumber: harness.irs,
      flags: .syn
    )
    header.options.isSACKPermitted = permits
    var packet = harness.pool.allocate(headroom: 128)!
    packet.prepend(header, from: TCPHarness.theirs, to: TCPHarness.ours)
    harness.receive(packet)
    let answer = harness.tcp.transmit(at: harness.now, pool: harness.pool)!
    let options = try TCPHeader(parsing: answer.packet.bytes).options
    #expect(options.isSACKPermitted == permits)
  }

  @Test func syn_permits() throws {
    let harness = TCPHarness()
    _ = try harness.tcp.connect(
      from: TCPHarness.ours,
      to: Endpoint(address: TCPHarness.theirs, port: 7),
      maximumSegmentSize: 1460,
      at: harness.now
    )
    let syn = harness.tcp.transmit(at: harness.now, pool: harness.pool)!
    let options = try TCPHeader(parsing: syn.packet.bytes).options
    #expect(options.isSACKPermitted)
  }

  // MARK: One loss

  /// Three segments behind a hole speak for a loss when nothing was ever
  /// reordered: RFC 8985 §6.2 step 4.
  @Test func threeSegmentsBehindAHole_sendItAgain() throws {
    let (harness, id) = try Self.busy()
    // Each block lets a new segment go: what has come is not under way.
    harness.acknowledge(1, 1001..<2001)
    #expect(harness.sequences() == [10_001])
    harness.acknowledge(1, 1001..<3001)
    #expect(harness.sequences() == [11_001])
    harness.acknowledge(1, 1001..<4001)
    #expect(harness.sequences() == [1])
    #expect(harness.tcp.counters.fastRetransmissions == 1)
    #expect(harness.tcp.information(id)?.slowStartThreshold == 5000)
  }

  /// RFC 9937: with Reno's half, one goes out for two that have come; once five
  /// are under way, which is the threshold, one for each.
  @Test func recovery_comesDownToTheThreshold() throws {
    let (harness, id) = try Self.busy()
    for end in [2001, 3001, 4001] {
      harness.wait(1)
      harness.acknowledge(1, 1001..<end)
      _ = harness.sequences()
    }
    var sent: [[Int]] = []
    for end in stride(from: 5001, through: 10_001, by: 1000) {
      harness.wait(1)
      harness.acknowledge(1, 1001..<end)
      sent.append(harness.sequences())
    }
    #expect(sent == [[], [], [12_001], [], [], [13_001]])
    harness.wait(11)
    harness.acknowledge(1, 1001..<11_001)
    #expect(harness.sequences() == [14_001])
    // All that was sent before is acknowledged: it is over.
    harness.acknowledge(12_001)
    #expect(Self.window(harness, id) == 5000)
    #expect(harness.tcp.counters.fastRetransmissions == 1)
    #expect(harness.tcp.counters.retransmissionTimeouts == 0)
    #expect(harness.tcp.information(id)?.retransmissions == 1)
  }

  /// RFC 8985 §6.2 step 5: one segment behind the hole may be reordering; a
  /// quarter of the round trip later it is not.
  @Test func oneSegmentBehindAHole_waitsForReordering() throws {
    let (harness, _) = try Self.busy()
    harness.acknowledge(1, 1001..<2001)
    #expect(harness.sequences() == [10_001])
    #expect(harness.tcp.deadline == harness.now + .milliseconds(5))
    harness.wait(4)
    #expect(harness.sequences() == [])
    harness.wait(1)
    #expect(harness.sequences() == [1])
    #expect(harness.tcp.counters.reorderingExpired == 1)
    #expect(harness.tcp.counters.fastRetransmissions == 1)
  }

  @Test func reordered_isNotSentAgain() throws {
    let (harness, _) = try Self.busy()
    harness.acknowledge(1, 1001..<2001)
    _ = harness.sequences()
    harness.wait(3)
    harness.acknowledge(2001)
    _ = harness.sequences()
    harness.wait(50)
    #expect(harness.tcp.counters.fastRetransmissions == 0)
    #expect(harness.tcp.counters.segmentsRetransmitted == 0)
  }

  /// Once something was reordered, three segments are not enough.
  @Test func afterReordering_threeSegmentsAreNotEnough() throws {
    let (harness, _) = try Self.busy()
    harness.acknowledge(1, 1001..<2001)
    harness.acknowledge(2001)
    _ = harness.sequences()
    harness.acknowledge(2001, 3001..<8001)
    #expect(!harness.sequences().contains(2001))
    harness.wait(5)
    #expect(harness.sequences().first == 2001)
  }

  // MARK: Many losses

  /// Every second one is lost: all go again within one recovery.
  @Test func manyHoles_areSentAgainInOneRecovery() throws {
    let (harness, id) = try Self.busy()
    harness.acknowledge(1, 1001..<2001, 3001..<4001, 5001..<6001)
    #expect(harness.flightText(id).hasPrefix("1-1001L 1001-2001S 2001-3001L"))
    #expect(harness.sequences().first == 1)
    harness.acknowledge(1, 7001..<8001, 5001..<6001, 3001..<4001)
    harness.acknowledge(1, 9001..<10_001, 7001..<8001, 5001..<6001)
    _ = harness.sequences()
    harness.wait(20)
    var rounds = 0
    while harness.tcp.information(id)!.bytesInFlight > 0, rounds < 20 {
      // The peer gets all that was sent.
      harness.acknowledge(Int(harness.tcp.counters.bytesSent) + 1)
      _ = harness.sequences()
      harness.wait(20)
      rounds += 1
    }
    #expect(harness.tcp.counters.fastRetransmissions == 1)
    #expect(harness.tcp.counters.retransmissionTimeouts == 0)
  }

  /// RFC 8985 §6: a retransmission that is lost goes again without a timeout.
  @Test func lostRetransmission_isSentAgain() throws {
    let (harness, _) = try Self.busy()
    harness.acknowledge(1, 1001..<5001)
    #expect(harness.sequences().first == 1)
    harness.wait(1)
    harness.acknowledge(1, 1001..<9001)
    let fresh = harness.sequences()
    #expect(!fresh.isEmpty && fresh.allSatisfy { $0 > 10_000 })
    harness.wait(20)
    // What was sent after the retransmission has come.
    harness.acknowledge(1, 1001..<9001, fresh[0]..<fresh[0] + 1000)
    #expect(harness.sequences().contains(1))
    #expect(harness.tcp.counters.retransmissionTimeouts == 0)
  }

  // MARK: Blocks that no peer in its right mind sends

  @Test(arguments: [
    [0..<1001], [1..<1001], [10_001..<11_001], [9001..<10_002],
    [50_000..<50_001], [-5000..<50_000],
  ])
  func blockOutsideTheWindow_isPassedOver(blocks: [Range<Int>]) throws {
    let (harness, id) = try Self.busy()
    let before = harness.flightText(id)
    harness.acknowledge(1, blocks[0])
    #expect(harness.flightText(id) == before)
    #expect(harness.sequences().allSatisfy { $0 > 10_000 })
  }

  /// A peer that permits blocks and sends none: three duplicates do.
  @Test func duplicatesWithoutBlocks_sendTheFirstAgain() throws {
    let (harness, _) = try Self.busy()
    harness.acknowledge(1)
    harness.acknowledge(1)
    #expect(!harness.sequences().contains(1))
    harness.acknowledge(1)
    #expect(harness.sequences().contains(1))
    #expect(harness.tcp.counters.fastRetransmissions == 1)
  }

  // MARK: Timeouts

  /// RFC 2018 §8: who acknowledges up to what it said it had, and no further,
  /// has thrown it away.
  @Test func reneging_isFoundAtTheTimeout() throws {
    let (harness, id) = try Self.busy()
    harness.acknowledge(1, 1001..<2001)
    harness.acknowledge(1001)
    _ = harness.sequences()
    while harness.tcp.counters.retransmissionTimeouts == 0 {
      harness.now = harness.tcp.deadline!
      harness.tcp.poll(at: harness.now)
      if harness.tcp.counters.retransmissionTimeouts == 0 {
        _ = harness.sequences()
      }
    }
    #expect(harness.tcp.counters.reneged == 1)
    #expect(!harness.flightText(id).contains("S"))
    #expect(harness.sequences().first == 1001)
  }

  /// What has come is kept over a timeout, and not sent again. RFC 6675 §5.1.
  @Test func timeout_doesNotSendAgainWhatHasCome() throws {
    let (harness, id) = try Self.busy()
    harness.acknowledge(1, 1001..<10_001)
    _ = harness.sequences()
    while harness.tcp.counters.retransmissionTimeouts == 0 {
      harness.now = harness.tcp.deadline!
      harness.tcp.poll(at: harness.now)
      if harness.tcp.counters.retransmissionTimeouts == 0 {
        _ = harness.sequences()
      }
    }
    #expect(harness.tcp.counters.reneged == 0)
    #expect(harness.flightText(id).contains("1001-10001S"))
    #expect(harness.sequences().first == 1)
    harness.acknowledge(10_001)
    #expect(harness.sequences().allSatisfy { $0 >= 10_001 })
  }

  // MARK: Tail loss probe, RFC 8985 §7

  /// Two segments and nothing back: after two round trips the last goes again.
  @Test func lastLost_isAskedAfter() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, pattern(2000))
    #expect(harness.sequences() == [1, 1001])
    #expect(harness.tcp.deadline == harness.now + .milliseconds(40))
    harness.wait(40)
    #expect(harness.sequences() == [1001])
    #expect(harness.tcp.counters.tailLossProbes == 1)
    #expect(harness.tcp.counters.retransmissionTimeouts == 0)
    // One probe, then the timeout, which counts from it.
    #expect(harness.tcp.deadline == harness.now + .milliseconds(200))
    // The peer had lost the first too, and now says so: 20 ms later RACK has
    // it sent again.
    harness.wait(20)
    harness.acknowledge(1, 1001..<2001)
    harness.wait(5)
    #expect(harness.sequences() == [1])
    #expect(harness.tcp.counters.retransmissionTimeouts == 0)
  }

  @Test func newData_isTheProbe() throws {
    let (harness, id) = try Self.busy()
    harness.wait(20)
    // The window is full; a probe goes beyond it.
    #expect(harness.sequences() == [10_001])
    #expect(harness.tcp.counters.tailLossProbes == 1)
    #expect(harness.tcp.information(id)?.retransmissions == 0)
  }

  /// The last was a small one, as the window had room for no more: it goes again
  /// as it was, though more is written.
  @Test func smallWindow_probeStaysWithinIt() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, pattern(4000))
    #expect(harness.sequences() == [1, 1001, 2001, 3001])
    harness.acknowledge(4001, window: 300)
    _ = try harness.write(id, pattern(2000, from: 4000))
    #expect(harness.sequences() == [])
    harness.wait(200)
    let small = Segment([], 4001, ack: 1, pattern(300, from: 4000))
    harness.expect(small)
    harness.wait(200)
    #expect(harness.tcp.counters.retransmissionTimeouts == 0)
    harness.expect(small)
    harness.expectNothing()
    #expect(harness.tcp.counters.tailLossProbes == 1)
    harness.acknowledge(4301)
    #expect(harness.sequences() == [4301, 5301])
  }

  /// A single segment may be acknowledged late: 200 ms more.
  @Test func singleSegment_waitsForTheDelayedAcknowledgement() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, [1])
    #expect(harness.sequences() == [1])
    // 2 SRTT + 200 ms is after the timeout; RFC 8985 §7.2: at its time then.
    #expect(harness.tcp.deadline == harness.now + .milliseconds(200))
    harness.wait(200)
    #expect(harness.sequences() == [1])
    #expect(harness.tcp.counters.tailLossProbes == 1)
    #expect(harness.tcp.counters.retransmissionTimeouts == 0)
    harness.wait(200)
    #expect(harness.tcp.counters.retransmissionTimeouts == 1)
  }

  /// §7.4: the probe made good for the loss of the last, which costs as much as
  /// any loss.
  @Test func probeThatWasNeeded_reducesTheWindow() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, pattern(2000))
    _ = harness.sequences()
    harness.wait(40)
    #expect(harness.sequences() == [1001])
    harness.wait(20)
    harness.acknowledge(2001)
    #expect(Self.window(harness, id) == 10_000)
    _ = try harness.write(id, pattern(1000))
    _ = harness.sequences()
    harness.wait(20)
    harness.acknowledge(3001)
    #expect(harness.tcp.counters.fastRetransmissions == 1)
    #expect(harness.tcp.information(id)?.slowStartThreshold == 2000)
  }

  /// A D-SACK tells that both came: no loss.
  @Test func probeThatWasNotNeeded_costsNothing() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, pattern(2000))
    _ = harness.sequences()
    harness.wait(40)
    _ = harness.sequences()
    harness.acknowledge(2001)
    harness.acknowledge(2001, 1001..<2001)
    #expect(harness.tcp.counters.duplicatesReported == 1)
    _ = try harness.write(id, pattern(1000))
    _ = harness.sequences()
    harness.acknowledge(3001)
    #expect(harness.tcp.counters.fastRetransmissions == 0)
    #expect(Self.window(harness, id) == 10_000)
  }

  @Test func lostFIN_isAskedAfter() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, pattern(1500))
    harness.close(id)
    #expect(harness.sequences() == [1, 1001])
    harness.wait(40)
    harness.expect(
      Segment([.fin, .push], 1001, ack: 1, pattern(500, from: 1000))
    )
    harness.acknowledge(1502)
    #expect(harness.tcp.state(id) == .finWait2)
  }
}
