import Testing

@testable import Net

/// Connections that go on for longer than half of the numbers: what a sender
/// remembers by a number, and nothing has brought up to date, must not come to
/// be ahead of it. RFC 9293 §3.4.
@Suite struct TCPWraparoundTests {
  /// More than half of all numbers.
  static let farthest = 5 << 29

  /// The connection sends `steps` times an eighth of all numbers, from `position`
  /// on, and the peer acknowledges them.
  static func leap(
    _ harness: TCPHarness,
    _ id: ConnectionID,
    from position: Int,
    steps: Int = 5
  ) -> Int {
    let index = Int(id.index)
    var position = position
    for _ in 0..<steps {
      let start = harness.iss + position
      position += 1 << 29
      harness.tcp.slots[index].connection.flight.sent(
        from: start,
        to: harness.iss + position,
        limit: 64,
        at: harness.now
      )
      harness.tcp.slots[index].connection.send.next = harness.iss + position
      harness.receive(Segment([], 1, ack: position))
    }
    #expect(harness.tcp.information(id)?.bytesInFlight == 0)
    // As a harness counts what TCP sends.
    return (harness.iss + position) - harness.iss
  }

  /// RFC 6582 §3.2 step 1 asks whether more is acknowledged than `recover`.
  @Test func threeDuplicates_areALossStill() throws {
    let (harness, id) = TCPHarness.established()
    let start = Self.leap(harness, id, from: 1)
    _ = try harness.write(id, pattern(5000))
    #expect(harness.drain().count == 5)
    for _ in 0..<3 { harness.receive(Segment([], 1, ack: start)) }
    #expect(harness.drain().map(\.sequence) == [start])
    #expect(harness.tcp.counters.fastRetransmissions == 1)
  }

  /// RFC 3168 §6.1.2: one reduction for each window, long ago as the last is.
  @Test func echo_reducesStill() throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.slots[Int(id.index)].connection.marking.turnOn()
    _ = try harness.write(id, pattern(1000))
    harness.drain()
    harness.receive(Segment(.congestionEcho, 1, ack: 1001))
    #expect(harness.tcp.counters.congestionEchoes == 1)
    let start = Self.leap(harness, id, from: 1001)
    _ = try harness.write(id, pattern(1000))
    harness.drain()
    harness.receive(Segment(.congestionEcho, 1, ack: start + 1000))
    #expect(harness.tcp.counters.congestionEchoes == 2)
  }

  /// RFC 9293 §A.3: all small ones are acknowledged.
  @Test func smallSegment_goesAtOnceStill() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    harness.receive(Segment([], 1, ack: 2))
    let start = Self.leap(harness, id, from: 2)
    _ = try harness.write(id, [2])
    harness.expect(Segment(.push, start, ack: 1, [2]))
  }

  /// RFC 9293 §3.10.7.4: an acknowledgement stands at SND.NXT, also where our
  /// first number seems to be ahead.
  @Test func acknowledgement_standsBehindWhatWasSentStill() throws {
    let (harness, id) = TCPHarness.established()
    var start = Self.leap(harness, id, from: 1, steps: 4)
    for _ in 0..<3 {
      _ = try harness.write(id, pattern(1000))
      harness.drain()
      start += 1000
      harness.receive(Segment([], 1, ack: start))
      harness.receive(Segment(.push, -100, ack: start, [1]))
      harness.expect(Segment([], start, ack: 1))
    }
  }

  /// RFC 7661 §4.3: what was sent since does not fill the window.
  @Test func windowThatWasFullOnce_doesNotGrowForThat() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(10_000))
    harness.drain()
    harness.receive(Segment([], 1, ack: 10_001))
    let start = Self.leap(harness, id, from: 10_001)
    let window = harness.tcp.information(id)?.congestionWindow
    _ = try harness.write(id, pattern(1000))
    harness.drain()
    harness.receive(Segment([], 1, ack: start + 1000))
    #expect(harness.tcp.information(id)?.congestionWindow == window)
  }

  /// RFC 8985 §6.2 step 4: duplicates widen the window for reordering.
  @Test func duplicates_widenStill() {
    var rack = RACK(initialSequenceNumber: SequenceNumber(0))
    func window() -> Interval {
      rack.reorderingWindow(
        isRecovering: false,
        sacked: 0,
        segmentSize: 1000,
        least: .milliseconds(20),
        smoothed: .milliseconds(100)
      )
    }
    rack.duplicated(acknowledged: SequenceNumber(1), next: SequenceNumber(9))
    #expect(window() == .milliseconds(10))
    let next = SequenceNumber(9) + Self.farthest
    for step in 1...5 {
      rack.forgetRound(before: SequenceNumber(9) + step << 29)
    }
    rack.duplicated(acknowledged: next, next: next + 9)
    #expect(window() == .milliseconds(15))
  }

  /// RFC 9293 §3.8.5 (MUST-33): nothing is urgent any more.
  @Test func urgent_isOver() {
    var urgent = UrgentData()
    let first = urgent.arrived(SequenceNumber(10), read: SequenceNumber(1))
    #expect(first)
    urgent.read(upTo: SequenceNumber(9))
    #expect(urgent.bytesLeft(read: SequenceNumber(9)) == 1)
    urgent.read(upTo: SequenceNumber(10))
    let read = SequenceNumber(10) + Self.farthest
    #expect(urgent.bytesLeft(read: read) == 0)
    let again = urgent.arrived(read + 5, read: read)
    #expect(again)
    #expect(urgent.bytesLeft(read: read) == 5)
  }

  /// What the app has read is told to it: `urgent_isOver` on a connection.
  @Test func urgentText_thatWasRead_isForgotten() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.push, 1, ack: 1, urgent: 2, [1, 2]))
    #expect(harness.tcp.information(id)?.urgentBytes == 2)
    #expect(harness.read(id) == .bytes([1, 2]))
    let index = Int(id.index)
    let received = harness.tcp.slots[index].connection.urgent.received
    #expect(received == nil)
  }

  // MARK: The end of the numbers

  /// A time at which our initial number is `before` less than zero.
  private static func instant(_ before: UInt32) -> Instant {
    let local = Endpoint(address: TCPHarness.ours, port: TCPHarness.port)
    let remote = Endpoint(
      address: TCPHarness.theirs,
      port: TCPHarness.theirPort
    )
    let start = Instant(nanoseconds: 1_000_000_000)
    let number = InitialSequenceNumber.generate(
      local: local,
      remote: remote,
      secret: TCPHarness.secret,
      at: start
    )
    // The clock of these numbers counts four microseconds.
    let ticks = 0 &- before &- number.rawValue
    return start + .microseconds(Int64(ticks) * 4)
  }

  private static func opened(_ before: UInt32) throws -> (
    TCPHarness, ConnectionID
  ) {
    let harness = TCPHarness()
    harness.now = instant(before)
    let listener = try harness.listen(backlog: 1)
    harness.receive(Segment(.syn, 0, mss: 1000, permitsSACK: true))
    _ = harness.learnInitial()
    #expect(harness.iss == SequenceNumber(0 &- before))
    harness.wait(20)
    harness.receive(Segment([], 1, ack: 1))
    let id = try #require(harness.accept(listener))
    return (harness, id)
  }

  /// How many numbers there are before zero: the SYN, the first byte, one that
  /// is lost, the hole, what is behind it, the FIN.
  static let ends: [UInt32] = [
    0, 1, 2, 500, 999, 1000, 1001, 1002, 2001, 3000, 4001, 5000, 5001, 5002,
    1 << 31, 1 << 31 + 2500,
  ]

  @Test(arguments: ends)
  func transfer_withALoss_acrossZero(before: UInt32) throws {
    let (harness, id) = try Self.opened(before)
    _ = try harness.write(id, pattern(5000))
    #expect(harness.sequences() == [1, 1001, 2001, 3001, 4001])
    harness.wait(20)
    harness.acknowledge(1001)
    harness.acknowledge(1001, 2001..<5001)
    harness.expect(
      Segment([], 1001, ack: 1, pattern(1000, from: 1000))
    )
    #expect(harness.flightText(id) == "1001-2001R 2001-5001S")
    harness.wait(20)
    harness.acknowledge(5001)
    #expect(harness.tcp.information(id)?.bytesInFlight == 0)
    harness.close(id)
    harness.expect(Segment(.fin, 5001, ack: 1))
    harness.receive(Segment(.fin, 1, ack: 5002))
    harness.expect(Segment([], 5002, ack: 2))
    #expect(harness.tcp.state(id) == .timeWait)
    #expect(harness.tcp.counters.badAcknowledgements == 0)
  }

  @Test(arguments: ends)
  func timeout_acrossZero(before: UInt32) throws {
    let (harness, id) = try Self.opened(before)
    _ = try harness.write(id, pattern(3000))
    #expect(harness.sequences() == [1, 1001, 2001])
    harness.wait(45)
    #expect(harness.sequences() == [2001])
    harness.wait(1000)
    #expect(harness.sequences().first == 1)
    harness.acknowledge(1001)
    #expect(harness.sequences() == [1001, 2001])
    harness.acknowledge(3001)
    #expect(harness.tcp.information(id)?.bytesInFlight == 0)
    #expect(harness.tcp.information(id)?.bytesToSend == 0)
  }

  /// RFC 5961 §5.2, with the least and the greatest number that may be.
  @Test(arguments: ends)
  func acknowledgements_acrossZero(before: UInt32) throws {
    let (harness, id) = try Self.opened(before)
    _ = try harness.write(id, pattern(2000))
    harness.drain()
    for number in [2002, -65_535] {
      harness.receive(Segment([], 1, ack: number))
    }
    #expect(harness.tcp.counters.badAcknowledgements == 2)
    for number in [-65_534, 0, 1] {
      harness.receive(Segment([], 1, ack: number))
    }
    #expect(harness.tcp.information(id)?.bytesInFlight == 2000)
    harness.receive(Segment([], 1, ack: 2001))
    #expect(harness.tcp.counters.badAcknowledgements == 2)
    #expect(harness.tcp.information(id)?.bytesInFlight == 0)
  }
}
