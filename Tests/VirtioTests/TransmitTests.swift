import PCIModel
import Packets
import Testing

@testable import Virtio

/// Frames with fragments and what is left to the device. VIRTIO 1.2 §5.1.6.2.
@Suite struct TransmitTests {
  typealias Build = NetworkDeviceModel.Build
  typealias Device = Rig.Device

  private static let offloads = FeatureBit.bits(
    .version1,
    .mac,
    .csum,
    .hostTSO4,
    .hostTSO6,
    .hostECN,
    .hostUFO,
    .hostUSO
  )

  /// Every way for a chain to get to the device.
  static let queues: [UInt64] = [
    0, FeatureBit.indirectDesc.mask, FeatureBit.ringPacked.mask,
    FeatureBit.bits(.ringPacked, .indirectDesc),
    FeatureBit.bits(.inOrder, .indirectDesc, .eventIdx),
  ]

  /// A frame of 54 bytes and fragments of 100, each another.
  private func packet(_ rig: Rig, fragments: Int) -> (PacketBuffer?) {
    var packet = rig.packet(frame(1, length: 54))
    for index in 0..<fragments {
      guard let fragment = rig.packet(frame(index, length: 100)) else {
        return nil
      }
      packet?.append(fragment: fragment)
    }
    return packet
  }

  @Test(arguments: queues, [0, 1, 2, Int.max])
  func fragments_areSentInOrder(_ features: UInt64, _ count: Int) throws {
    let rig = Rig(
      .modernLine,
      Build(offered: Self.offloads | features, mtu: 1500)
    )
    var device = try rig.start()
    let most = device.mostFragments
    let hasTables = features & FeatureBit.indirectDesc.mask != 0
    #expect(most == 40)
    let fragments = min(count, most)
    let canTransmit = device.canTransmit()
    #expect(canTransmit)
    // As a TSO packet it may be larger than a frame; the checksum is anything.
    guard let packet = packet(rig, fragments: fragments) else {
      Issue.record("the pool is empty")
      return
    }
    let free = device.pairs[0].transmit.freeCount
    rig.model.sendsAtOnce = false
    device.transmit(packet)
    let taken = free - device.pairs[0].transmit.freeCount
    #expect(taken == (hasTables ? 1 : 1 + fragments))
    device.flush()
    rig.model.send()
    var expected = frame(1, length: 54)
    for index in 0..<fragments { expected += frame(index, length: 100) }
    #expect(rig.model.sent == [expected])
    // A frame as long as that is the test's doing.
    let allowed: [Violation] = expected.count > 1514 ? [.frameTooLong] : []
    #expect(rig.model.violations == allowed)
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// How many fragments a ring allows: a quarter of it, or a table as long as
  /// the queue.
  @Test(arguments: [
    (UInt16(2), 0, 0), (4, 0, 2), (8, 0, 6), (16, 2, 14), (64, 14, 40),
    (256, 40, 40),
  ])
  func mostFragments_isWhatTheRingAllows(
    _ size: UInt16,
    _ inRing: Int,
    _ inTable: Int
  ) throws {
    for (features, most) in [
      (UInt64(0), inRing), (FeatureBit.indirectDesc.mask, inTable),
    ] {
      let rig = Rig(
        .modernLine,
        Build(offered: Self.offloads | features, queueSizes: [size, size])
      )
      let device = try rig.start()
      let mostFragments = device.mostFragments
      #expect(mostFragments == most)
      try device.stop()
    }
  }

  /// Where a frame takes several descriptors, there is room for it or none of
  /// it goes.
  @Test(arguments: [UInt64(0), FeatureBit.ringPacked.mask])
  func ringNearlyFull_pushesBack(_ features: UInt64) throws {
    let rig = Rig(
      .modernLine,
      Build(offered: Self.offloads | features, queueSizes: [16, 16])
    )
    var device = try rig.start()
    rig.model.sendsAtOnce = false
    var count = 0
    while device.canTransmit(), let packet = packet(rig, fragments: 2) {
      device.transmit(packet)
      count += 1
    }
    device.flush()
    // Five of three; the one that is left is not enough.
    #expect(count == 5)
    rig.model.send(atMost: 1)
    let canTransmit = device.canTransmit()
    #expect(canTransmit)
    let full = device.counters.transmitRingFull
    #expect(full == 1)
    rig.model.send()
    #expect(rig.model.sent.count == 5)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  struct Large: Sendable {
    var kind: SegmentationKind
    var type: UInt8
    var frame: Traffic.Kind
    var feature: FeatureBit
    var isMarked = false
  }

  static let large: [Large] = [
    Large(kind: .tcp4, type: 1, frame: .tcp4, feature: .hostTSO4),
    Large(kind: .tcp6, type: 4, frame: .tcp6, feature: .hostTSO6),
    Large(kind: .udp, type: 5, frame: .udp4, feature: .hostUSO),
    Large(kind: .udp, type: 5, frame: .udp6, feature: .hostUSO),
    Large(kind: .udpFragments, type: 3, frame: .udp4, feature: .hostUFO),
    Large(
      kind: .tcp4,
      type: 1,
      frame: .tcp4,
      feature: .hostECN,
      isMarked: true
    ),
  ]

  private func packet(_ rig: Rig, _ test: Large, _ bytes: [UInt8]) -> (
    PacketBuffer?
  ) {
    var packet = rig.packet(Traffic.begun(bytes))
    let header = test.frame.headerSize
    packet?.partialChecksum = .init(
      start: header - (test.frame.isTCP ? 20 : 8),
      field: test.frame.isTCP ? 16 : 6
    )
    packet?.segmentation = .init(
      kind: test.kind,
      segmentSize: 400,
      headerSize: header,
      isCongestionMarked: test.isMarked
    )
    return packet
  }

  @Test(arguments: large.indices)
  func largePacket_isCutByTheDevice(_ index: Int) throws {
    let test = Self.large[index]
    let rig = Rig(.modernLine, Build(offered: Self.offloads))
    var device = try rig.start()
    let whole = Traffic.frame(
      test.frame,
      1,
      payload: 1300,
      isCongestionMarked: test.isMarked
    )
    if let packet = packet(rig, test, whole) { device.transmit(packet) }
    device.flush()
    let frames = Segmentation.frames(whole, type: test.type, segmentSize: 400)
    #expect(rig.model.wire == frames)
    #expect(rig.model.wire.count == 4)
    #expect(rig.model.violations == [])
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// What the device has not agreed to is dropped and counted, and goes back.
  @Test(arguments: large.indices)
  func largePacket_notAgreedTo_isDropped(_ index: Int) throws {
    let test = Self.large[index]
    let rig = Rig(
      .modernLine,
      Build(offered: Self.offloads & ~test.feature.mask)
    )
    var device = try rig.start()
    let whole = Traffic.frame(
      test.frame,
      1,
      payload: 1300,
      isCongestionMarked: test.isMarked
    )
    if let packet = packet(rig, test, whole) { device.transmit(packet) }
    device.flush()
    let count = device.counters.transmitUnsupported
    let packets = device.sent.packets
    #expect(count == 1)
    #expect(packets == 0)
    #expect(rig.model.sent == [])
    #expect(rig.pool.available == rig.pool.capacity)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func checksumNotAgreedTo_isDropped() throws {
    let rig = Rig(.modernLine)
    var device = try rig.start()
    if var packet = rig.packet(Traffic.frame(.udp4, 1, payload: 9)) {
      packet.partialChecksum = .init(start: 34, field: 6)
      device.transmit(packet)
    }
    let count = device.counters.transmitUnsupported
    #expect(count == 1)
    try device.stop()
    #expect(rig.hasAllPackets)
  }
}
