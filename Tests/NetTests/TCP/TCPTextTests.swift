import Packets
import Testing

@testable import Net

/// What comes: order, overlap, windows, acknowledgements. RFC 9293 §3.10.7.4,
/// RFC 5681 §4.2.
@Suite struct TCPTextTests {
  @Test func text_isReadAndAcknowledgedLate() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.push, 1, ack: 1, [1, 2, 3]))
    #expect(harness.events() == [.connection(id, .readable)])
    harness.expectNothing()
    #expect(harness.tcp.deadline == harness.now + .milliseconds(40))
    harness.wait(39)
    harness.expectNothing()
    harness.wait(1)
    harness.expect(Segment([], 1, ack: 4))
    #expect(harness.tcp.counters.delayedAcknowledgements == 1)
    #expect(harness.read(id) == .bytes([1, 2, 3]))
    #expect(harness.read(id) == .wouldBlock)
  }

  @Test func secondSegment_isAcknowledgedAtOnce() {
    let (harness, _) = TCPHarness.established()
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    harness.expectNothing()
    harness.receive(Segment([], 1001, ack: 1, pattern(1000)))
    harness.expect(Segment([], 1, ack: 2001))
    harness.receive(Segment([], 2001, ack: 1, pattern(1000)))
    harness.expectNothing()
  }

  @Test func ourText_carriesTheAcknowledgement() throws {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.push, 1, ack: 1, [1]))
    _ = try harness.write(id, [2])
    harness.expect(Segment(.push, 1, ack: 2, [2]))
    harness.receive(Segment([], 2, ack: 2))
    #expect(harness.tcp.deadline == nil)
  }

  @Test func smallSegments_shareAPacket() {
    let (harness, id) = TCPHarness.established()
    for number in 0..<100 {
      harness.receive(
        Segment(.push, 1 + 10 * number, ack: 1, pattern(10, from: 10 * number))
      )
      harness.drain()
    }
    #expect(harness.pool.available == harness.pool.capacity - 1)
    #expect(harness.read(id) == .bytes(pattern(1000)))
    #expect(harness.pool.available == harness.pool.capacity)
  }

  @Test func readPacket_isTheReceivedOne() {
    let (harness, id) = TCPHarness.established()
    let packet = harness.packet(Segment(.push, 1, ack: 1, pattern(100)))
    let address = unsafe packet.unsafeAddress + 20
    harness.receive(packet)
    switch harness.tcp.read(id, at: harness.now) {
    case .bytes(let packet):
      let isSame = unsafe packet.unsafeAddress == address
      #expect(isSame)
    default: Issue.record("nothing to read")
    }
  }

  // MARK: Order

  @Test func outOfOrder_isKeptAndAnsweredAtOnce() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([], 1001, ack: 1, pattern(1000, from: 1000)))
    harness.expect(Segment([], 1, ack: 1))
    harness.receive(Segment([], 2001, ack: 1, pattern(1000, from: 2000)))
    harness.expect(Segment([], 1, ack: 1))
    #expect(harness.read(id) == .wouldBlock)
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    // RFC 5681 §4.2: at once, as it fills a gap.
    harness.expect(Segment([], 1, ack: 3001))
    #expect(harness.read(id) == .bytes(pattern(1000)))
    #expect(harness.read(id) == .bytes(pattern(1000, from: 1000)))
    #expect(harness.read(id) == .bytes(pattern(1000, from: 2000)))
  }

  /// A window of 4,096 bytes is under way from the peer, and the first segment
  /// is missing; 100 bytes of ours are, too.
  private static func fullWindowWithAHole() throws -> (
    TCPHarness, ConnectionID
  ) {
    var limits = TCPHarness.limits
    limits.receiveBuffer = 4096
    let (harness, id) = TCPHarness.established(limits: limits)
    _ = try harness.write(id, pattern(100))
    harness.drain()
    for start in [1001, 2001] {
      harness.receive(
        Segment([], start, ack: 1, pattern(1000, from: start - 1))
      )
    }
    harness.receive(Segment([], 3001, ack: 1, pattern(1096, from: 3000)))
    harness.drain()
    return (harness, id)
  }

  /// There the peer has its SND.NXT, and so all its acknowledgements.
  @Test func fullWindowWithAHole_ackAtTheEdge_isTaken() throws {
    let (harness, id) = try Self.fullWindowWithAHole()
    harness.receive(Segment([], 4097, ack: 101, window: 5000))
    harness.expectNothing()
    #expect(harness.tcp.information(id)?.bytesInFlight == 0)
    #expect(harness.tcp.information(id)?.sendWindow == 5000)
    harness.receive(Segment([], 4097, ack: 101, window: 6000))
    #expect(harness.tcp.information(id)?.sendWindow == 6000)
    #expect(harness.tcp.counters.outsideWindow == 0)
    harness.wait(1000)
    harness.expectNothing()
  }

  /// One further is outside; text, a SYN, a FIN and a reset are at the edge.
  @Test(
    arguments: [
      (Segment([], 4098, ack: 101), true),
      (Segment([], 4097, ack: 101, [1]), true),
      (Segment(.fin, 4097, ack: 101), true),
      (Segment(.syn, 4097), true),
      (Segment(.reset, 4097), false),
    ]
  )
  func fullWindowWithAHole_outside_isNotTaken(
    segment: Segment,
    isAnswered: Bool
  ) throws {
    let (harness, id) = try Self.fullWindowWithAHole()
    harness.receive(segment)
    #expect(harness.drain().count == (isAnswered ? 1 : 0))
    #expect(harness.tcp.counters.outsideWindow == 1)
    #expect(harness.tcp.information(id)?.bytesInFlight == 100)
    #expect(harness.tcp.state(id) == .established)
  }

  /// Two ends that both miss something would answer each other without end.
  @Test func ackBehindAHole_isNotAnswered() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(100))
    harness.drain()
    for _ in 0..<2 { harness.receive(Segment([], 1001, ack: 1)) }
    harness.expectNothing()
    // Text is, and a FIN.
    harness.receive(Segment([], 1001, ack: 1, [1]))
    harness.expect(Segment([], 101, ack: 1))
    harness.receive(Segment(.fin, 2001, ack: 1))
    harness.expect(Segment([], 101, ack: 1))
  }

  @Test func fillingPartOfAGap_isAnsweredAtOnce() {
    let (harness, _) = TCPHarness.established()
    harness.receive(Segment([], 2001, ack: 1, pattern(1000)))
    harness.drain()
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    harness.expect(Segment([], 1, ack: 1001))
  }

  @Test func duplicate_isAnsweredAtOnce() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.push, 1, ack: 1, [1, 2]))
    harness.drain()
    harness.receive(Segment(.push, 1, ack: 1, [1, 2]))
    harness.expect(Segment([], 1, ack: 3))
    #expect(harness.read(id) == .bytes([1, 2]))
    #expect(harness.read(id) == .wouldBlock)
  }

  @Test func overlap_isCutOff() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([], 1, ack: 1, pattern(100)))
    harness.receive(Segment([], 51, ack: 1, pattern(100, from: 50)))
    harness.expect(Segment([], 1, ack: 151))
    #expect(harness.read(id) == .bytes(pattern(150)))
    #expect(harness.tcp.counters.duplicateBytes == 50)
  }

  /// What the peer was told of stays as it came, whatever comes over it.
  @Test func overlap_ofWhatIsKept_firstBytesStay() {
    let (harness, id) = TCPHarness.established(permitsSACK: true)
    harness.receive(Segment([], 101, ack: 1, pattern(100, from: 100)))
    harness.expect(Segment([], 1, ack: 1, sack: [101..<201]))
    // Wider at both ends; what was there already is told of as such.
    harness.receive(
      Segment([], 51, ack: 1, [UInt8](repeating: 0xEE, count: 200))
    )
    harness.expect(Segment([], 1, ack: 1, sack: [101..<201, 51..<251]))
    harness.receive(Segment([], 1, ack: 1, pattern(50)))
    harness.expect(Segment([], 1, ack: 251))
    var bytes: [UInt8] = []
    while case .bytes(let more) = harness.read(id) { bytes += more }
    let filling = [UInt8](repeating: 0xEE, count: 50)
    #expect(
      bytes == pattern(50) + filling + pattern(100, from: 100) + filling
    )
  }

  @Test func outOfOrderSegments_areBounded() {
    var limits = TCPHarness.limits
    limits.outOfOrderSegments = 4
    let (harness, id) = TCPHarness.established(limits: limits)
    for number in 1...6 {
      harness.receive(
        Segment([], 1 + 2000 * number, ack: 1, pattern(1000))
      )
    }
    #expect(harness.tcp.counters.outOfOrderKept == 4)
    #expect(harness.tcp.counters.outOfOrderDropped == 2)
    #expect(harness.pool.available == harness.pool.capacity - 4)
    harness.abort(id)
    harness.drain()
    #expect(harness.pool.available == harness.pool.capacity)
  }

  @Test func textBehindTheFIN_isCutOff() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment(.fin, 4, ack: 1))
    harness.receive(Segment([], 1, ack: 1, [1, 2, 3, 4, 5]))
    #expect(harness.read(id) == .bytes([1, 2, 3]))
    #expect(harness.read(id) == .endOfStream)
    #expect(harness.tcp.counters.bytesBeyondWindow == 2)
  }

  @Test func urgentText_isReadInItsPlace() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([.urgent, .push], 1, ack: 1, [1, 2]))
    #expect(harness.read(id) == .bytes([1, 2]))
  }

  // MARK: Windows

  static func smallWindow() -> (TCPHarness, ConnectionID) {
    var limits = TCPHarness.limits
    limits.receiveBuffer = 4096
    return TCPHarness.established(limits: limits)
  }

  @Test func window_shrinksByWhatIsUnread() {
    let (harness, _) = Self.smallWindow()
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    harness.receive(Segment([], 1001, ack: 1, pattern(1000)))
    harness.expect(Segment([], 1, ack: 2001, window: 2096))
  }

  @Test func text_beyondTheWindow_isCutOff() {
    let (harness, id) = Self.smallWindow()
    harness.receive(Segment([], 1, ack: 1, pattern(1400)))
    harness.receive(Segment([], 1401, ack: 1, pattern(1400, from: 1400)))
    harness.expect(Segment([], 1, ack: 2801, window: 1296))
    harness.receive(Segment([], 2801, ack: 1, pattern(1400, from: 2800)))
    #expect(harness.tcp.counters.bytesBeyondWindow == 104)
    harness.wait(40)
    harness.expect(Segment([], 1, ack: 4097, window: 0))
    #expect(harness.tcp.information(id)?.bytesToRead == 4096)
  }

  static func shutWindow() -> (TCPHarness, ConnectionID) {
    let (harness, id) = smallWindow()
    harness.receive(Segment([], 1, ack: 1, pattern(1400)))
    harness.receive(Segment([], 1401, ack: 1, pattern(1400, from: 1400)))
    harness.receive(Segment([], 2801, ack: 1, pattern(1296, from: 2800)))
    harness.drain()
    return (harness, id)
  }

  @Test func shutWindow_probe_isAnswered() {
    let (harness, id) = Self.shutWindow()
    harness.receive(Segment(.push, 4097, ack: 1, [9]))
    harness.expect(Segment([], 1, ack: 4097, window: 0))
    #expect(harness.tcp.information(id)?.bytesToRead == 4096)
  }

  /// RFC 9293 §3.10.7.4 (MUST-66).
  @Test func shutWindow_ackOnAProbe_isTaken() throws {
    let (harness, id) = Self.shutWindow()
    _ = try harness.write(id, [1, 2, 3])
    harness.drain()
    harness.receive(Segment(.push, 4097, ack: 4, [9]))
    #expect(harness.tcp.information(id)?.bytesInFlight == 0)
  }

  @Test func shutWindow_rst_isTaken() {
    let (harness, id) = Self.shutWindow()
    harness.receive(Segment(.reset, 4097))
    #expect(harness.tcp.state(id) == .closed)
  }

  @Test func shutWindow_fin_isTaken() {
    let (harness, id) = Self.shutWindow()
    harness.receive(Segment(.fin, 4097, ack: 1))
    #expect(harness.tcp.state(id) == .closeWait)
    harness.expect(Segment([], 1, ack: 4098, window: 0))
  }

  /// RFC 9293 §3.8.6.2.2: no silly windows.
  @Test func shutWindow_read_opensByASegment() {
    let (harness, id) = Self.shutWindow()
    #expect(harness.read(id) == .bytes(pattern(1400)))
    // Less than a segment of 1,460 and than half of the buffer.
    harness.expectNothing()
    #expect(harness.read(id) == .bytes(pattern(1400, from: 1400)))
    harness.expect(Segment([], 1, ack: 4097, window: 2800))
    #expect(harness.read(id) == .bytes(pattern(1296, from: 2800)))
    // Two segments are near the window; half the buffer is not reached.
    harness.expectNothing()
  }

  @Test func shutWindow_smallRead_staysShut() {
    let (harness, id) = Self.shutWindow()
    _ = harness.read(id)
    harness.receive(Segment(.push, 4097, ack: 1, [9]))
    harness.expect(Segment([], 1, ack: 4097, window: 0))
  }

  @Test func openWindow_read_updatesAtHalfTheBuffer() {
    let (harness, id) = TCPHarness.established()
    for number in 0..<40 {
      harness.receive(
        Segment([], 1 + 1000 * number, ack: 1, pattern(1000))
      )
    }
    harness.drain()
    for read in 1...40 {
      _ = harness.read(id)
      let sent = harness.drain()
      #expect(sent.isEmpty == (read != 33), "read \(read)")
    }
  }

  @Test func window_neverMovesLeft() {
    // With a scale of 3 the field cannot say every number.
    var limits = TCPHarness.limits
    limits.receiveBuffer = 300_000
    limits.initialReceiveBuffer = 300_000
    let (harness, _) = TCPHarness.established(limits: limits, scale: 0)
    var random = RandomNumbers(seed: SipHash.Key(1, 1))
    var edge = 0
    var next = 1
    while next < 250_000 {
      let count = Int.random(in: 1...1400, using: &random)
      harness.receive(Segment([], next, ack: 1, pattern(count)))
      next += count
      for segment in harness.drain() {
        let offered = segment.acknowledgement! + segment.window! << 3
        #expect(offered >= edge, "at \(next)")
        edge = offered
      }
    }
    #expect(edge >= 300_000)
  }

  // MARK: When packets are short

  @Test func packetsShort_textIsDropped() {
    let (harness, id) = TCPHarness.established()
    // One that holds none may have one, down to half the reserve of 128.
    harness.freePackets = 64
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    #expect(harness.tcp.counters.packetsShort == 1)
    #expect(harness.read(id) == .wouldBlock)
    harness.receive(Segment([], 1001, ack: 1, pattern(1000)))
    #expect(harness.tcp.counters.packetsShort == 2)
    #expect(harness.pool.available == harness.pool.capacity)
    harness.drain()
    harness.freePackets = 65
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    #expect(harness.read(id) == .bytes(pattern(1000)))
  }

  /// A connection may hold a quarter of what is free beyond the reserve.
  @Test(arguments: [(128, 1), (132, 1), (136, 2), (140, 3), (168, 8)])
  func packetsShort_eachHasItsShare(free: Int, share: Int) {
    let (harness, id) = TCPHarness.established()
    harness.freePackets = free
    for index in 0..<8 {
      harness.receive(
        Segment([], 1 + 1400 * index, ack: 1, pattern(1400))
      )
    }
    harness.drain()
    #expect(harness.tcp.information(id)?.bytesToRead == 1400 * share)
  }

  /// What is for newcomers is for them.
  @Test func packetsShort_theFirstIsKeptForNewcomers() {
    var limits = TCPHarness.limits
    limits.firstPackets = 100
    let (harness, id) = TCPHarness.established(limits: limits)
    harness.freePackets = 230
    for index in 0..<3 {
      harness.receive(Segment([], 1 + 1400 * index, ack: 1, pattern(1400)))
    }
    #expect(harness.tcp.information(id)?.bytesToRead == 1400)
    #expect(harness.tcp.counters.packetsShort == 2)
  }

  /// Those out of order count to the share too.
  @Test func packetsShort_outOfOrderHasItsShare() {
    let (harness, _) = TCPHarness.established()
    harness.freePackets = 140
    for index in 1..<8 {
      harness.receive(
        Segment([], 1 + 3000 * index, ack: 1, pattern(1))
      )
    }
    #expect(harness.tcp.counters.outOfOrderKept == 3)
    #expect(harness.tcp.counters.packetsShort == 4)
  }

  @Test func packetsShort_theAcknowledgementIsTaken() throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, [1])
    harness.drain()
    harness.freePackets = 0
    harness.receive(Segment([], 1, ack: 2, pattern(1000)))
    #expect(harness.tcp.information(id)?.bytesInFlight == 0)
  }

  @Test func packetsShort_theFINWaitsForItsText() {
    let (harness, id) = TCPHarness.established()
    harness.freePackets = 0
    harness.receive(Segment(.fin, 1, ack: 1, pattern(1000)))
    #expect(harness.tcp.state(id) == .established)
    harness.expect(Segment([], 1, ack: 1))
    harness.freePackets = 100
    harness.receive(Segment(.fin, 1, ack: 1, pattern(1000)))
    #expect(harness.tcp.state(id) == .closeWait)
  }

  @Test func packetsShort_smallTextStillFits() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([], 1, ack: 1, [1]))
    harness.freePackets = 0
    harness.receive(Segment([], 2, ack: 1, [2]))
    #expect(harness.read(id) == .bytes([1, 2]))
  }

  @Test func packetsShort_outOfOrderMakesRoom() {
    let (harness, id) = TCPHarness.established()
    harness.receive(Segment([], 1001, ack: 1, pattern(1000, from: 1000)))
    harness.receive(Segment([], 3001, ack: 1, pattern(1000)))
    harness.freePackets = 0
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    #expect(harness.read(id) == .bytes(pattern(1000)))
    #expect(harness.read(id) == .bytes(pattern(1000, from: 1000)))
    #expect(harness.tcp.counters.outOfOrderDropped == 1)
    #expect(harness.pool.available == harness.pool.capacity)
  }

  // MARK: What is no segment for us

  @Test func damaged_isDropped() {
    let (harness, id) = TCPHarness.established()
    var packet = harness.packet(Segment(.push, 1, ack: 1, [1, 2]))
    packet.removeLast(1)
    harness.receive(packet)
    #expect(harness.tcp.counters.checksumWrong == 1)
    var short = harness.packet(Segment([], 1, ack: 1))
    short.removeLast(1)
    harness.receive(short)
    #expect(harness.tcp.counters.malformed == 1)
    #expect(harness.read(id) == .wouldBlock)
    harness.expectNothing()
  }

  @Test(arguments: [
    IPv4Address.any, .broadcast, IPv4Address(224, 0, 0, 1),
    IPv4Address(250, 1, 1, 1),
  ])
  func fromNoHost_isDropped(address: IPv4Address) {
    let harness = TCPHarness()
    for (source, destination) in [
      (IPAddress(address), TCPHarness.ours),
      (TCPHarness.theirs, IPAddress(address)),
    ] {
      var packet = harness.pool.allocate(headroom: 128)!
      packet.prepend(
        TCPHeader(
          sourcePort: 1,
          destinationPort: 80,
          sequenceNumber: SequenceNumber(0),
          flags: .syn
        ),
        from: source,
        to: destination
      )
      harness.tcp.receive(
        packet,
        from: source,
        to: destination,
        ecn: .notCapable,
        maximumSegmentSize: 1460,
        pool: harness.pool,
        at: harness.now
      )
    }
    #expect(harness.tcp.counters.notUnicast == 2)
    harness.expectNothing()
  }

  // MARK: Outside the window

  /// RFC 5961 §5, §7: what lies beyond the window, or further back than any
  /// retransmission, is answered no more often than other challenges.
  @Test(arguments: [1_000_000, -10_000_000], [TCPHeader.Flags(), .fin])
  func beyondTheWindow_isAnsweredWithinTheLimit(
    start: Int,
    flags: TCPHeader.Flags
  ) {
    let (harness, _) = TCPHarness.established()
    var answers = 0
    for _ in 0..<1000 {
      harness.receive(Segment(flags, start, ack: 1, [1]))
      answers += harness.drain().count
    }
    #expect(answers == TCPHarness.limits.challenges)
  }

  /// Our acknowledgement was lost: each retransmission is answered.
  @Test func cameBefore_isAnsweredEachTime() {
    let (harness, _) = TCPHarness.established()
    harness.receive(Segment([], 1, ack: 1, [1, 2, 3]))
    harness.drain()
    for _ in 0..<100 {
      harness.receive(Segment([], 1, ack: 1, [1, 2, 3]))
      harness.expect(Segment([], 1, ack: 4))
    }
  }
}
