import Testing

@testable import Net

/// Ways that lose what is large and say nothing, and how segments become larger
/// again. RFC 1191 §6.3, RFC 2923 §2.1, RFC 4821.
@Suite struct TCPBlackHoleTests {
  /// A connection with a segment size of 1,000 bytes over a device that cuts, on
  /// which ten segments were sent at once; after so many timeouts.
  private static func silence(
    timeouts: Int
  ) throws -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPOffloadTests.established()
    _ = try harness.write(id, pattern(10_000))
    harness.drain()
    for number in 0..<timeouts {
      harness.wait(200 << Int64(number))
      harness.drain()
    }
    return (harness, id)
  }

  private static func size(_ harness: TCPHarness, _ id: ConnectionID) -> Int? {
    harness.tcp.information(id)?.maximumSegmentSize
  }

  /// Base and floor are of datagrams: 40 bytes are headers.
  @Test func timeouts_makeSegmentsSmaller_ofWhatADeviceHasCut() throws {
    let (harness, id) = try Self.silence(timeouts: 5)
    #expect(
      harness.packets.map(\.payload) == [10_000, 1000, 984, 512, 512, 512]
    )
    #expect(Self.size(harness, id) == 512)
    // Nobody else is told: it may be an outage.
    let path = harness.tcp.nextSmallerPath()
    #expect(path?.mtu == nil)
    #expect(harness.tcp.counters.blackHoles == 0)
  }

  @Test func smallerOnesArrive_aLargeOneIsTried_alone() throws {
    let (harness, id) = try Self.silence(timeouts: 3)
    harness.packets.removeAll()
    harness.receive(Segment([], 1, ack: 513))
    harness.expect(
      Segment([], 513, ack: 1, pattern(1000, from: 512)),
      Segment([], 1513, ack: 1, pattern(512, from: 1512))
    )
    #expect(harness.packets.map(\.segmentSize) == [nil, nil])
    // It arrives: it was an outage.
    harness.receive(Segment([], 1, ack: 1513))
    #expect(Self.size(harness, id) == 1000)
    #expect(harness.tcp.counters.blackHoles == 0)
    let wanted = harness.tcp.takePathWanted()
    #expect(wanted?.address == TCPHarness.theirs)
  }

  /// Timeouts until the first large one was tried, and what is then known.
  @Test(arguments: [(2, 984), (3, 512), (4, 512)])
  func largeOneIsLost_theWayIsKnown(timeouts: Int, size: Int) throws {
    let (harness, id) = try Self.silence(timeouts: timeouts)
    harness.receive(Segment([], 1, ack: 1 + size))
    #expect(harness.drain().first?.payload.count == 1000)
    // What went with it has come.
    harness.receive(Segment([], 1, ack: 1 + size))
    harness.wait(200 << Int64(timeouts))
    let again = harness.drain().first
    #expect(again?.sequence == 1 + size && again?.payload.count == size)
    let none = harness.tcp.nextSmallerPath()
    #expect(none?.mtu == nil)
    harness.receive(Segment([], 1, ack: 1 + 2 * size))
    #expect(Self.size(harness, id) == size)
    #expect(harness.tcp.counters.blackHoles == 1)
    let path = harness.tcp.nextSmallerPath()
    #expect(path?.address == TCPHarness.theirs && path?.mtu == size + 40)
  }

  /// What is small was not lost for its size.
  @Test(arguments: [1, 100, 512])
  func smallOnes_areNotSuspected(count: Int) throws {
    let (harness, id) = TCPHarness.established()
    _ = try harness.write(id, pattern(count))
    harness.drain()
    for number in 0..<6 {
      harness.wait(200 << Int64(number))
      #expect(harness.drain().map(\.payload.count) == [count])
    }
    #expect(Self.size(harness, id) == 1000)
  }

  @Test func suspicion_isALimit() throws {
    var limits = TCPHarness.limits
    limits.blackHoleTimeouts = 3
    limits.basePathMTU = 940
    limits.smallestPathMTU = 340
    let (harness, id) = TCPHarness.established(limits: limits)
    _ = try harness.write(id, pattern(1000))
    harness.drain()
    var sizes: [Int?] = []
    for number in 0..<5 {
      harness.wait(200 << Int64(number))
      sizes.append(harness.drain().first?.payload.count)
    }
    #expect(sizes == [1000, 1000, 900, 300, 300])
  }

  // MARK: What IP knows

  /// A connection whose way carries 640 bytes for ten minutes.
  private static func limited() -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPHarness.established()
    harness.tcp.pathIsSmaller(
      to: TCPHarness.theirs,
      KnownPath(mtu: 640, expiry: harness.now + .seconds(600)),
      at: harness.now
    )
    return (harness, id)
  }

  @Test func newConnection_beginsWithWhatIsKnown() throws {
    let harness = TCPHarness()
    let listener = try harness.listen(backlog: 1)
    harness.receive(Segment(.syn, 0, mss: 1000))
    let wanted = harness.tcp.takePathWanted()
    #expect(wanted?.address == TCPHarness.theirs)
    let path = KnownPath(mtu: 640, expiry: harness.now + .seconds(600))
    harness.tcp.usePath(path, for: try #require(wanted?.slot))
    // RFC 9293 §3.7.1: what we receive is bounded by the link.
    #expect(harness.learnInitial()?.segmentSize == 1460)
    harness.receive(Segment([], 1, ack: 1))
    let id = try #require(harness.accept(listener))
    #expect(Self.size(harness, id) == 600)
    _ = try harness.write(id, pattern(1500))
    #expect(harness.drain().map(\.payload.count) == [600, 600, 300])
  }

  @Test func connectionToOpen_beginsWithWhatIsKnown() throws {
    let harness = TCPHarness()
    let id = try harness.tcp.connect(
      from: TCPHarness.ours,
      to: Endpoint(address: TCPHarness.theirs, port: TCPHarness.theirPort),
      maximumSegmentSize: 1460,
      at: harness.now
    )
    let slot = try #require(harness.tcp.takePathWanted()?.slot)
    harness.tcp.usePath(KnownPath(mtu: 640, expiry: .never), for: slot)
    #expect(harness.learnInitial()?.segmentSize == 1460)
    harness.receive(Segment(.syn, 0, ack: 1, mss: 1000))
    #expect(Self.size(harness, id) == 600)
  }

  /// Ten thousand idle ones cost no timer.
  @Test func age_needsNoTimer() throws {
    let (harness, id) = Self.limited()
    #expect(harness.tcp.deadline == nil)
    harness.wait(599_999)
    _ = try harness.write(id, pattern(1200))
    #expect(harness.drain().map(\.payload.count) == [600, 600])
    harness.receive(Segment([], 1, ack: 1201))
    #expect(harness.tcp.deadline == nil)
    harness.wait(1)
    _ = try harness.write(id, pattern(2200))
    #expect(harness.drain().map(\.payload.count) == [1000, 600, 600])
    harness.receive(Segment([], 1, ack: 2201))
    #expect(Self.size(harness, id) == 1000)
  }

  /// A router says that it is as it was, or not quite.
  @Test(arguments: [(640, 600), (740, 700), (600, 560)])
  func age_toldAgain_isSentAgainAtOnce(mtu: Int, size: Int) throws {
    let (harness, id) = Self.limited()
    harness.wait(600_000)
    _ = try harness.write(id, pattern(3000))
    #expect(harness.drain().first?.payload.count == 1000)
    let verdict = harness.tcp.claim(
      mtu: mtu,
      about: (harness.iss + 1).rawValue,
      local: Endpoint(address: TCPHarness.ours, port: TCPHarness.port),
      remote: Endpoint(
        address: TCPHarness.theirs,
        port: TCPHarness.theirPort
      )
    )
    #expect(verdict == .believed)
    let changed = harness.tcp.pathIsSmaller(
      to: TCPHarness.theirs,
      KnownPath(mtu: mtu, expiry: harness.now + .seconds(600)),
      at: harness.now
    )
    #expect(changed == 1)
    let again = harness.drain()
    #expect(again.map(\.sequence).first == 1)
    #expect(again.prefix(4).allSatisfy { $0.payload.count == size })
    #expect(Self.size(harness, id) == size)
    let once = harness.tcp.pathIsSmaller(
      to: TCPHarness.theirs,
      KnownPath(mtu: mtu, expiry: harness.now + .seconds(600)),
      at: harness.now
    )
    #expect(once == 0)
  }

  /// What waits behind it, being small, does not take the place of the large one.
  @Test func age_smallOnes_showNothing() throws {
    let (harness, id) = Self.limited()
    harness.wait(600_000)
    for number in 0..<3 {
      _ = try harness.write(id, pattern(500))
      #expect(harness.drain().map(\.payload.count) == [500])
      harness.receive(Segment([], 1, ack: 501 + number * 500))
    }
    _ = try harness.write(id, pattern(2200))
    #expect(harness.drain().map(\.payload.count) == [1000, 600, 600])
  }

  @Test func congestionWindow_hasRoomForALargerSegment() {
    var window = CongestionWindow(segmentSize: 600)
    window.size = 600
    window.segmentsGrew(to: 1000)
    #expect(window.size == 1000 && window.segmentSize == 1000)
    window.segmentsGrew(to: 800)
    #expect(window.size == 1000 && window.segmentSize == 1000)
  }

  // MARK: Outages and delays

  /// After two timeouts one acknowledgement gets through: a large one is under
  /// way, and smaller ones beside it if `count` are written.
  private static func trial(
    of count: Int
  ) throws -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPOffloadTests.established()
    _ = try harness.write(id, pattern(count))
    harness.drain()
    for wait in [200, 400] {
      harness.wait(Int64(wait))
      harness.drain()
    }
    harness.receive(Segment([], 1, ack: 985))
    let sent = harness.drain()
    #expect(sent.first?.payload.count == 1000)
    return (harness, id)
  }

  /// The trial is lost, and so is all that went with it.
  @Test func outageGoesOn_isNoBlackHole() throws {
    let (harness, id) = try Self.trial(of: 10_000)
    harness.wait(800)
    #expect(harness.drain().map(\.payload.count) == [984])
    harness.receive(Segment([], 1, ack: 1969))
    #expect(harness.tcp.counters.blackHoles == 0)
    let path = harness.tcp.nextSmallerPath()
    #expect(path?.mtu == nil)
    // Another large one is tried.
    #expect(harness.drain().first?.payload.count == 1000)
    harness.receive(Segment([], 1, ack: 2969))
    #expect(Self.size(harness, id) == 1000)
  }

  /// Its timeout was for nothing: of its 1,000 bytes 984 go again, and all are
  /// acknowledged; whether what went with it had come before, or not.
  @Test(arguments: [false, true])
  func trialIsLate_isNoBlackHole(othersCameBefore: Bool) throws {
    let (harness, id) = try Self.trial(of: 10_000)
    if othersCameBefore { harness.receive(Segment([], 1, ack: 985)) }
    harness.wait(800)
    #expect(harness.drain().map(\.payload.count) == [984])
    harness.receive(Segment([], 1, ack: 1985))
    #expect(harness.tcp.counters.blackHoles == 0)
    #expect(Self.size(harness, id) == 1000)
  }

  /// Nothing went with it that could tell of an outage.
  @Test func trialAlone_isLost_theWayIsKnown() throws {
    let (harness, id) = try Self.trial(of: 1984)
    harness.wait(800)
    let again = harness.drain()
    #expect(again.map(\.sequence).first == 985)
    #expect(again.allSatisfy { $0.payload.count <= 984 })
    harness.receive(Segment([], 1, ack: 1985))
    #expect(harness.tcp.counters.blackHoles == 1)
    #expect(Self.size(harness, id) == 984)
  }

  /// What was sent last is asked after (RFC 8985 §7): the end of the large one
  /// arrives as a small one, and then its front does.
  @Test func trialAlone_isLost_aTailProbeArrives_theWayIsKnown() throws {
    let (harness, id) = TCPHarness.established(permitsSACK: true)
    // A round trip, by which probes are timed.
    _ = try harness.write(id, pattern(100))
    harness.drain()
    harness.wait(20)
    harness.receive(Segment([], 1, ack: 101))
    harness.tcp.pathIsSmaller(
      to: TCPHarness.theirs,
      KnownPath(mtu: 640, expiry: harness.now + .seconds(600)),
      at: harness.now
    )
    harness.wait(600_000)
    _ = try harness.write(id, pattern(1000))
    #expect(harness.drain().map(\.payload.count) == [1000])
    let probe = try #require(Self.next(harness).first)
    #expect(harness.tcp.counters.tailLossProbes == 1)
    let start = probe.sequence
    #expect(start > 101 && start + probe.payload.count == 1101)
    harness.receive(Segment([], 1, ack: 101, sack: [start..<1101]))
    let again = Self.next(harness)
    #expect(again.map(\.sequence) == [101])
    #expect(again.map(\.payload.count) == [start - 101])
    harness.receive(Segment([], 1, ack: 1101))
    #expect(harness.tcp.counters.blackHoles == 1)
    #expect(Self.size(harness, id) == 600)
  }

  /// What is sent next, within two seconds.
  private static func next(_ harness: TCPHarness) -> [Segment] {
    for _ in 0..<100 {
      let sent = harness.drain()
      if !sent.isEmpty { return sent }
      harness.wait(20)
    }
    return []
  }
}
