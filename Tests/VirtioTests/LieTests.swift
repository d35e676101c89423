import PCIModel
import Packets
import Testing

@testable import Virtio

/// Each lie that the model knows, told to the driver on each kind of ring: that
/// packet is lost, or the device restarted, and counted either way.
/// VIRTIO 1.2 §2.7.8, §5.1.6.4.
@Suite struct LieTests {
  typealias Build = NetworkDeviceModel.Build
  typealias Lie = NetworkDeviceModel.Lie

  static let rings: [UInt64] = [
    0, FeatureBit.eventIdx.mask, FeatureBit.ringPacked.mask,
    FeatureBit.bits(.ringPacked, .eventIdx, .indirectDesc),
  ]

  private static let offered = FeatureBit.bits(
    .version1,
    .mac,
    .csum,
    .mrgRxbuf,
    .guestCsum,
    .guestTSO4
  )

  private func makeRig(_ features: UInt64) -> Rig {
    Rig(
      .modernLine,
      Build(offered: Self.offered | features, queueSizes: [16, 16]),
      receiveMemory: 1 << 20
    )
  }

  /// What the driver makes of a lie in the receive ring.
  enum Outcome: Equatable {
    case broken
    case tooLong, tooShort, badHeader, partly, badMerge
    case nothing
  }

  private func outcome(_ lie: Lie) -> Outcome? {
    switch lie {
    case .usedIDOutOfRange, .usedIDHuge, .usedIDNotInFlight, .usedTwice,
      .usedIndexJumps, .usedIndexBack:
      .broken
    case .usedLengthTooLong, .usedLengthHuge: .tooLong
    case .usedLengthShort, .usedLengthZero: .tooShort
    case .bufferCountZero, .checksumStartOutside, .checksumOffsetOutside,
      .segmentSizeZero, .segmentationNotNegotiated, .segmentationUnknown:
      .badHeader
    case .bufferCountHuge, .bufferCountTooMany: .partly
    // A part that is not full is as good as any, and the length of the headers
    // is not to be relied on. §5.1.6.4.2.
    case .buffersNotFull, .headerLengthOutside, .interruptForNothing,
      .eventRubbish:
      .nothing
    case .usedWrapWrong, .usedPlaceWrong, .checksumNotNegotiated,
      .configurationUnsteady, .answerRubbish, .answerNotWritten:
      nil
    }
  }

  private func outcome(of device: inout Rig.Device) -> Outcome {
    while device.receive() != nil {}
    if device.isBroken { return .broken }
    let counters = device.counters
    if counters.receivedTooLong == 1 { return .tooLong }
    if counters.receivedTooShort == 1 { return .tooShort }
    if counters.receivedBadHeader == 1 { return .badHeader }
    if counters.receivedPartly == 1 { return .partly }
    return counters.receivedBadMerge == 1 ? .badMerge : .nothing
  }

  @Test(arguments: Lie.allCases, rings)
  func toldWhenReceiving(_ lie: Lie, _ features: UInt64) throws {
    let rig = makeRig(features)
    var device = try rig.start()
    guard rig.model.tell(lie) else { return try device.stop() }
    let outcome = outcome(of: &device)
    if let expected = self.outcome(lie) { #expect(outcome == expected) }
    try expectRestartMends(&device, rig)
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  @Test(arguments: Lie.allCases.filter { !$0.isAboutReceiving }, rings)
  func toldWhenSending(_ lie: Lie, _ features: UInt64) throws {
    let rig = makeRig(features)
    var device = try rig.start()
    rig.model.sendsAtOnce = false
    for number in 0..<4 {
      if let packet = rig.packet(frame(number)) { device.transmit(packet) }
    }
    device.flush()
    guard rig.model.tell(lie, queue: 1) else { return try device.stop() }
    device.reclaim()
    // Lengths do not matter here: §5.1.6.1.
    let isBroken = device.isBroken
    if let expected = outcome(lie) {
      #expect(isBroken == (expected == .broken))
    }
    rig.model.sendsAtOnce = true
    try expectRestartMends(&device, rig)
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// A packet that was posted and not shown yet must not come back: its memory
  /// would be the device's and the pool's at once when it is shown.
  @Test(
    arguments: [
      [], .inOrder, .ringPacked, [.ringPacked, .inOrder],
    ] as [Features]
  )
  func identifierNotShownYet_breaksTheQueue(_ features: Features) {
    let pool = PacketPool(capacity: 4)
    var queue = Virtqueue(size: 4, format: .of(features))
    let ring = RingMemory(queue)
    queue.post(64, of: pool)
    _ = queue.publish()
    queue.post(64, of: pool)
    // The descriptors are given out in order: this is the second's.
    if features.contains(.ringPacked) {
      ring.setUsed(0, 1, 64, flags: 0x8080)
    } else {
      ring.setUsed(0, 1, 64)
      ring.setUsedIndex(1)
    }
    let written = queue.takeWritten()
    let isBroken = queue.isBroken
    #expect(written == nil)
    #expect(isBroken)
    #expect(pool.available == 2)
    queue.takeBack()
    #expect(pool.available == 4)
  }

  private func expectRestartMends(
    _ device: inout Rig.Device,
    _ rig: Rig
  ) throws {
    try device.restart()
    let isBroken = device.isBroken
    #expect(!isBroken)
    #expect(rig.model.deliver(frame(9)))
    let received = device.receiveBytes()
    #expect(received == frame(9))
    let canTransmit = device.canTransmit()
    #expect(canTransmit)
    if let packet = rig.packet(frame(8)) { device.transmit(packet) }
    device.flush()
    #expect(rig.model.sent.last == frame(8))
  }

  /// Every counter, by its name, in the order in which they are shown.
  @Test func counters_haveNamesAndAnOrder() throws {
    let rig = Rig(.modernLine)
    var device = try rig.start()
    rig.model.deliver(frame(1))
    _ = device.receive()
    _ = device.acknowledgeInterrupt()
    var seen: [String] = []
    device.forEachCounter { seen.append("\($0): \($2)") }
    #expect(
      seen == [
        "virtio: frames received: 1",
        "virtio: frames sent: 0",
        "virtio: receive notifications: 1",
        "virtio: transmit notifications: 0",
        "virtio: bytes received: 60",
        "virtio: bytes sent: 0",
        "virtio: taken back by queue resets: 0",
        "virtio: control commands: 0",
        "virtio: control commands refused: 0",
        "virtio: control commands unanswered: 0",
        "virtio: interrupts: 1",
        "virtio: interrupt status reads: 1",
        "virtio: interrupt answers: 0",
        "virtio: receive pool empty: 0",
        "virtio: transmit ring full: 0",
        "virtio: dropped, longer than its buffer: 0",
        "virtio: dropped, shorter than its headers: 0",
        "virtio: dropped, bad header: 0",
        "virtio: dropped, came only partly: 0",
        "virtio: dropped, bad merge: 0",
        "virtio: dropped, of another VLAN: 0",
        "virtio: frames with a hash: 0",
        "virtio: dropped, not agreed to: 0",
        "virtio: dropped, lost to a reset: 0",
        "virtio: polled frames not sent in time: 0",
        "virtio: queue resets: 0",
        "virtio: restarts: 0",
        "virtio: exits: 3",
      ]
    )
    try device.stop()
  }
}
