import PCIModel
import Testing

/// What the model makes of headers and packets to send, and to what it
/// objects. VIRTIO 1.2 §5.1.6.2.
@Suite struct ModelSelfTestsTransmit {
  typealias Fields = PacketHeaderFields
  typealias Kind = PacketHeaderFields.Segmentation

  struct Large: Sendable {
    var packet: [UInt8]
    var type: UInt8
    var segmentSize: UInt16
    var frames: [[UInt8]]
  }

  static let larges = [
    Large(
      packet: GoldenFrames.tcp4,
      type: Kind.tcp4 | Kind.ecn,
      segmentSize: 4,
      frames: GoldenFrames.tcp4Frames
    ),
    Large(
      packet: GoldenFrames.tcp6,
      type: Kind.tcp6,
      segmentSize: 4,
      frames: GoldenFrames.tcp6Frames
    ),
    Large(
      packet: GoldenFrames.udpSegments,
      type: Kind.udpSegments,
      segmentSize: 4,
      frames: GoldenFrames.udpSegmentsFrames
    ),
    Large(
      packet: GoldenFrames.udpFragments,
      type: Kind.udpFragments,
      segmentSize: 8,
      frames: GoldenFrames.udpFragmentsFrames
    ),
    Large(
      packet: GoldenFrames.udp6Fragments,
      type: Kind.udpFragments,
      segmentSize: 8,
      frames: GoldenFrames.udp6FragmentsFrames
    ),
  ]

  static let all: [FeatureBit] = [
    .csum, .hostTSO4, .hostTSO6, .hostECN, .hostUFO, .hostUSO,
  ]

  /// Byte for byte: identifications, sequence numbers, flags, lengths, sums.
  @Test(arguments: larges)
  func largePacket_isCut(_ large: Large) {
    let driver = HandDriver(Self.all)
    driver.start()
    driver.send(
      large.packet,
      GoldenFrames.header(
        large.packet,
        large.type,
        segmentSize: large.segmentSize
      )
    )
    #expect(driver.violations == [])
    #expect(driver.model.wire == large.frames)
    #expect(driver.model.sent == [large.packet])
  }

  /// Behind an 802.1Q tag too.
  @Test func largePacketWithTag_isCut() {
    let tag: [UInt8] = [0x81, 0, 0x20, 5]
    let tagged = { (frame: [UInt8]) in
      Array(frame[..<12]) + tag + Array(frame[12...])
    }
    let driver = HandDriver(Self.all)
    driver.start()
    let packet = tagged(GoldenFrames.tcp6)
    driver.send(
      packet,
      GoldenFrames.header(packet, Kind.tcp6, segmentSize: 4)
    )
    #expect(driver.violations == [])
    #expect(driver.model.wire == GoldenFrames.tcp6Frames.map(tagged))
  }

  /// Every segment of a random packet is within its size, and together they
  /// are the packet.
  @Test(arguments: [UInt64(5), 6])
  func randomLargePackets_areWhole(_ seed: UInt64) {
    var numbers = SeededNumbers(state: seed)
    for _ in 0..<30 {
      let length = Int.random(in: 1...3000, using: &numbers)
      let size = Int.random(in: 1...1460, using: &numbers)
      var packet = Array(GoldenFrames.tcp4.prefix(66))
      packet += (0..<length).map { _ in
        UInt8.random(in: 0...255, using: &numbers)
      }
      let frames =
        Segmentation.frames(packet, type: Kind.tcp4, segmentSize: size) ?? []
      #expect(frames.flatMap { $0[66...] } == Array(packet[66...]))
      #expect(frames.count == (length + size - 1) / size)
      for frame in frames {
        let parsed = ParsedFrame(frame)
        #expect(parsed.networkEnd == frame.count)
        #expect(Checksum.sum(frame[14..<34]) == 0xFFFF)
        #expect(
          parsed.checksumField == parsed.fullChecksum(end: frame.count),
          "seed \(seed)"
        )
      }
    }
  }

  @Test func partialChecksum_isCompleted() {
    let driver = HandDriver([.csum])
    driver.start()
    var fields = Fields()
    (fields.flags, fields.checksumStart, fields.checksumOffset) = (1, 34, 16)
    var packet = GoldenFrames.complete
    let sum = ParsedFrame(packet).pseudoHeaderSum(end: packet.count)
    packet.replaceSubrange(50..<52, with: big(sum))
    driver.send(packet, fields)
    driver.send(GoldenFrames.complete)
    #expect(driver.violations == [])
    #expect(
      driver.model.wire == [GoldenFrames.complete, GoldenFrames.complete]
    )
  }
}
