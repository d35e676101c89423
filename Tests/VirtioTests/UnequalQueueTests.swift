import Packets
import Testing

@testable import Virtio

/// Pairs of queues of which one is smaller than the others, or stands still
/// while the others go on. VIRTIO 1.2 §2.7.5.3.1, §5.1.2.
@Suite struct UnequalQueueTests {
  typealias Build = NetworkDeviceModel.Build

  /// Two pairs; the second one's transmit queue has `size` descriptors.
  private func rig(_ offered: UInt64, second size: UInt16) -> ControlRig {
    var build = Build(offered: offered, queueSizes: [64, 256, 64, size])
    build.pairs = 2
    return ControlRig(build)
  }

  @Test(arguments: [
    MultiqueueTests.mq, MultiqueueTests.mq | FeatureBit.ringPacked.mask,
    MultiqueueTests.mq | FeatureBit.indirectDesc.mask,
  ])
  func secondPairSmall_framesGoOnBoth(_ offered: UInt64) throws {
    let rig = rig(offered, second: 4)
    var device = try rig.start { $0.queuePairs = 2 }
    #expect(device.pairCount == 2)
    // A table is no longer than its queue.
    #expect(device.mostFragments + 2 <= 4)
    for round in 0..<40 {
      for flow in 0..<4 {
        let hasRoom = device.canTransmit()
        #expect(hasRoom)
        let frame = MultiqueueTests.datagram(flow, round, toUs: false)
        if let packet = rig.packet(frame) { device.transmit(packet) }
        device.flush()
      }
    }
    #expect(rig.model.sent.count == 160)
    #expect(Set(rig.model.sentQueues) == [1, 3])
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// §2.7, §2.8: a ring may have one descriptor.
  @Test(arguments: [[1, 16], [16, 1], [1, 1]] as [[UInt16]], [false, true])
  func oneDescriptor_framesGoBothWays(
    _ sizes: [UInt16],
    _ isPacked: Bool
  ) throws {
    let packed = isPacked ? FeatureBit.ringPacked.mask : 0
    let more = FeatureBit.bits(.mac, .version1, .indirectDesc, .eventIdx)
    for offered in [FeatureBit.bits(.mac, .version1), more] {
      let rig = ControlRig(Build(offered: offered | packed, queueSizes: sizes))
      var device = try rig.start()
      let own = device.macAddressBits
      for number in 0..<20 {
        device.reclaim()
        let hasRoom = device.canTransmit()
        #expect(hasRoom)
        if let packet = rig.packet(frame(number)) { device.transmit(packet) }
        #expect(rig.model.deliver(frame(to: own, number)))
        let received = device.receiveBytes()
        #expect(received == frame(to: own, number))
        device.refill()
        device.flush()
      }
      #expect(rig.model.sent == (0..<20).map { frame($0) })
      try device.stop()
      #expect(rig.hasAllPackets)
      #expect(rig.model.violations == [])
    }
  }

  /// §2.7.4.3: the header of an old device's packets takes one more.
  @Test func oneDescriptorAndAHeader_isGivenUp() {
    let rig = Rig(
      .legacyLine,
      Build(offered: FeatureBit.mac.mask, queueSizes: [1, 16])
    )
    #expect(rig.failure() == .badQueue)
    #expect(rig.model.violations == [])
  }

  /// The frames of one pair are sent, those of the other are not.
  @Test func oneTransmitQueueStands_thatIsSeen() throws {
    let rig = rig(MultiqueueTests.mq, second: 256)
    var device = try rig.start { $0.queuePairs = 2 }
    rig.model.stalled = [3]
    let flows = (0..<8).map { MultiqueueTests.datagram($0, 0, toUs: false) }
    for flow in flows {
      if let packet = rig.packet(flow) { device.transmit(packet) }
    }
    device.flush()
    let live = try #require(flows.first { rig.model.sent.contains($0) })
    #expect(rig.model.sent.count < flows.count)
    var looks = 0
    var isStalled = false
    while !isStalled, looks < 2 * VirtioLimits.stalledLooks {
      if let packet = rig.packet(live) { device.transmit(packet) }
      device.flush()
      device.reclaim()
      isStalled = device.isTransmitStalled()
      looks += 1
    }
    #expect(isStalled)
    rig.model.stalled = []
    try device.restart()
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// A device that allows less for a new queue than a frame takes has broken
  /// its word; it is not waited for.
  @Test func queueRenewedTooSmall_theDeviceIsBroken() throws {
    let offered = ControlRig.controls | FeatureBit.ringReset.mask
    let rig = ControlRig(Build(offered: offered, queueSizes: [256, 256]))
    var device = try rig.start()
    rig.model.tamperRead = { register, offset, width in
      register == 4 && offset == 24 && width == 2 ? 2 : nil
    }
    expect(.badQueue) { () throws(VirtioError) in
      try device.resetQueue(pair: 0, .transmit, size: 256)
    }
    rig.model.tamperRead = nil
    let isBroken = device.isBroken
    #expect(isBroken)
    try device.restart()
    let hasRoom = device.canTransmit()
    #expect(hasRoom)
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// A ring in which the largest packet has no room: packets are no larger than
  /// a frame then, and come.
  @Test(arguments: [UInt16(2), 4, 16])
  func smallReceiveRing_noLargePackets(_ size: UInt16) throws {
    let offered =
      ControlRig.controls
      | FeatureBit.bits(.mrgRxbuf, .guestCsum, .guestTSO4)
    let rig = ControlRig(Build(offered: offered, queueSizes: [size, 64]))
    var device = try rig.start(memory: 4 << 20)
    let takesLarge = !device.features.isDisjoint(with: .guestSegmentation)
    #expect(takesLarge == (size == 16))
    for number in 0..<40 {
      #expect(rig.model.deliver(frame(to: device.macAddressBits, number)))
      let received = device.receiveBytes()
      #expect(received == frame(to: device.macAddressBits, number))
      device.refill()
      device.flush()
    }
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// Sixteen pairs on little memory: what is agreed on fits each queue.
  @Test func manyPairsLittleMemory_theLargestPacketFits() throws {
    var build = Build(
      offered: MultiqueueTests.mq
        | FeatureBit.bits(.mrgRxbuf, .guestCsum, .guestTSO4)
    )
    build.pairs = 16
    for memory in [1 << 20, 2 << 20, 4 << 20, 16 << 20] {
      let rig = ControlRig(build)
      let device = try rig.start(memory: memory) { $0.queuePairs = 16 }
      if device.features.contains(.guestTSO4) {
        let room = device.plan.slotSize - device.plan.reserve - 256
        #expect(device.mostReceivePackets * room >= 65609, "\(memory)")
      }
      try device.stop()
      #expect(rig.model.violations == [])
    }
  }
}
