import Packets
import Testing

@testable import Net

/// What a device that receives has merged, or put into several slots, or into
/// large ones.
@Suite struct TCPMergedTests {
  /// A connection with a window of 64 KiB. It ends before the device, whose
  /// slots it may hold.
  let harness: TCPHarness
  let id: ConnectionID
  /// The slots of the device.
  let device = PacketPool(capacity: 64, slotSize: 16 * 1024)

  init() { (harness, id) = TCPHarness.established() }

  /// The packet of `segment`, its text cut at `cuts`: what is before the first
  /// is in the slot of the header.
  private func packet(
    _ segment: Segment,
    cut cuts: [Int] = [],
    of size: Int = 0
  ) -> PacketBuffer {
    let whole = harness.packet(segment, in: device)
    let bytes = Array(copying: whole.bytes)
    let header = bytes.count - segment.payload.count
    let ends = cuts.map { header + $0 } + [bytes.count]
    var packet = device.allocate(headroom: 64)!
    packet.append(copying: Array(bytes[..<ends[0]]).rawSpan)
    for index in 1..<max(ends.count, 1) {
      var fragment = device.allocate()!
      let part = Array(bytes[ends[index - 1]..<ends[index]])
      fragment.append(copying: part.rawSpan)
      packet.append(fragment: fragment)
    }
    packet.mergedSegmentSize = size
    return packet
  }

  /// All that can be read now.
  private func readAll() -> [UInt8] {
    var bytes: [UInt8] = []
    while case .bytes(let more) = harness.read(id) { bytes += more }
    return bytes
  }

  private var isDeviceFree: Bool { device.available == device.capacity }

  // MARK: In order

  @Test func merged_isAcknowledgedAtOnce() {
    harness.receive(
      packet(
        Segment(.push, 1, ack: 1, pattern(10_000)),
        cut: [100, 4000, 8000],
        of: 1448
      )
    )
    harness.expect(Segment([], 1, ack: 10_001))
    #expect(readAll() == pattern(10_000))
    // The SYN, the handshake's last, and seven.
    #expect(harness.tcp.counters.segmentsReceived == 2 + 7)
    #expect(isDeviceFree)
  }

  @Test func oneSegmentInTwoSlots_waitsToBeAcknowledged() {
    harness.receive(
      packet(Segment(.push, 1, ack: 1, pattern(1000)), cut: [0], of: 1448)
    )
    harness.expectNothing()
    harness.wait(40)
    harness.expect(Segment([], 1, ack: 1001))
    #expect(harness.read(id) == .bytes(pattern(1000)))
  }

  @Test func largerThanASegment_isAcknowledgedAtOnce() {
    harness.receive(
      packet(Segment(.push, 1, ack: 1, pattern(1461)), cut: [1000])
    )
    harness.expect(Segment([], 1, ack: 1462))
  }

  @Test func fin_isBehindTheText() {
    harness.receive(
      packet(
        Segment([.push, .fin], 1, ack: 1, pattern(3000)),
        cut: [1000, 2000],
        of: 1000
      )
    )
    harness.expect(Segment([], 1, ack: 3002))
    #expect(harness.tcp.state(id) == .closeWait)
    #expect(readAll() == pattern(3000))
    #expect(harness.read(id) == .endOfStream)
  }

  // MARK: Overlap and order

  /// The front that came before may end in any of the slots.
  @Test(arguments: [1, 99, 100, 101, 500, 501, 2999, 3000])
  func overlap_isCutOffTheFront(old: Int) {
    harness.receive(packet(Segment([], 1, ack: 1, pattern(old))))
    harness.receive(
      packet(
        Segment(.push, 1, ack: 1, pattern(3001)),
        cut: [100, 500, 501],
        of: 1000
      )
    )
    harness.expect(Segment([], 1, ack: 3002))
    #expect(readAll() == pattern(3001))
    #expect(harness.tcp.counters.duplicateBytes == UInt64(old))
    #expect(isDeviceFree)
  }

  @Test(arguments: [1, 1000, 1001, 2500])
  func beyondTheWindow_isCutOffTheBack(over: Int) {
    let chunk = 65_535 / 5
    for index in 0..<5 {
      harness.receive(
        packet(
          Segment(
            [],
            1 + index * chunk,
            ack: 1,
            pattern(chunk, from: index * chunk)
          ),
          of: 1448
        )
      )
    }
    harness.drain()
    let window = harness.tcp.information(id)!.receiveWindow
    // One byte is left of 64 KiB; the window may be short of that by a scale.
    #expect(window <= 1)
    _ = harness.read(id)
    harness.drain()
    let room = harness.tcp.information(id)!.receiveWindow
    harness.receive(
      packet(
        Segment(
          [],
          65_536,
          ack: 1,
          pattern(room + over, from: 65_535)
        ),
        cut: [10, room - 1000, room + over - 1],
        of: 1448
      )
    )
    #expect(harness.tcp.counters.bytesBeyondWindow == UInt64(over))
    #expect(readAll() == pattern(65_535 - chunk + room, from: chunk))
    #expect(isDeviceFree)
  }

  @Test func outOfOrder_isKeptWhole() {
    harness.receive(
      packet(
        Segment([], 1001, ack: 1, pattern(3000, from: 1000)),
        cut: [500, 1500],
        of: 1000
      )
    )
    harness.expect(Segment([], 1, ack: 1))
    #expect(harness.tcp.counters.outOfOrderKept == 3)
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    harness.expect(Segment([], 1, ack: 4001))
    #expect(readAll() == pattern(4000))
    #expect(isDeviceFree)
  }

  @Test func textBehindTheFIN_isCutOff() {
    harness.receive(Segment(.fin, 2001, ack: 1))
    harness.receive(
      packet(
        Segment([], 1, ack: 1, pattern(3000)),
        cut: [1000, 2500],
        of: 1000
      )
    )
    #expect(readAll() == pattern(2000))
    #expect(harness.read(id) == .endOfStream)
    #expect(harness.tcp.counters.bytesBeyondWindow == 1000)
  }

  @Test func released_textResets() {
    harness.release(id)
    harness.receive(
      packet(Segment([], 1, ack: 1, pattern(3000)), cut: [0, 5], of: 1000)
    )
    #expect(harness.tcp.counters.dataAfterRelease == 1)
    #expect(isDeviceFree)
  }

  // MARK: Checksums

  /// Pieces of odd sizes do not shift the sum.
  @Test(arguments: [[1], [2, 5, 6], [0, 1, 2, 3], [999]])
  func checksum_isOverAllPieces(cuts: [Int]) {
    let right = packet(Segment([], 1, ack: 1, pattern(1000)), cut: cuts)
    harness.receive(right)
    #expect(harness.tcp.counters.checksumWrong == 0)
    #expect(readAll() == pattern(1000))
    let spoilt = harness.packet(Segment([], 1001, ack: 1, pattern(1000)))
    var bytes = Array(copying: spoilt.bytes)
    bytes[20 + cuts.last!] ^= 1
    var split = device.allocate()!
    split.append(copying: Array(bytes[..<(20 + cuts[0])]).rawSpan)
    var fragment = device.allocate()!
    fragment.append(copying: Array(bytes[(20 + cuts[0])...]).rawSpan)
    split.append(fragment: fragment)
    harness.receive(split)
    #expect(harness.tcp.counters.checksumWrong == 1)
    #expect(harness.read(id) == .wouldBlock)
    #expect(isDeviceFree)
  }

  /// A device that completes checksums has none to show.
  @Test func verified_isNotSummedUp() {
    var packet = harness.packet(Segment(.push, 1, ack: 1, [1, 2]))
    var bytes = packet.mutableBytes
    bytes.storeBigEndian(UInt16(0), at: TCPHeader.Field.checksum)
    packet.isChecksumVerified = true
    harness.receive(packet)
    #expect(harness.read(id) == .bytes([1, 2]))
    #expect(harness.tcp.counters.checksumWrong == 0)
  }

  @Test func headerInTwoSlots_isDropped() {
    let whole = harness.packet(Segment([], 1, ack: 1, [1, 2]))
    let bytes = Array(copying: whole.bytes)
    var packet = device.allocate()!
    packet.append(copying: Array(bytes[..<19]).rawSpan)
    var fragment = device.allocate()!
    fragment.append(copying: Array(bytes[19...]).rawSpan)
    packet.append(fragment: fragment)
    harness.receive(packet)
    #expect(harness.tcp.counters.malformed == 1)
    #expect(isDeviceFree)
  }

  // MARK: Against one slot

  /// The same segments, to one connection in pieces and to another in one slot:
  /// the same is read, acknowledged and counted.
  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func randomPieces_areAsOneSlot(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 21))
    let (linear, linearID) = TCPHarness.established()
    var next = 0
    var bytes: ([UInt8], [UInt8]) = ([], [])
    for round in 0..<300 {
      let comment: Comment = "seed \(seed), round \(round)"
      let start = max(0, next + Int.random(in: -1500...1500, using: &random))
      let count = Int.random(in: 0...1800, using: &random)
      let segment = Segment([], 1 + start, ack: 1, pattern(count, from: start))
      let cuts = (0..<Int.random(in: 0...4, using: &random)).map { _ in
        Int.random(in: 0...count, using: &random)
      }
      harness.receive(packet(segment, cut: cuts.sorted()))
      linear.receive(segment)
      let sent = (harness.drain(), linear.drain())
      #expect(
        sent.0.map(\.acknowledgement) == sent.1.map(\.acknowledgement),
        comment
      )
      let counters = (harness.tcp.counters, linear.tcp.counters)
      #expect(
        counters.0.duplicateBytes == counters.1.duplicateBytes,
        comment
      )
      if Bool.random(using: &random) {
        bytes.0 += readAll()
        while case .bytes(let more) = linear.read(linearID) { bytes.1 += more }
        #expect(bytes.0 == bytes.1, comment)
        next = bytes.0.count
      }
    }
    #expect(bytes.0 == pattern(bytes.0.count), "seed \(seed)")
    #expect(next > 20_000, "seed \(seed)")
    harness.abort(id)
    #expect(isDeviceFree, "seed \(seed)")
  }
}
