import Testing

@testable import Net

/// What is taken back when nothing was lost: RFC 5682, RFC 3708, RFC 9438 §4.9.
@Suite struct ReductionUndoTests {
  static func duplicated(_ undo: inout ReductionUndo, _ segments: Int) -> Bool {
    undo.duplicated(segments, from: SequenceNumber(1))
  }

  /// With the numbers from 1 to before 10,001 under way.
  static func save(
    _ undo: inout ReductionUndo,
    _ window: CongestionWindow,
    _ controller: CongestionController
  ) {
    undo.save(
      window,
      controller,
      from: SequenceNumber(1),
      to: SequenceNumber(10_001)
    )
  }

  @Test func window_comesBack_withWhatWasKnownOfThePath() {
    var window = CongestionWindow(segmentSize: 1000)
    window.size = 100_000
    var controller = CongestionController(.cubic)
    let now = Instant(nanoseconds: 0)
    controller.reduce(for: .loss, inFlight: 100_000, &window, at: now)
    let (size, threshold) = (window.size, window.threshold)
    var undo = ReductionUndo()
    Self.save(&undo, window, controller)
    var (other, otherWindow) = (controller, window)
    controller.reduce(for: .timeout, inFlight: 70_000, &window, at: now)
    #expect(window.size == 1000)
    undo.restore(&window, &controller)
    #expect(window.size == size)
    #expect(window.threshold == threshold)
    // And W_max with it: it grows as if there had been no timeout.
    for step in 0..<100 {
      let summary = CubicTests.summary(7000, at: step * 10)
      controller.acknowledged(summary, &window)
      other.acknowledged(summary, &otherWindow)
    }
    #expect(window.size == otherWindow.size)
    #expect(window.size > size)
  }

  @Test func once_isAll() {
    var window = CongestionWindow(segmentSize: 1000)
    var controller = CongestionController(.newReno)
    var undo = ReductionUndo()
    undo.restore(&window, &controller)
    #expect(window.size == 10_000)
    Self.save(&undo, window, controller)
    window.size = 2000
    undo.restore(&window, &controller)
    #expect(window.size == 10_000)
    window.size = 2000
    undo.restore(&window, &controller)
    #expect(window.size == 2000)
    #expect(!undo.isPossible)
  }

  /// What has grown beyond it meanwhile stays.
  @Test func largerWindow_stays() {
    var window = CongestionWindow(segmentSize: 1000)
    var controller = CongestionController(.newReno)
    var undo = ReductionUndo()
    Self.save(&undo, window, controller)
    window.size = 20_000
    undo.restore(&window, &controller)
    #expect(window.size == 20_000)
  }

  @Test func allThatWentAgain_mustHaveComeTwice() {
    let window = CongestionWindow(segmentSize: 1000)
    var undo = ReductionUndo()
    undo.sentAgain(3)
    var results = [Self.duplicated(&undo, 3)]
    Self.save(&undo, window, CongestionController(.newReno))
    results.append(Self.duplicated(&undo, 1))
    undo.sentAgain(2)
    undo.sentAgain(1)
    results.append(Self.duplicated(&undo, 2))
    results.append(Self.duplicated(&undo, 1))
    // More than went again says nothing.
    results.append(Self.duplicated(&undo, 1))
    #expect(results == [false, false, false, true, false])
  }

  /// What was not under way then says nothing of the reduction.
  @Test(arguments: [(0, false), (1, true), (10_000, true), (10_001, false)])
  func whatCameTwice_wasUnderWayThen(start: UInt32, isProof: Bool) {
    let window = CongestionWindow(segmentSize: 1000)
    var undo = ReductionUndo()
    Self.save(&undo, window, CongestionController(.newReno))
    undo.sentAgain(1)
    let isForNothing = undo.duplicated(1, from: SequenceNumber(start))
    #expect(isForNothing == isProof)
  }

  @Test func longAcknowledged_isForgotten() {
    let window = CongestionWindow(segmentSize: 1000)
    var undo = ReductionUndo()
    Self.save(&undo, window, CongestionController(.newReno))
    undo.forget(before: SequenceNumber(10_001))
    #expect(undo.isPossible)
    undo.forget(before: SequenceNumber(10_002))
    #expect(!undo.isPossible)
  }
}

@Suite struct SpuriousTimeoutTests {
  static let recover = SequenceNumber(9999)

  /// What an acknowledgement means that moves SND.UNA from `previous` to
  /// `number`, when what was sent once from `original` on has come.
  static func advice(
    _ spurious: inout SpuriousTimeout,
    _ previous: UInt32,
    _ number: UInt32,
    original: UInt32? = nil
  ) -> SpuriousTimeout.Advice {
    let summary = AcknowledgementSummary(
      number: SequenceNumber(number),
      previous: SequenceNumber(previous),
      next: SequenceNumber(20_000),
      now: Instant(nanoseconds: 0)
    )
    var delivery = Delivery(
      highest: SequenceNumber(0),
      at: Instant(nanoseconds: 0)
    )
    if let original {
      let record = SentSegment(
        start: SequenceNumber(original),
        length: 1000,
        sentAt: Instant(nanoseconds: 0)
      )
      delivery.take(record, upTo: record.end)
    }
    return spurious.acknowledged(summary, delivery, recover: recover)
  }

  static func timedOut(isFirst: Bool = true) -> SpuriousTimeout {
    var spurious = SpuriousTimeout()
    spurious.timedOut(isFirst: isFirst)
    return spurious
  }

  @Test func originalAfterNewData_isSpurious() {
    var spurious = Self.timedOut()
    #expect(!spurious.sendsNew)
    let first = Self.advice(&spurious, 0, 1000)
    #expect(first == .sendNew)
    #expect(spurious.sendsNew)
    let second = Self.advice(&spurious, 1000, 2000, original: 1000)
    #expect(second == .spurious)
    #expect(!spurious.sendsNew)
  }

  /// RFC 5682 §3.1 step 3: what is new says nothing of the timeout.
  @Test(arguments: [nil, 10_000] as [UInt32?])
  func onlyNewDataCame_isALoss(original: UInt32?) {
    var spurious = Self.timedOut()
    _ = Self.advice(&spurious, 0, 1000)
    let second = Self.advice(&spurious, 1000, 1000, original: original)
    #expect(second == .none)
    let third = Self.advice(&spurious, 1000, 2000, original: 1000)
    #expect(third == .none)
  }

  @Test func duplicateFirst_waits() {
    var spurious = Self.timedOut()
    let first = Self.advice(&spurious, 0, 0, original: 3000)
    #expect(first == .none)
    let second = Self.advice(&spurious, 0, 1000)
    #expect(second == .sendNew)
  }

  /// Step 2 (a): everything is acknowledged at once.
  @Test func all_tellsNothing() {
    var spurious = Self.timedOut()
    let first = Self.advice(&spurious, 0, 10_000, original: 1000)
    #expect(first == .none)
    let second = Self.advice(&spurious, 10_000, 11_000, original: 9000)
    #expect(second == .none)
  }

  /// RFC 3522: the echo is of what was sent before the timeout.
  @Test func olderEcho_isSpuriousAtOnce() {
    let now = Instant(nanoseconds: 300_000_000)
    let record = SentSegment(
      start: SequenceNumber(0),
      length: 1000,
      sentAt: Instant(nanoseconds: 290_000_000),
      flags: .retransmitted
    )
    let summary = AcknowledgementSummary(
      number: SequenceNumber(1000),
      previous: SequenceNumber(0),
      next: SequenceNumber(20_000),
      now: now
    )
    for (age, isSpurious) in [(nil, false), (11, false), (12, true)]
      as [(Int64?, Bool)]
    {
      var delivery = Delivery(
        highest: SequenceNumber(0),
        echoAge: age.map { .milliseconds($0) },
        at: now
      )
      delivery.take(record, upTo: record.end)
      #expect(delivery.isAnswerToOriginal == isSpurious)
      #expect((delivery.newest == nil) == isSpurious)
      var spurious = Self.timedOut()
      let advice = spurious.acknowledged(
        summary,
        delivery,
        recover: Self.recover
      )
      #expect(advice == (isSpurious ? .spurious : .sendNew))
    }
  }

  @Test func secondTimeout_orNoNewData_tellsNothing() {
    var spurious = Self.timedOut(isFirst: false)
    let first = Self.advice(&spurious, 0, 1000)
    #expect(first == .none)
    spurious = Self.timedOut()
    _ = Self.advice(&spurious, 0, 1000)
    spurious.giveUp()
    let second = Self.advice(&spurious, 1000, 2000, original: 1000)
    #expect(second == .none)
  }
}

/// The same on a connection.
@Suite struct TCPSpuriousTests {
  /// Ten segments are under way and answered by nothing: the probe, and then
  /// the timeout, have gone.
  static func timedOut() throws -> (TCPHarness, ConnectionID) {
    let (harness, id) = try TCPRecoveryTests.busy()
    harness.wait(20)
    #expect(harness.sequences() == [10_001])
    harness.wait(200)
    #expect(harness.sequences() == [1])
    #expect(harness.tcp.counters.retransmissionTimeouts == 1)
    return (harness, id)
  }

  @Test func slowPath_isNoLoss() throws {
    let (harness, id) = try Self.timedOut()
    #expect(TCPRecoveryTests.window(harness, id) == 1000)
    harness.acknowledge(1001)
    #expect(harness.sequences() == [11_001, 12_001])
    harness.acknowledge(2001)
    #expect(harness.tcp.counters.reductionsUndone == 1)
    #expect(TCPRecoveryTests.window(harness, id)! >= 10_000)
    #expect(!harness.flightText(id).contains("L"))
    let next = harness.sequences()
    #expect(next.allSatisfy { $0 > 12_001 })
    harness.acknowledge(11_001)
    #expect(harness.sequences().allSatisfy { $0 > 12_001 })
    #expect(harness.tcp.information(id)?.retransmissions == 1)
  }

  @Test func loss_isALoss() throws {
    let (harness, _) = try Self.timedOut()
    harness.acknowledge(1001)
    #expect(harness.sequences() == [11_001, 12_001])
    harness.wait(20)
    harness.acknowledge(1001, 11_001..<12_001)
    #expect(harness.tcp.counters.reductionsUndone == 0)
    #expect(harness.sequences().first == 1001)
  }

  /// RFC 5682 §3.1 step 2: without anything new there is no telling.
  @Test func withoutNewData_itGoesOnAsAlways() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, pattern(3000))
    _ = harness.sequences()
    harness.wait(40)
    #expect(harness.sequences() == [2001])
    harness.wait(200)
    #expect(harness.sequences() == [1])
    harness.acknowledge(1001)
    #expect(harness.sequences() == [1001, 2001])
    #expect(harness.tcp.counters.reductionsUndone == 0)
  }

  /// RFC 3708: what went again has come twice.
  @Test func reorderingTakenForALoss_isTakenBack() throws {
    let (harness, id) = try TCPRecoveryTests.busy()
    harness.acknowledge(1, 1001..<4001)
    #expect(harness.sequences().contains(1))
    #expect(TCPRecoveryTests.window(harness, id)! < 10_000)
    harness.wait(1)
    harness.acknowledge(4001)
    #expect(harness.tcp.counters.reductionsUndone == 0)
    harness.wait(19)
    harness.acknowledge(4001, 1..<1001)
    #expect(harness.tcp.counters.reductionsUndone == 1)
    #expect(TCPRecoveryTests.window(harness, id)! >= 10_000)
    #expect(
      harness.tcp.information(id)!.slowStartThreshold > 1_000_000
    )
  }

  /// A loss that was one; long afterwards a probe for the tail comes twice.
  @Test func probeThatCameTwice_isNoProofThatNothingWasLost() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, pattern(10_000))
    _ = harness.sequences()
    harness.wait(20)
    harness.acknowledge(1, 1001..<4001)
    #expect(harness.sequences() == [1])
    harness.wait(20)
    harness.acknowledge(10_001)
    #expect(harness.tcp.information(id)?.slowStartThreshold == 5000)
    _ = try harness.write(id, pattern(2000))
    #expect(harness.sequences() == [10_001, 11_001])
    harness.wait(45)
    #expect(harness.sequences() == [11_001])
    #expect(harness.tcp.counters.tailLossProbes == 1)
    harness.acknowledge(12_001)
    harness.acknowledge(12_001, 11_001..<12_001)
    #expect(harness.tcp.counters.duplicatesReported == 1)
    #expect(harness.tcp.counters.reductionsUndone == 0)
    #expect(harness.tcp.information(id)?.slowStartThreshold == 5000)
  }
}
