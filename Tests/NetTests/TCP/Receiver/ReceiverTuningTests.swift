import Testing

@testable import Net

/// Acknowledgements at the start, and the size of the receive buffer.
@Suite struct ReceiverTuningTests {
  static func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  // MARK: Quick acknowledgements, RFC 5681 §4.2

  @Test func quick_areAsManyAsSaid() {
    var quick = QuickAcknowledgement(3)
    func received(_ count: Int, _ time: Int64) -> Bool {
      quick.received(count, at: Self.at(time))
    }
    #expect(received(1, 0))
    #expect(received(1, 1))
    #expect(received(5, 2))
    #expect(!received(1, 3))
  }

  @Test(arguments: [(1000, false), (2000, false), (4000, true)])
  func quick_afterSilence(silence: Int64, isQuick: Bool) {
    var quick = QuickAcknowledgement(1)
    func received(_ count: Int, _ time: Int64) -> Bool {
      quick.received(count, at: Self.at(time))
    }
    #expect(received(1, 5000))
    #expect(!received(1, 5001))
    #expect(received(1, 5001 + silence) == isQuick)
  }

  @Test func quick_none() {
    var quick = QuickAcknowledgement(0)
    func received(_ count: Int, _ time: Int64) -> Bool {
      quick.received(count, at: Self.at(time))
    }
    #expect(!received(1, 0))
    #expect(!received(1, 100_000))
  }

  @Test func connection_acknowledgesTheFirstAtOnce() {
    var limits = TCPHarness.limits
    limits.quickAcknowledgements = 2
    let (harness, _) = TCPHarness.established(limits: limits)
    harness.receive(Segment([], 1, ack: 1, pattern(100)))
    harness.expect(Segment([], 1, ack: 101))
    harness.receive(Segment([], 101, ack: 1, pattern(100)))
    harness.expect(Segment([], 1, ack: 201))
    harness.receive(Segment([], 201, ack: 1, pattern(100)))
    harness.expectNothing()
    harness.wait(40)
    harness.expect(Segment([], 1, ack: 301))
    harness.wait(4000)
    harness.receive(Segment([], 301, ack: 1, pattern(100)))
    harness.expect(Segment([], 1, ack: 401))
  }

  // MARK: The receive buffer

  /// Bytes that were read in a round trip of 100 ms, and the capacity of 1,000
  /// then.
  @Test(
    arguments: [
      (0, 1000), (500, 1000), (501, 1002), (1000, 2000), (3000, 6000),
      (5000, 8000), (100_000, 8000),
    ]
  )
  func capacity_isTwiceWhatWasRead(read: Int, capacity: Int) {
    var tuning = ReceiveBufferTuning()
    func take(_ count: Int, _ time: Int64) -> Int {
      tuning.read(
        count,
        capacity: 1000,
        roundTrip: .milliseconds(100),
        largest: 8000,
        at: Self.at(time)
      )
    }
    #expect(take(0, 1000) == 1000)
    #expect(take(read, 1050) == 1000)
    #expect(take(0, 1100) == capacity)
  }

  /// An app that reads each millisecond what came in as many round trips.
  @Test func shortPath_countsOverTenMilliseconds() {
    var tuning = ReceiveBufferTuning()
    var capacity = 1000
    var sizes: [Int] = []
    for time in 1000..<1022 {
      capacity = tuning.read(
        100,
        capacity: capacity,
        roundTrip: .microseconds(100),
        largest: 8000,
        at: Self.at(Int64(time))
      )
      if sizes.last != capacity { sizes.append(capacity) }
    }
    #expect(sizes == [1000, 2000])
  }

  @Test func slowly_itStays() {
    var tuning = ReceiveBufferTuning()
    for time: Int64 in [1000, 1300, 1600, 1900] {
      let capacity = tuning.read(
        5000,
        capacity: 1000,
        roundTrip: .milliseconds(100),
        largest: 8000,
        at: Self.at(time)
      )
      #expect(capacity == 1000)
    }
  }

  @Test func afterRest_itBeginsSmall() {
    var tuning = ReceiveBufferTuning()
    _ = tuning.read(
      1,
      capacity: 8000,
      roundTrip: nil,
      largest: 8000,
      at: Self.at(1000)
    )
    func begins(_ time: Int64) -> Int {
      tuning.begins(capacity: 8000, smallest: 2000, at: Self.at(time))
    }
    #expect(begins(11_000) == 8000)
    #expect(begins(11_001) == 2000)
    let least = tuning.begins(
      capacity: 900,
      smallest: 2000,
      at: Self.at(99_000)
    )
    #expect(least == 900)
  }

  /// RFC 7323 §2.2: the shift is for the largest; the SYN's field is not shifted.
  @Test func shift_isForTheLargest() {
    let small = ReceiveSequence(capacity: 8192, largest: 1 << 20)
    #expect(small.offeredShift == 5)
    #expect(small.synWindowField == 8192)
    #expect(ReceiveSequence(capacity: 1, largest: 65_535).offeredShift == 0)
    #expect(ReceiveSequence(capacity: 1, largest: 65_536).offeredShift == 1)
    #expect(ReceiveSequence(capacity: 1, largest: 1 << 40).offeredShift == 14)
  }

  /// A peer that sends as fast as the window lets it, and an app that reads.
  @Test func connection_growsWhileItIsRead() throws {
    var limits = TCPHarness.limits
    limits.receiveBuffer = 65_536
    limits.initialReceiveBuffer = 8000
    let harness = TCPHarness(limits: limits)
    let listener = try harness.listen(backlog: 1)
    harness.receive(Segment(.syn, 0, mss: 1000, scale: 3))
    let reply = harness.learnInitial()
    #expect(reply?.scale == 1)
    #expect(reply?.window == 8000)
    // A round trip of 100 ms.
    harness.wait(100)
    harness.receive(Segment([], 1, ack: 1))
    let id = try #require(harness.accept(listener))
    var next = 1
    var windows = [8000]
    for _ in 0..<12 {
      for _ in 0..<(windows.last! / 1000) {
        harness.receive(Segment([], next, ack: 1, pattern(1000)))
        next += 1000
        while case .bytes = harness.read(id) {}
      }
      harness.wait(100)
      if let last = harness.drain().last { windows.append(last.window! * 2) }
    }
    #expect(windows.last! > 60_000)
    // It never moved back.
    #expect(zip(windows, windows.dropFirst()).allSatisfy { $1 >= $0 - 1 })
  }

  /// RFC 9293 §3.8.6 (SHLD-14): a smaller buffer takes nothing back.
  @Test func shrinking_keepsTheEdge() {
    var receive = ReceiveSequence(capacity: 60_000, largest: 60_000)
    receive.synchronize(initial: SequenceNumber(0), isScaling: false)
    receive.capacity = 10_000
    let before = receive.offerWindow(unread: 0, segmentSize: 1000)
    #expect(before == 60_000)
    receive.next += 55_000
    let after = receive.offerWindow(unread: 0, segmentSize: 1000)
    #expect(after == 10_000)
  }
}
