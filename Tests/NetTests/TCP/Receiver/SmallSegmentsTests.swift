import Testing

@testable import Net

/// Nagle's algorithm as Minshall changed it, and cork. RFC 9293 §3.7.4.
@Suite struct SmallSegmentsTests {
  static let start = SequenceNumber(0xFFFF_FF00)

  @Test func nothingSent_smallMayGo() {
    #expect(SmallSegments(initial: Self.start).mayGo(acknowledged: Self.start))
  }

  /// Payload of a segment of 100, and whether a small one may follow before it
  /// is acknowledged, and after.
  @Test(
    arguments: [
      (100, true), (99, false), (1, false), (300, true), (250, false),
      (0, true),
    ]
  )
  func afterASegment(payload: Int, mayFollow: Bool) {
    var small = SmallSegments(initial: Self.start)
    let end = Self.start + payload
    small.sent(payload, full: 100, upTo: end)
    #expect(small.mayGo(acknowledged: Self.start) == mayFollow)
    #expect(small.mayGo(acknowledged: end))
    small.isImmediate = true
    #expect(small.mayGo(acknowledged: Self.start))
  }

  @Test func retransmission_doesNotGoBack() {
    var small = SmallSegments(initial: Self.start)
    small.sent(10, full: 100, upTo: Self.start + 10)
    small.sent(10, full: 100, upTo: Self.start + 20)
    small.sent(10, full: 100, upTo: Self.start + 10)
    #expect(!small.mayGo(acknowledged: Self.start + 10))
    #expect(small.mayGo(acknowledged: Self.start + 20))
  }

  @Test func cork_holdsFor200Milliseconds() {
    func at(_ milliseconds: Int64) -> Instant {
      Instant(nanoseconds: milliseconds * 1_000_000)
    }
    var small = SmallSegments(initial: Self.start)
    small.isImmediate = true
    small.cork(true)
    #expect(!small.mayGo(acknowledged: Self.start))
    #expect(small.deadline == nil)
    small.settle(isWaiting: true, at: at(10))
    small.settle(isWaiting: true, at: at(50))
    #expect(small.deadline == at(210))
    small.poll(at: at(209))
    #expect(small.isHolding)
    small.poll(at: at(210))
    #expect(small.mayGo(acknowledged: Self.start))
    #expect(small.deadline == nil)
    // And again for the next.
    small.sent(5, full: 100, upTo: Self.start + 5)
    #expect(small.isHolding)
    small.settle(isWaiting: false, at: at(300))
    #expect(small.deadline == nil)
    small.cork(false)
    #expect(small.mayGo(acknowledged: Self.start))
  }
}

/// The same on connections.
@Suite struct TCPSmallSegmentsTests {
  /// The last part of a write does not wait for the full segments before it.
  @Test func smallAfterFull_goes() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(2500))
    harness.expect(
      Segment([], 1, ack: 1, pattern(1000)),
      Segment([], 1001, ack: 1, pattern(1000, from: 1000)),
      Segment(.push, 2001, ack: 1, pattern(500, from: 2000))
    )
    // The next small one does, for the small one.
    _ = try harness.write(id, [1])
    harness.expectNothing()
    harness.receive(Segment([], 1, ack: 2001))
    harness.expectNothing()
    harness.receive(Segment([], 1, ack: 2501))
    harness.expect(Segment(.push, 2501, ack: 1, [1]))
  }

  @Test func cork_joinsWrites() throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.setCork(id, true, at: harness.now)
    _ = try harness.write(id, pattern(600))
    harness.expectNothing()
    _ = try harness.write(id, pattern(600, from: 600))
    harness.expect(Segment([], 1, ack: 1, pattern(1000)))
    harness.tcp.setCork(id, false, at: harness.now)
    harness.expect(Segment(.push, 1001, ack: 1, pattern(200, from: 1000)))
  }

  @Test(arguments: [false, true])
  func cork_yieldsAfter200Milliseconds(noDelay: Bool) throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.setNoDelay(id, noDelay, at: harness.now)
    harness.tcp.setCork(id, true, at: harness.now)
    _ = try harness.write(id, [1])
    harness.wait(199)
    harness.expectNothing()
    harness.wait(1)
    harness.expect(Segment(.push, 1, ack: 1, [1]))
    // It holds the next one again.
    harness.receive(Segment([], 1, ack: 2))
    _ = try harness.write(id, [2])
    harness.expectNothing()
    harness.wait(200)
    harness.expect(Segment(.push, 2, ack: 1, [2]))
  }

  @Test func cork_yieldsToTheEnd() throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.setCork(id, true, at: harness.now)
    _ = try harness.write(id, [1])
    harness.close(id)
    harness.expect(Segment([.push, .fin], 1, ack: 1, [1]))
  }

  @Test func cork_withDevice_keepsTheRest() throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.capabilities.completesChecksums = true
    harness.tcp.capabilities.mostFragments = 18
    harness.tcp.capabilities.largestSegmentation = 65_535
    harness.tcp.setCork(id, true, at: harness.now)
    _ = try harness.write(id, pattern(2500))
    #expect(harness.drain().map(\.payload.count) == [1000, 1000])
    harness.tcp.setCork(id, false, at: harness.now)
    #expect(harness.drain().map(\.payload.count) == [500])
  }

  @Test func cork_shutWindow_isProbedStill() throws {
    let (harness, id) = TCPHarness.established(window: 0)
    harness.tcp.setCork(id, true, at: harness.now)
    _ = try harness.write(id, [1, 2])
    harness.wait(1000)
    harness.expect(Segment([], 1, ack: 1, [1]))
  }
}
