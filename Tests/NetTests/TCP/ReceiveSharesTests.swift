import Packets
import Testing

@testable import Net

/// What each connection is promised goes by how many receive, and by what is
/// free.
@Suite struct ReceiveSharesTests {
  private static let limits: TCPLimits = {
    var limits = TCPLimits()
    limits.reservedPackets = 100
    limits.firstPackets = 100
    return limits
  }()

  private static func shares(free: Int, receivers: Int) -> ReceiveShares {
    let pool = PacketPool(capacity: 1000)
    var taken = PacketQueue()
    while pool.available > free { taken.append(pool.allocate()!) }
    var shares = ReceiveShares()
    shares.look(at: pool, limits)
    for _ in 0..<receivers {
      var last: UInt16 = 0
      shares.received(&last, at: Instant(nanoseconds: 5))
      // A second one of the same connection changes nothing.
      shares.received(&last, at: Instant(nanoseconds: 6))
    }
    return shares
  }

  @Test(
    arguments: [
      // Free slots, receivers, segments.
      (1000, 1, nil), (1000, 4, nil), (500, 4, nil),
      (1000, 5, 160), (1000, 100, 8), (1000, 900, 2),
      (499, 1, 74), (499, 4, 74), (499, 10, 29), (200, 1, 2), (10, 1, 2),
    ] as [(Int, Int, Int?)]
  )
  func share(free: Int, receivers: Int, segments: Int?) {
    #expect(
      Self.shares(free: free, receivers: receivers).segments == segments
    )
  }

  @Test func whoWasSilent_countsNoMore() {
    var shares = Self.shares(free: 1000, receivers: 100)
    var last: UInt16 = 0
    let ms = Interval.milliseconds
    // The period before counts as well, what was before that does not.
    shares.received(&last, at: Instant(nanoseconds: 0) + ms(150))
    #expect(shares.segments == 8)
    shares.received(&last, at: Instant(nanoseconds: 0) + ms(260))
    #expect(shares.segments == nil)
    // After a long silence only who receives now.
    shares = Self.shares(free: 1000, receivers: 100)
    shares.received(&last, at: Instant(nanoseconds: 0) + ms(5000))
    #expect(shares.segments == nil)
  }

  @Test(
    arguments: [
      (0, 65_535), (32, 65_535), (33, 24_000), (100, 8000), (400, 4000),
      (10_000, 4000),
    ]
  )
  func firstWindow(connections: Int, bytes: Int) {
    let shares = Self.shares(free: 1000, receivers: 0)
    #expect(
      shares.firstWindow(
        of: 65_535,
        connections: connections,
        segmentSize: 1000
      ) == bytes
    )
  }

  /// Forty peers that send all that they may, to an app that reads each time:
  /// nothing that is in a window is dropped, though each could have 64 KiB and
  /// all slots together hold half a megabyte.
  @Test func manyWhoSendAllTheyMay_loseNothing() throws {
    var limits = TCPLimits()
    limits.reservedPackets = 32
    limits.firstPackets = 64
    let harness = TCPHarness(limits: limits, packets: 400)
    let listener = try harness.listen(backlog: 40)
    var peers: [Peer] = []
    for index in 0..<40 {
      peers.append(
        try #require(Peer(harness, listener, port: 1001 + UInt16(index)))
      )
    }
    // What the SYNs have promised is used up, a little at a time.
    for _ in 0..<50 {
      for index in peers.indices { peers[index].send(1, to: harness) }
      read(&peers, harness)
    }
    let before = harness.tcp.counters.packetsShort
    var sent = 0
    for _ in 0..<20 {
      for index in peers.indices {
        sent += peers[index].send(.max, to: harness)
      }
      read(&peers, harness)
    }
    #expect(harness.tcp.counters.packetsShort == before)
    #expect(sent >= 20 * 40 * 2)
    #expect(harness.pool.available == harness.pool.capacity)
  }

  /// The app reads all, and each peer hears of it.
  private func read(_ peers: inout [Peer], _ harness: TCPHarness) {
    harness.wait(50)
    for index in peers.indices { peers[index].readAll(harness) }
    while let outgoing = harness.tcp.transmit(
      at: harness.now,
      pool: harness.pool
    ) {
      guard let header = try? TCPHeader(parsing: outgoing.packet.bytes) else {
        Issue.record("malformed header")
        return
      }
      peers[Int(header.destinationPort) - 1001].hear(header)
    }
  }

  /// One that sends segments of 1,400 bytes.
  private struct Peer {
    let id: ConnectionID
    let port: UInt16
    let iss: SequenceNumber
    let shift: Int
    var sent = 0
    /// Up to where it may send.
    var edge: Int

    /// Connects.
    init?(_ harness: TCPHarness, _ listener: ListenerID, port: UInt16) {
      harness.remotePort = port
      harness.receive(Segment(.syn, 0, mss: 1400, scale: 2))
      guard let answer = harness.learnInitial(), let window = answer.window,
        let shift = answer.scale
      else { return nil }
      harness.receive(Segment([], 1, ack: 1))
      guard let id = harness.accept(listener) else { return nil }
      self.id = id
      self.port = port
      self.shift = shift
      iss = harness.iss
      edge = window
    }

    /// Sends as many segments as it may, and no more than `most`; returns how
    /// many that were.
    @discardableResult
    mutating func send(_ most: Int, to harness: TCPHarness) -> Int {
      harness.remotePort = port
      harness.iss = iss
      var count = 0
      while count < most, sent + 1400 <= edge {
        harness.receive(Segment([], 1 + sent, ack: 1, pattern(1400)))
        sent += 1400
        count += 1
      }
      return count
    }

    func readAll(_ harness: TCPHarness) {
      while case .bytes = harness.read(id) {}
    }

    mutating func hear(_ header: TCPHeader) {
      // The peer's own SYN is its first number.
      let read = header.acknowledgementNumber - SequenceNumber(0xFFFF_FF01)
      edge = max(edge, read + Int(header.window) << shift)
    }
  }
}
