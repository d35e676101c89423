import Testing

@testable import Net

/// The receiver's part of explicit congestion notification. RFC 3168 §6.1.
@Suite struct ECNReceiverTests {
  static let asking: TCPHeader.Flags = [
    .syn, .congestionEcho, .windowReduced,
  ]

  /// RFC 3168 §6.1.1.
  @Test(
    arguments: [
      ([.syn], false), ([.syn, .congestionEcho], false),
      ([.syn, .windowReduced], false),
      ([.syn, .congestionEcho, .windowReduced], true),
      ([.syn, .acknowledgement], false),
      ([.syn, .acknowledgement, .congestionEcho], true),
      // A peer that sends back what it gets.
      ([.syn, .acknowledgement, .congestionEcho, .windowReduced], false),
    ] as [(TCPHeader.Flags, Bool)]
  )
  func agreement(flags: TCPHeader.Flags, isAgreed: Bool) {
    #expect(ECNReceiver.isAgreed(flags) == isAgreed)
  }

  /// Flags, mark and text of segments, and whether ECE is sent then.
  @Test(
    arguments: [
      ([([], .capable0, true)], false),
      ([([], .congestion, true)], true),
      ([([], .congestion, false)], false),
      ([([], .congestion, true), ([], .capable0, true)], true),
      ([([], .congestion, true), (.windowReduced, .capable0, true)], false),
      // RFC 3168 §6.1.3: a mark on the packet that has CWR is a new one.
      ([([], .congestion, true), (.windowReduced, .congestion, true)], true),
      ([([], .congestion, true), (.windowReduced, .capable0, false)], false),
    ] as [([(TCPHeader.Flags, ECNCodepoint, Bool)], Bool)]
  )
  func echo_lastsUntilCWR(
    segments: [(TCPHeader.Flags, ECNCodepoint, Bool)],
    isEchoing: Bool
  ) {
    var ecn = ECNReceiver()
    ecn.turnOn()
    for (flags, mark, hasText) in segments {
      _ = ecn.received(flags, mark, hasText: hasText)
    }
    #expect(ecn.isEchoing == isEchoing)
  }

  @Test func off_nothingIsEchoed() {
    var ecn = ECNReceiver()
    let began = ecn.received([], .congestion, hasText: true)
    #expect(!began && !ecn.isEchoing)
  }

  // MARK: Connections

  @Test(arguments: [(true, true), (false, false)])
  func syn_isAnswered(asks: Bool, agrees: Bool) throws {
    let harness = TCPHarness()
    _ = try harness.listen(backlog: 1)
    harness.receive(Segment(asks ? Self.asking : .syn, 0))
    let flags: TCPHeader.Flags =
      agrees
      ? [.syn, .acknowledgement, .congestionEcho] : [.syn, .acknowledgement]
    #expect(harness.learnInitial()?.flags == flags)
  }

  @Test func connect_asksOnlyIfTold_andOnce() {
    var syn: Segment?
    _ = TCPHarness.synSent { syn = $0 }
    #expect(syn?.flags == .syn)
    var limits = TCPHarness.limits
    limits.requestsECN = true
    let (harness, _) = TCPHarness.synSent(limits: limits) { syn = $0 }
    #expect(syn?.flags == Self.asking)
    // RFC 3168 §6.1.1.1: perhaps it was dropped for the flags.
    harness.wait(1000)
    harness.expect(Segment(.syn, 0))
  }

  @Test(
    arguments: [
      ([.syn, .congestionEcho], true), ([.syn], false),
      ([.syn, .congestionEcho, .windowReduced], false),
    ] as [(TCPHeader.Flags, Bool)]
  )
  func synAck_decides(flags: TCPHeader.Flags, isOn: Bool) {
    var limits = TCPHarness.limits
    limits.requestsECN = true
    let (harness, _) = TCPHarness.synSent(limits: limits)
    harness.receive(Segment(flags, 0, ack: 1))
    harness.drain()
    harness.receive(
      harness.packet(Segment([], 1, ack: 1, [1])),
      ecn: .congestion
    )
    harness.wait(40)
    #expect(
      harness.drain().map { $0.flags.contains(.congestionEcho) } == [isOn]
    )
  }

  @Test func mark_isEchoedAtOnceAndUntilCWR() {
    let (harness, _) = TCPHarness.established(flags: Self.asking)
    harness.receive(
      harness.packet(Segment([], 1, ack: 1, [1])),
      ecn: .congestion
    )
    harness.expect(Segment(.congestionEcho, 1, ack: 2))
    harness.receive(Segment([], 2, ack: 1, [2]))
    harness.wait(40)
    harness.expect(Segment(.congestionEcho, 1, ack: 3))
    harness.receive(Segment(.windowReduced, 3, ack: 1, [3]))
    harness.wait(40)
    harness.expect(Segment([], 1, ack: 4))
  }

  /// RFC 3168 §6.1.5: only acceptable text counts.
  @Test func markOutsideTheWindow_isNotEchoed() {
    let (harness, _) = TCPHarness.established(flags: Self.asking)
    harness.receive(
      harness.packet(Segment([], -10, ack: 1, [1])),
      ecn: .congestion
    )
    harness.expect(Segment([], 1, ack: 1))
    harness.receive(
      harness.packet(Segment([], 1, ack: 1)),
      ecn: .congestion
    )
    harness.receive(Segment([], 1, ack: 1, [1]))
    harness.wait(40)
    harness.expect(Segment([], 1, ack: 2))
  }

  @Test func text_carriesTheEcho() throws {
    let (harness, id) = TCPHarness.established(flags: Self.asking)
    harness.receive(
      harness.packet(Segment([], 1, ack: 1, [1])),
      ecn: .congestion
    )
    _ = try harness.write(id, [9])
    harness.expect(Segment([.push, .congestionEcho], 1, ack: 2, [9]))
  }
}
