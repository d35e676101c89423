import Packets
import Testing

@testable import Net

/// What is left to a device that sends: on the wire it is what would have gone
/// without one, in fewer packets.
@Suite struct TCPOffloadTests {
  /// A connection over a device that does everything, with a segment size of
  /// 1,000 bytes.
  static func established(
    cut: Int = 65_535,
    fragments: Int = 18,
    window: Int = 65_535
  ) -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPHarness.established(window: window)
    harness.tcp.capabilities.completesChecksums = true
    harness.tcp.capabilities.mostFragments = fragments
    harness.tcp.capabilities.largestSegmentation = cut
    return (harness, id)
  }

  @Test func segments_goAtOnce_behindASmallOneTheSmallRestWaits() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, [9])
    harness.expect(Segment(.push, 1, ack: 1, [9]))
    _ = try harness.write(id, pattern(3500))
    harness.expect(
      Segment([], 2, ack: 1, pattern(1000)),
      Segment([], 1002, ack: 1, pattern(1000, from: 1000)),
      Segment([], 2002, ack: 1, pattern(1000, from: 2000))
    )
    harness.receive(Segment([], 1, ack: 3002))
    harness.expect(Segment(.push, 3002, ack: 1, pattern(500, from: 3000)))
    #expect(harness.packets.map(\.payload) == [1, 3000, 500])
    #expect(harness.packets.map(\.segmentSize) == [nil, 1000, nil])
    #expect(harness.tcp.counters.segmentsSent == 1 + 1 + 4)
  }

  @Test func noDelay_theRestGoesToo_withThePush() throws {
    let (harness, id) = Self.established()
    harness.tcp.setNoDelay(id, true, at: harness.now)
    _ = try harness.write(id, pattern(2500))
    harness.expect(
      Segment([], 1, ack: 1, pattern(1000)),
      Segment([], 1001, ack: 1, pattern(1000, from: 1000)),
      Segment(.push, 2001, ack: 1, pattern(500, from: 2000))
    )
    #expect(
      harness.packets == [SentPacket(2500, cut: 1000, fragments: 2)]
    )
  }

  @Test func close_theFINIsOnTheLast() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(2500))
    harness.close(id)
    harness.expect(
      Segment([], 1, ack: 1, pattern(1000)),
      Segment([], 1001, ack: 1, pattern(1000, from: 1000)),
      Segment([.push, .fin], 2001, ack: 1, pattern(500, from: 2000))
    )
    #expect(harness.packets.count == 1)
    harness.receive(Segment([], 1, ack: 2502))
    #expect(harness.tcp.state(id) == .finWait2)
  }

  @Test func congestionWindow_bounds() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(60_000))
    #expect(harness.drain().count == 10)
    // Slow start: two more for each acknowledged.
    harness.receive(Segment([], 1, ack: 1001))
    #expect(harness.drain().map(\.sequence) == [10_001, 11_001])
    // One acknowledgement for many: as many, up to eight, and those.
    harness.receive(Segment([], 1, ack: 11_001))
    #expect(harness.drain().count == 18)
    #expect(harness.packets.map(\.payload) == [10_000, 2000, 18_000])
  }

  @Test func sendWindow_bounds() throws {
    let (harness, id) = Self.established(window: 3500)
    _ = try harness.write(id, pattern(10_000))
    #expect(harness.drain().count == 3)
    harness.receive(Segment([], 1, ack: 3001, window: 2000))
    #expect(harness.drain().map(\.sequence) == [3001, 4001])
    #expect(harness.packets.map(\.payload) == [3000, 2000])
  }

  @Test func largestPacket_bounds() throws {
    let (harness, id) = Self.established(cut: 4999)
    _ = try harness.write(id, pattern(10_000))
    #expect(harness.drain().count == 10)
    #expect(harness.packets.map(\.payload) == [4000, 4000, 2000])
  }

  /// Up to 8 KiB are in blocks of 1,984 bytes.
  @Test func fragments_bound() throws {
    let (harness, id) = Self.established(fragments: 2)
    _ = try harness.write(id, pattern(6000))
    #expect(harness.drain().flatMap(\.payload) == pattern(6000))
    #expect(
      harness.packets == [
        SentPacket(3000, cut: 1000, fragments: 2),
        SentPacket(2000, cut: 1000, fragments: 2),
        SentPacket(1000, fragments: 2),
      ]
    )
  }

  @Test func segmentInTooManyPieces_isCopied() throws {
    let (harness, id) = Self.established(fragments: 1)
    _ = try harness.write(id, pattern(4000))
    #expect(harness.drain().flatMap(\.payload) == pattern(4000))
    #expect(
      harness.packets == [
        SentPacket(1000, fragments: 1), SentPacket(1000, fragments: 0),
        SentPacket(1000, fragments: 1), SentPacket(1000, fragments: 0),
      ]
    )
  }

  @Test func fewBytes_areCopied() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(256))
    harness.drain()
    harness.receive(Segment([], 1, ack: 257))
    _ = try harness.write(id, pattern(257))
    harness.drain()
    #expect(
      harness.packets == [
        SentPacket(256, fragments: 0), SentPacket(257, fragments: 1),
      ]
    )
  }

  /// Fragments and checksums of a device that cuts nothing.
  @Test func withoutCutting_segmentsGoOneByOne() throws {
    let (harness, id) = Self.established(cut: 0)
    _ = try harness.write(id, pattern(3000))
    harness.drain()
    #expect(
      harness.packets == [
        SentPacket(1000, fragments: 1), SentPacket(1000, fragments: 2),
        SentPacket(1000, fragments: 1),
      ]
    )
  }

  /// Who cuts completes checksums, too: VIRTIO 1.2 §5.1.3.1.
  @Test func withoutChecksums_nothingIsCut() throws {
    let (harness, id) = Self.established()
    harness.tcp.capabilities.completesChecksums = false
    _ = try harness.write(id, pattern(3000))
    #expect(harness.drain().count == 3)
    #expect(harness.packets.allSatisfy { $0.segmentSize == nil })
  }

  @Test func resetToNobody_leavesItsChecksum() {
    let harness = TCPHarness()
    harness.tcp.capabilities.completesChecksums = true
    harness.receive(Segment([], 5, ack: 7))
    harness.expect(Segment(.reset, 7))
  }

  // MARK: Losses

  @Test func timeout_oneSegmentGoesAgain_thenMore() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(5000))
    harness.drain()
    harness.wait(1000)
    harness.expect(Segment([], 1, ack: 1, pattern(1000)))
    #expect(harness.tcp.counters.segmentsRetransmitted == 1)
    harness.receive(Segment([], 1, ack: 1001))
    #expect(harness.drain().map(\.sequence) == [1001, 2001])
    #expect(harness.tcp.counters.segmentsRetransmitted == 3)
    #expect(harness.tcp.information(id)?.retransmissions == 3)
    #expect(harness.tcp.counters.bytesSent == 5000)
    #expect(harness.packets.map(\.payload) == [5000, 1000, 2000])
  }

  /// What goes again and what goes for the first time may be one packet.
  @Test func retransmissionWithNewText_isCountedApart() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(2000))
    harness.drain()
    _ = try harness.write(id, pattern(2000, from: 2000))
    harness.drain()
    harness.wait(1000)
    harness.drain()
    _ = try harness.write(id, pattern(2000, from: 4000))
    harness.receive(Segment([], 1, ack: 2001))
    harness.receive(Segment([], 1, ack: 3001))
    harness.packets = []
    harness.drain()
    // From 3001 on: one that was sent before the timeout, and one that was not.
    #expect(harness.packets == [SentPacket(2000, cut: 1000, fragments: 2)])
    #expect(harness.tcp.counters.segmentsRetransmitted == 2)
    #expect(harness.tcp.counters.bytesSent == 5000)
  }

  @Test func threeDuplicates_oneSegmentGoesAgain() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(9000))
    harness.drain()
    for _ in 0..<3 { harness.receive(Segment([], 1, ack: 1)) }
    harness.expect(Segment([], 1, ack: 1, pattern(1000)))
    #expect(harness.packets.map(\.payload) == [9000, 1000])
    #expect(harness.tcp.counters.fastRetransmissions == 1)
  }

  /// A device was started again and does less: what goes again obeys it.
  @Test func otherDevice_retransmissionIsWhole() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(5000))
    harness.drain()
    harness.tcp.capabilities = LinkCapabilities()
    harness.wait(1000)
    harness.expect(Segment([], 1, ack: 1, pattern(1000)))
    harness.receive(Segment([], 1, ack: 1001))
    #expect(harness.drain().count == 2)
    #expect(harness.packets.map(\.payload) == [5000, 1000, 1000, 1000])
    #expect(harness.packets.map(\.fragments) == [3, 0, 0, 0])
  }

  @Test func roundTrip_isMeasured() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(5000))
    harness.drain()
    harness.wait(30)
    harness.receive(Segment([], 1, ack: 5001))
    // An eighth of 30 ms; the handshake took no time.
    #expect(
      harness.tcp.information(id)?.smoothedRoundTripTime
        == .microseconds(3750)
    )
  }

  /// A device that is slow holds what is acknowledged already.
  @Test func blocks_areFreeWhenTheDeviceIsDone() throws {
    let (harness, id) = Self.established()
    _ = try harness.write(id, pattern(3000))
    let underway = harness.tcp.transmit(at: harness.now, pool: harness.pool)
    harness.receive(Segment([], 1, ack: 3001))
    #expect(harness.tcp.information(id)?.bytesToSend == 0)
    #expect(harness.tcp.blocks.memoryInUse == 2 * 2048)
    _ = consume underway
    #expect(harness.tcp.blocks.memoryInUse == 0)
    #expect(harness.pool.available == harness.pool.capacity)
  }

  // MARK: Received packets, sent

  /// Lets the peer send, and writes what was read; returns how much of that was
  /// left.
  private func echo(
    _ harness: TCPHarness,
    _ id: ConnectionID,
    _ count: Int,
    from start: Int = 0,
    in device: PacketPool
  ) throws -> Int? {
    harness.receive(
      harness.packet(
        Segment([], 1 + start, ack: 1, pattern(count, from: start)),
        in: device
      )
    )
    guard case .bytes(let packet) = harness.tcp.read(id, at: harness.now)
    else { return nil }
    let rest = try harness.tcp.write(
      id,
      consuming: packet,
      pool: harness.pool,
      at: harness.now
    )
    guard let rest else { return 0 }
    return rest.count
  }

  @Test func readPacket_isSentFromWhereItIs() throws {
    let device = PacketPool(capacity: 64, slotSize: 16 * 1024)
    let (harness, id) = Self.established()
    #expect(try echo(harness, id, 9000, in: device) == 0)
    #expect(device.available == 63)
    #expect(harness.tcp.blocks.memoryInUse == 0)
    #expect(harness.drain().flatMap(\.payload) == pattern(9000))
    harness.receive(Segment([], 9001, ack: 9001))
    #expect(device.available == 64)
  }

  @Test func readPacket_thatIsSmall_isCopied() throws {
    let device = PacketPool(capacity: 64, slotSize: 16 * 1024)
    let (harness, id) = Self.established()
    #expect(try echo(harness, id, 2048, in: device) == 0)
    #expect(device.available == 64)
    // The last part is small, and no other is under way.
    #expect(harness.drain().flatMap(\.payload) == pattern(2048))
  }

  @Test func readPacket_ofAShortDevice_isCopied() throws {
    let device = PacketPool(capacity: 8, slotSize: 16 * 1024)
    let (harness, id) = Self.established()
    #expect(try echo(harness, id, 9000, in: device) == 0)
    #expect(device.available == 8)
    #expect(harness.drain().flatMap(\.payload) == pattern(9000))
  }

  /// What does not fit into the send buffer of 64 KiB is given back whole.
  @Test func readPacket_beyondTheBuffer_isGivenBack() throws {
    let device = PacketPool(capacity: 64, slotSize: 16 * 1024)
    let (harness, id) = Self.established()
    for start in stride(from: 0, to: 50_000, by: 10_000) {
      #expect(try echo(harness, id, 10_000, from: start, in: device) == 0)
    }
    #expect(device.available == 64 - 5)
    // The peer hears that its window is open again.
    harness.drain()
    #expect(try echo(harness, id, 16_000, from: 50_000, in: device) == 16_000)
    #expect(device.available == 64 - 5)
    harness.drain()
    harness.abort(id)
    #expect(device.available == 64)
  }
}
