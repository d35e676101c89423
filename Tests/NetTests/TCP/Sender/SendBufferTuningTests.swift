import Testing

@testable import Net

/// How much of what the app writes is kept.
@Suite struct SendBufferTuningTests {
  @Test(
    arguments: [
      // limit, window, short; what becomes of it with a largest of 1,000.
      (100, 10, false, 100), (100, 50, false, 100), (100, 60, false, 120),
      (100, 499, false, 998), (100, 501, false, 1000), (100, 9999, false, 1000),
      (500, 60, false, 500), (100, 499, true, 100), (100, 10, true, 100),
    ]
  )
  func limit_isTwoWindows(limit: Int, window: Int, isShort: Bool, new: Int) {
    let found = SendBufferTuning.limit(
      limit,
      window: window,
      largest: 1000,
      isShort: isShort
    )
    #expect(found == new)
  }

  static func limits(memory: Int = 1 << 20) -> TCPLimits {
    var limits = TCPHarness.limits
    limits.initialSendBuffer = 16_000
    limits.sendBuffer = 60_000
    limits.sendMemory = memory
    return limits
  }

  /// What is kept of a write that is larger than all.
  static func written(_ harness: TCPHarness, _ id: ConnectionID) throws -> Int {
    let before = harness.tcp.information(id)!.bytesToSend
    return try before + harness.write(id, pattern(100_000))
  }

  /// Acknowledges all that is sent, until nothing is left.
  static func acknowledgeAll(_ harness: TCPHarness) {
    var end = 1
    while let last = harness.drain().last {
      end = last.sequence + last.payload.count
      harness.receive(Segment([], 1, ack: end))
    }
  }

  @Test func window_letsItGrow() throws {
    let (harness, id) = TCPHarness.established(limits: Self.limits())
    #expect(try Self.written(harness, id) == 16_000)
    // Ten segments of 1,000 were under way: the window is twice as large.
    Self.acknowledgeAll(harness)
    let window = harness.tcp.information(id)!.congestionWindow
    #expect(window > 16_000)
    #expect(try Self.written(harness, id) == 16_000)
    // It is nearly full: the next write finds more room.
    #expect(try Self.written(harness, id) == min(2 * window, 60_000))
    for _ in 0..<4 {
      Self.acknowledgeAll(harness)
      _ = try Self.written(harness, id)
      _ = try Self.written(harness, id)
    }
    // But no larger than the largest.
    let most = harness.tcp.information(id)!
    #expect(2 * most.congestionWindow > 60_000)
    #expect(most.bytesToSend == 60_000)
  }

  @Test func rest_makesItSmallAgain() throws {
    let (harness, id) = TCPHarness.established(limits: Self.limits())
    for _ in 0..<4 {
      _ = try Self.written(harness, id)
      _ = try Self.written(harness, id)
      Self.acknowledgeAll(harness)
    }
    harness.wait(10_000)
    #expect(harness.tcp.blocks.memoryInUse == 0)
    #expect(try Self.written(harness, id) == 16_000)
  }

  @Test func memoryHalfUsed_itStays() throws {
    let (harness, id) = TCPHarness.established(
      limits: Self.limits(memory: 30_000)
    )
    for _ in 0..<3 {
      #expect(try Self.written(harness, id) <= 16_000)
      #expect(try Self.written(harness, id) <= 16_000)
      Self.acknowledgeAll(harness)
    }
    #expect(harness.tcp.information(id)!.congestionWindow > 16_000)
  }
}
