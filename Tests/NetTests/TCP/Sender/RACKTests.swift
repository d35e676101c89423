import Testing

@testable import Net

/// RFC 8985 §6. Segments of 100 numbers; times are milliseconds.
@Suite struct RACKTests {
  static func time(_ milliseconds: Int) -> Instant {
    Instant(nanoseconds: Int64(milliseconds) * 1_000_000)
  }

  static func record(
    _ start: Int,
    sent: Int,
    again: Bool = false
  ) -> SentSegment {
    SentSegment(
      start: SequenceNumber(UInt32(start)),
      length: 100,
      sentAt: time(sent),
      flags: again ? .retransmitted : []
    )
  }

  static func delivery(
    _ records: [SentSegment],
    highest: Int = 0,
    least: Int = 0,
    at now: Int
  ) -> Delivery {
    var delivery = Delivery(
      highest: SequenceNumber(UInt32(highest)),
      leastRoundTrip: .milliseconds(Int64(least)),
      at: time(now)
    )
    for record in records { delivery.take(record, upTo: record.end) }
    return delivery
  }

  static func rack(_ delivery: Delivery...) -> RACK {
    var rack = RACK(initialSequenceNumber: SequenceNumber(0))
    for delivery in delivery { rack.take(delivery) }
    return rack
  }

  // MARK: What has come

  @Test func newest_isThatSentLast() {
    let rack = Self.rack(
      Self.delivery(
        [Self.record(200, sent: 3), Self.record(0, sent: 1)],
        at: 13
      )
    )
    #expect(rack.newest == Self.time(3))
    #expect(rack.newestEnd == SequenceNumber(300))
    #expect(rack.highest == SequenceNumber(300))
    #expect(rack.roundTrip == .milliseconds(10))
  }

  /// RACK_sent_after: of those sent at once the later in the stream.
  @Test func sentAtOnce_theLaterInTheStreamIsNewer() {
    let rack = Self.rack(
      Self.delivery(
        [Self.record(200, sent: 3), Self.record(0, sent: 3)],
        at: 13
      )
    )
    #expect(rack.newestEnd == SequenceNumber(300))
    #expect(
      Self.record(0, sent: 3).isSent(before: Self.time(3), rack.newestEnd)
    )
    #expect(
      !Self.record(200, sent: 3).isSent(before: Self.time(3), rack.newestEnd)
    )
    #expect(
      !Self.record(0, sent: 4).isSent(before: Self.time(3), rack.newestEnd)
    )
  }

  @Test func older_changesNothing() {
    let rack = Self.rack(
      Self.delivery([Self.record(200, sent: 3)], at: 13),
      Self.delivery([Self.record(0, sent: 1)], highest: 300, at: 14)
    )
    #expect(rack.newest == Self.time(3))
    #expect(rack.roundTrip == .milliseconds(10))
  }

  /// §6.2 step 2: the answer to a retransmission that comes too soon is to the
  /// original.
  @Test func retransmission_countsWhenItsAnswerIsNotTooSoon() {
    let again = Self.record(0, sent: 20, again: true)
    let soon = Self.rack(Self.delivery([again], least: 10, at: 29))
    #expect(soon.newest == nil)
    let due = Self.rack(Self.delivery([again], least: 10, at: 30))
    #expect(due.newest == Self.time(20))
  }

  @Test func delivery_tellsOriginalsApart() {
    let delivery = Self.delivery(
      [
        Self.record(0, sent: 1), Self.record(100, sent: 9, again: true),
        Self.record(200, sent: 3),
      ],
      at: 20
    )
    #expect(delivery.count == 300)
    #expect(delivery.hasRetransmitted)
    #expect(delivery.newestOriginal == Self.time(3))
    #expect(delivery.originalStart == SequenceNumber(0))
    #expect(delivery.newest == Self.time(9))
    let again = Self.delivery([Self.record(0, sent: 1, again: true)], at: 20)
    #expect(again.newestOriginal == nil)
    #expect(again.originalStart == nil)
  }

  // MARK: Reordering

  /// §6.2 step 3.
  @Test(arguments: [(false, true), (true, false)])
  func comesBehindWhatWasSentLater_isReordered(again: Bool, isReordered: Bool) {
    let rack = Self.rack(
      Self.delivery([Self.record(200, sent: 3)], at: 13),
      Self.delivery(
        [Self.record(0, sent: 1, again: again)],
        highest: 300,
        at: 14
      )
    )
    #expect(rack.hasReordering == isReordered)
  }

  private func window(
    _ rack: RACK,
    isRecovering: Bool = false,
    sacked: Int = 0,
    smoothed: Int64 = 50
  ) -> Int64 {
    rack.reorderingWindow(
      isRecovering: isRecovering,
      sacked: sacked,
      segmentSize: 100,
      least: .milliseconds(40),
      smoothed: .milliseconds(smoothed)
    ).milliseconds
  }

  /// §6.2 step 4.
  @Test func withoutReordering_threeSegmentsOrARecoveryAreEnough() {
    let rack = Self.rack()
    #expect(window(rack) == 10)
    #expect(window(rack, sacked: 200) == 10)
    #expect(window(rack, sacked: 201) == 0)
    #expect(window(rack, isRecovering: true) == 0)
  }

  @Test func withReordering_thereIsAlwaysAWindow() {
    let rack = Self.rack(
      Self.delivery([Self.record(200, sent: 3)], at: 13),
      Self.delivery([Self.record(0, sent: 1)], highest: 300, at: 14)
    )
    #expect(window(rack, isRecovering: true, sacked: 1000) == 10)
  }

  @Test func duplicates_widenTheWindowOnceARoundTrip() {
    var rack = Self.rack()
    let number = { (value: UInt32) in SequenceNumber(value) }
    rack.duplicated(acknowledged: number(100), next: number(500))
    #expect(window(rack) == 20)
    rack.duplicated(acknowledged: number(499), next: number(900))
    #expect(window(rack) == 20)
    rack.duplicated(acknowledged: number(500), next: number(900))
    #expect(window(rack) == 30)
    // Never more than SRTT.
    #expect(window(rack, smoothed: 25) == 25)
    for _ in 0..<15 { rack.recovered() }
    #expect(window(rack) == 30)
    rack.recovered()
    #expect(window(rack) == 10)
    rack.recovered()
    #expect(window(rack) == 10)
  }

  @Test func manyDuplicates_doNotOverflow() {
    var rack = Self.rack()
    for round in 0..<600 as Range<UInt32> {
      rack.duplicated(
        acknowledged: SequenceNumber(round),
        next: SequenceNumber(round)
      )
    }
    #expect(window(rack, smoothed: 100_000) == 2550)
  }

  // MARK: The least round trip

  @Test func least_isOfTheLastMinutes() {
    var least = LeastRoundTrip()
    #expect(least.value == .zero)
    least.take(.milliseconds(30), at: Self.time(0))
    least.take(.milliseconds(20), at: Self.time(1000))
    least.take(.milliseconds(40), at: Self.time(2000))
    #expect(least.value == .milliseconds(20))
    // One period later it still counts, after two it does not.
    least.take(.milliseconds(50), at: Self.time(160_000))
    #expect(least.value == .milliseconds(20))
    least.take(.milliseconds(60), at: Self.time(320_000))
    #expect(least.value == .milliseconds(50))
    least.take(.milliseconds(70), at: Self.time(900_000))
    #expect(least.value == .milliseconds(70))
  }
}
