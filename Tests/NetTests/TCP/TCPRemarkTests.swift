import Testing

@testable import Net

/// What TCP counts for a segment: its reason for every drop, and nothing to
/// remark on when all is well.
@Suite struct TCPRemarkTests {
  /// What was counted meanwhile, but for segments and bytes that came and went.
  private static func counted(
    _ harness: TCPHarness,
    _ body: () throws -> Void
  ) rethrows -> [String] {
    let before = harness.tcp.counters
    try body()
    harness.drain()
    var earlier: [UInt64] = []
    before.forEach { earlier.append($1) }
    var counted: [String] = []
    var index = 0
    harness.tcp.counters.forEach { name, value in
      if value != earlier[index], !Self.ordinary.contains("\(name)") {
        counted.append(
          "\(name.description.dropFirst(5)) \(value - earlier[index])"
        )
      }
      index += 1
    }
    return counted
  }

  private static let ordinary: Set = [
    "tcp: segments received", "tcp: segments sent", "tcp: bytes received",
    "tcp: bytes sent",
  ]

  private static func remarks(
    _ harness: TCPHarness,
    since earlier: TCPCounters
  ) -> [String] {
    var before = StackCounters()
    before.tcp = earlier
    var after = StackCounters()
    after.tcp = harness.tcp.counters
    var remarks: [String] = []
    after.forEachRemarkOfTCP(since: before) { remarks.append("\($0) \($1)") }
    return remarks
  }

  // MARK: Drops

  /// What comes to an established connection, and what is counted for it.
  @Test(
    arguments: [
      (Segment([], 1, ack: 1), []),
      (Segment([], 70_000, ack: 1), ["challenges sent 1", "outside window 1"]),
      (
        Segment([], 70_000, ack: 1, [1]),
        ["challenges sent 1", "outside window 1"]
      ),
      (Segment(.fin, 1, ack: 1, [1]), []),
      (Segment([], -4, ack: 1, [1, 2]), ["outside window 1"]),
      (Segment([], 0, ack: 1, [1, 2]), ["duplicate bytes 1"]),
      (
        Segment([], 65_535, ack: 1, pattern(10)),
        ["out of order kept 1", "bytes beyond window 9"]
      ),
      (
        Segment([], 1, ack: 2),
        ["challenges sent 1", "bad acknowledgements 1"]
      ),
      (Segment([], 1, [1]), ["without acknowledgement 1"]),
      (Segment(.reset, 1), ["connections failed 1", "resets received 1"]),
      (
        Segment(.reset, 2),
        ["challenges sent 1", "resets challenged 1"]
      ),
      (
        Segment(.reset, 70_000),
        ["outside window 1", "resets outside window 1"]
      ),
      (Segment(.syn, 1), ["challenges sent 1", "syns challenged 1"]),
      (Segment(.syn, 0), ["challenges sent 1", "outside window 1"]),
      (Segment([], 10, ack: 1, [1, 2]), ["out of order kept 1"]),
    ] as [(Segment, [String])]
  )
  func established_counts(segment: Segment, reasons: [String]) {
    let (harness, _) = TCPHarness.established()
    let counted = Self.counted(harness) { harness.receive(segment) }
    #expect(counted == reasons)
  }

  /// The same twice: what is there is not kept again.
  @Test func outOfOrderTwice_counts() {
    let (harness, _) = TCPHarness.established()
    harness.receive(Segment([], 10, ack: 1, [1, 2]))
    let counted = Self.counted(harness) {
      harness.receive(Segment([], 10, ack: 1, [1, 2]))
    }
    #expect(counted == ["out of order duplicates 1"])
  }

  @Test func released_counts() {
    let (harness, id) = TCPHarness.established()
    harness.release(id)
    harness.drain()
    let counted = Self.counted(harness) {
      harness.receive(Segment([], 1, ack: 1, [1]))
    }
    #expect(
      counted == [
        "connections failed 1", "resets sent 1", "data after release 1",
      ]
    )
  }

  /// What comes to a listener, or to nobody.
  @Test(
    arguments: [
      (80, Segment(.syn, 0), []),
      (80, Segment([], 0, ack: 1), ["resets sent 1", "no connection 1"]),
      (80, Segment(.reset, 0), ["no connection 1"]),
      (80, Segment([], 0), ["no connection 1"]),
      (81, Segment(.syn, 0), ["resets sent 1", "no connection 1"]),
      (81, Segment(.reset, 0), ["no connection 1"]),
    ] as [(UInt16, Segment, [String])]
  )
  func noConnection_counts(
    port: UInt16,
    segment: Segment,
    reasons: [String]
  ) throws {
    let harness = TCPHarness()
    _ = try harness.listen(backlog: 1)
    harness.localPort = port
    let counted = Self.counted(harness) {
      harness.receive(segment)
      _ = harness.learnInitial()
    }
    #expect(counted == reasons)
  }

  /// What comes to a connection that is being opened.
  @Test(
    arguments: [
      (Segment([], 1, ack: 1), ["not synchronized 1"]),
      (Segment([], 1), ["not synchronized 1"]),
      (Segment(.syn, 0, ack: 2), ["resets sent 1", "bad acknowledgements 1"]),
      (Segment(.reset, 0, ack: 2), ["bad acknowledgements 1"]),
      (Segment(.reset, 0), ["resets outside window 1"]),
      (
        Segment(.reset, 0, ack: 1),
        ["connections failed 1", "resets received 1"]
      ),
    ] as [(Segment, [String])]
  )
  func synSent_counts(segment: Segment, reasons: [String]) {
    let (harness, _) = TCPHarness.synSent()
    let counted = Self.counted(harness) { harness.receive(segment) }
    #expect(counted == reasons)
  }

  /// What comes to a connection with timestamps.
  @Test(
    arguments: [
      (Segment([], 1, ack: 1, stamp: (1000, 0)), []),
      (
        Segment([], 1, ack: 1, stamp: (999, 0)),
        ["challenges sent 1", "timestamps old 1"]
      ),
      (Segment([], 1, ack: 1), ["without timestamp 1"]),
    ] as [(Segment, [String])]
  )
  func timestamps_count(segment: Segment, reasons: [String]) {
    let (harness, _) = TCPHarness.established(stamp: 1000)
    let counted = Self.counted(harness) { harness.receive(segment) }
    #expect(counted == reasons)
  }

  // MARK: Remarks

  /// A connection on which all is well: text both ways, a delayed
  /// acknowledgement, a shut window and its probe, a keepalive that is answered,
  /// the end, and the next connection of the same two ends.
  @Test func allIsWell_nothingIsRemarked() throws {
    let (harness, id) = TCPHarness.established()
    let before = TCPCounters()
    harness.receive(Segment(.push, 1, ack: 1, pattern(1000)))
    harness.wait(40)
    harness.expect(Segment([], 1, ack: 1001))
    #expect(harness.read(id) == .bytes(pattern(1000)))
    _ = try harness.write(id, pattern(3000))
    #expect(harness.drain().count == 3)
    harness.receive(Segment([], 1001, ack: 3001, window: 0))
    _ = try harness.write(id, pattern(1000))
    harness.wait(1000)
    #expect(harness.drain().count == 1)
    harness.receive(Segment([], 1001, ack: 3001, window: 0))
    harness.receive(Segment([], 1001, ack: 3002))
    #expect(harness.drain().map(\.payload.count) == [999])
    harness.receive(Segment([], 1001, ack: 4001))
    harness.tcp.setKeepalive(id, after: .seconds(60), at: harness.now)
    harness.wait(60_000)
    harness.expect(Segment([], 4000, ack: 1001))
    harness.receive(Segment([], 1001, ack: 4001))
    harness.close(id)
    harness.drain()
    harness.receive(Segment(.fin, 1001, ack: 4002))
    harness.drain()
    harness.release(id)
    harness.drain()
    harness.irs = harness.irs + 5000
    harness.receive(Segment(.syn, 0, mss: 1000))
    _ = harness.learnInitial()
    let counters = harness.tcp.counters
    #expect(counters.delayedAcknowledgements == 1)
    #expect(counters.windowProbes == 1)
    #expect(counters.keepaliveProbes == 1)
    #expect(counters.timeWaitReopened == 1)
    #expect(Self.remarks(harness, since: before) == [])
  }

  /// A probe for the tail is no fault, but that it sends something again is
  /// worth a remark.
  @Test func tailLossProbe_isTheSegmentThatWentAgain() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    let before = harness.tcp.counters
    _ = try harness.write(id, pattern(2000))
    harness.drain()
    harness.wait(40)
    harness.drain()
    #expect(harness.tcp.counters.tailLossProbes == 1)
    #expect(
      Self.remarks(harness, since: before)
        == ["tcp: segments retransmitted 1"]
    )
  }

  @Test func timeout_isRemarked() throws {
    let (harness, id) = TCPHarness.established()
    let before = harness.tcp.counters
    _ = try harness.write(id, [1])
    harness.drain()
    harness.wait(200)
    harness.drain()
    #expect(
      Self.remarks(harness, since: before) == [
        "tcp: segments retransmitted 1", "tcp: retransmission timeouts 1",
      ]
    )
  }
}
