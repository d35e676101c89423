import Testing

@testable import Net

/// Urgent pointers. RFC 9293 §3.8.5, RFC 6093.
@Suite struct UrgentDataTests {
  static let start = SequenceNumber(0xFFFF_FFF0)

  /// Pointers that come one after the other while the app has read `read`, and
  /// which of them it is told of.
  @Test(
    arguments: [
      (0, [10], [true]), (0, [10, 10], [true, false]),
      (0, [10, 20], [true, true]), (0, [20, 10], [true, false]),
      (10, [10], [false]), (10, [5], [false]), (10, [11], [true]),
      (0, [0], [false]),
    ] as [(Int, [Int], [Bool])]
  )
  func arrived_isToldOnce(read: Int, pointers: [Int], told: [Bool]) {
    var urgent = UrgentData()
    let result = pointers.map {
      urgent.arrived(Self.start + $0, read: Self.start + read)
    }
    #expect(result == told)
  }

  @Test func bytesLeft_shrinkAsTheyAreRead() {
    var urgent = UrgentData()
    #expect(urgent.bytesLeft(read: Self.start) == 0)
    _ = urgent.arrived(Self.start + 100, read: Self.start)
    #expect(urgent.bytesLeft(read: Self.start) == 100)
    #expect(urgent.bytesLeft(read: Self.start + 99) == 1)
    #expect(urgent.bytesLeft(read: Self.start + 200) == 0)
  }

  @Test func pointer_isFromTheSegment() {
    var urgent = UrgentData()
    #expect(urgent.pointer(at: Self.start) == nil)
    urgent.written(upTo: Self.start + 100)
    #expect(urgent.pointer(at: Self.start) == 100)
    #expect(urgent.pointer(at: Self.start + 99) == 1)
    #expect(urgent.pointer(at: Self.start + 100) == nil)
    // MUST-31: any length.
    urgent.written(upTo: Self.start + 100_000)
    #expect(urgent.pointer(at: Self.start) == 65_535)
    urgent.acknowledged(upTo: Self.start + 99_999)
    #expect(urgent.sent != nil)
    urgent.acknowledged(upTo: Self.start + 100_000)
    #expect(urgent.sent == nil)
  }
}

/// The same on connections.
@Suite struct TCPUrgentTests {
  /// MUST-30, MUST-32, MUST-33, MUST-62.
  @Test func urgentText_isToldAndReadInItsPlace() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.push, 1, ack: 1, urgent: 3, pattern(10)))
    #expect(harness.events() == [.connection(id, [.readable, .urgent])])
    #expect(harness.tcp.information(id)?.urgentBytes == 3)
    #expect(harness.read(id) == .bytes(pattern(10)))
    #expect(harness.tcp.information(id)?.urgentBytes == 0)
  }

  /// The pointer may be ahead of what has come.
  @Test func pointerAhead_isToldBefore() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([], 1, ack: 1, urgent: 5000))
    #expect(harness.events() == [.connection(id, .urgent)])
    #expect(harness.tcp.information(id)?.urgentBytes == 5000)
    harness.receive(Segment([], 1, ack: 1, urgent: 5000))
    #expect(harness.events().isEmpty)
    harness.receive(Segment([], 1, ack: 1, urgent: 5001))
    #expect(harness.events() == [.connection(id, .urgent)])
  }

  /// MUST-66: with a shut window too.
  @Test func shutWindow_isTold() {
    var limits = TCPHarness.limits
    limits.receiveBuffer = 1000
    let (harness, id) = TCPHarness.established(limits: limits)
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    harness.drain()
    _ = harness.events()
    harness.receive(Segment([], 1001, ack: 1, urgent: 1, [7]))
    #expect(harness.events() == [.connection(id, .urgent)])
    #expect(harness.tcp.information(id)?.urgentBytes == 1001)
  }

  @Test func outsideWindow_isNotTold() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([], 200_000, ack: 1, urgent: 5))
    harness.receive(Segment([], 1, ack: 77, urgent: 5))
    #expect(harness.events().isEmpty)
    #expect(harness.tcp.information(id)?.urgentBytes == 0)
  }

  @Test func write_marksSegmentsUpToIt() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.tcp.write(
      id,
      pattern(1500).rawSpan,
      isUrgent: true,
      at: harness.now
    )
    _ = try harness.write(id, pattern(1000, from: 1500))
    harness.expect(
      Segment([], 1, ack: 1, urgent: 1500, pattern(1000)),
      Segment([], 1001, ack: 1, urgent: 500, pattern(1000, from: 1000)),
      Segment(.push, 2001, ack: 1, pattern(500, from: 2000))
    )
    // Lost: it is still urgent.
    harness.wait(1000)
    harness.expect(Segment([], 1, ack: 1, urgent: 1500, pattern(1000)))
    harness.receive(Segment([], 1, ack: 1501))
    harness.receive(Segment(.push, 1, ack: 1501, [1]))
    #expect(harness.drain().allSatisfy { $0.urgent == nil })
  }

  /// A device that cuts would copy the pointer into each segment.
  @Test func device_cutsNothingUrgent() throws {
    let (harness, id) = TCPHarness.established()
    harness.tcp.capabilities.completesChecksums = true
    harness.tcp.capabilities.mostFragments = 18
    harness.tcp.capabilities.largestSegmentation = 65_535
    _ = try harness.tcp.write(
      id,
      pattern(2000).rawSpan,
      isUrgent: true,
      at: harness.now
    )
    _ = try harness.write(id, pattern(3000, from: 2000))
    #expect(
      harness.drain().map(\.urgent) == [2000, 1000, nil, nil, nil]
    )
    #expect(harness.packets.map(\.payload) == [1000, 1000, 3000])
  }
}
