import PCI
import PCIModel
import Packets
import Testing

@testable import Virtio

/// Commands and answers. VIRTIO 1.2 §5.1.6.5.
@Suite struct ControlQueueTests {
  typealias Build = NetworkDeviceModel.Build

  /// Modern, legacy, and legacy with descriptors as they were. §5.1.6.6.
  static let ways: [(isLegacy: Bool, offered: UInt64)] = [
    (false, ControlRig.controls), (true, ControlRig.controls),
    (true, ControlRig.controls & ~FeatureBit.anyLayout.mask),
    (false, ControlRig.controls | FeatureBit.indirectDesc.mask),
    (
      false,
      ControlRig.controls | FeatureBit.bits(.ringPacked, .eventIdx, .inOrder)
    ),
    (
      false,
      ControlRig.controls | FeatureBit.bits(.ringPacked, .notificationData)
    ),
  ]

  /// QEMU starts promiscuous: both modes are told, the rest is empty.
  @Test(arguments: ways.indices)
  func started_receivesOnlyItsOwn(_ way: Int) throws {
    let way = Self.ways[way]
    let rig = ControlRig(Build(offered: way.offered), isLegacy: way.isLegacy)
    rig.model.control.modes = [.promiscuous, .allMulticast]
    var device = try rig.start()
    #expect(rig.takeCommands() == ["0.0 0", "0.1 0"])
    let counted = device.controlCounters
    #expect(counted.commands == 2 && counted.refused == 0)
    #expect(!rig.model.deliver(frame(to: address(1))))
    #expect(rig.model.deliver(frame(to: 0x5254_0012_3456)))
    #expect(rig.model.deliver(frame(to: 0xFFFF_FFFF_FFFF)))
    var received = 0
    while device.receiveBytes() != nil { received += 1 }
    #expect(received == 2)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
    #expect(rig.machine.violations == [])
  }

  /// §5.1.6.6: class and command, each table, and the ack by themselves.
  @Test func tableOnOldLegacy_hasADescriptorForEachPart() throws {
    let way = Self.ways[2]
    let rig = ControlRig(Build(offered: way.offered), isLegacy: true)
    var device = try rig.start()
    var lengths: [[Int]] = []
    rig.model.beforeLooking = { model in
      // It looks twice: when it is notified, and for the command.
      guard lengths.isEmpty else { return }
      let queue = model.queues[2]
      let memory = model.memory
      let head: UInt16 = memory.load(queue.driverArea + 4 + 4)
      var (index, parts) = (head, [Int]())
      while true {
        let base = queue.descriptors + 16 * UInt64(index)
        parts.append(Int(memory.load(base + 8, as: UInt32.self)))
        guard memory.load(base + 12, as: UInt16.self) & 1 != 0 else { break }
        index = memory.load(base + 14)
      }
      lengths.append(parts)
    }
    try device.setFilter(
      unicast: [address(1), address(2)],
      multicast: [address(3, isGroup: true)]
    )
    #expect(lengths == [[2, 16, 10, 1]])
    rig.model.beforeLooking = nil
    #expect(rig.model.control.table.count == 3)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test(arguments: ways.indices)
  func refused_isSaidAndCounted(_ way: Int) throws {
    let way = Self.ways[way]
    let rig = ControlRig(Build(offered: way.offered), isLegacy: way.isLegacy)
    var device = try rig.start()
    rig.model.controlAnswer = .refuses
    expect(.refused) { () throws(ControlError) in
      try device.setPromiscuous(true)
    }
    let (filter, counted) = (device.receiveFilter, device.controlCounters)
    #expect(filter.modes == [])
    #expect(counted.refused == 1)
    // It goes on, and what was half told is told whole.
    rig.model.controlAnswer = .honest
    _ = rig.takeCommands()
    try device.setAllMulticast(true)
    #expect(rig.model.control.modes == [.allMulticast])
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// §2.7.8.2: what was not said to be written is not looked at.
  @Test(arguments: [
    ControlAnswer.with(0xA5), .with(1), .withLength(0), .withLength(2),
    .withLength(.max),
  ])
  func answerRubbish_isRefusal(_ answer: ControlAnswer) throws {
    let rig = ControlRig()
    var device = try rig.start()
    rig.model.controlAnswer = answer
    expect(.refused) { () throws(ControlError) in
      try device.setPromiscuous(true)
    }
    rig.model.controlAnswer = .honest
    try device.setPromiscuous(true)
    #expect(rig.model.control.modes == [.promiscuous])
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// The wait ends, the queue is given up, the rest of the device goes on; a
  /// restart makes it good again, with what was set before.
  @Test func unanswered_endsTheUseOfTheQueueUntilARestart() throws {
    let rig = ControlRig()
    var device = try rig.start()
    try device.setFilter(unicast: [address(9)], multicast: [])
    rig.model.controlAnswer = .never
    expect(.unanswered) { () throws(ControlError) in
      try device.setPromiscuous(true)
    }
    let commands = rig.model.commands.count
    expect(.unanswered) { () throws(ControlError) in
      try device.setPromiscuous(true)
    }
    #expect(rig.model.commands.count == commands)
    let (counted, isBroken) = (device.controlCounters, device.isBroken)
    #expect(counted.unanswered == 1)
    #expect(!isBroken)
    #expect(rig.model.deliver(frame(to: address(9))))
    let received = device.receiveBytes()
    #expect(received != nil)

    rig.model.controlAnswer = .honest
    try device.restart()
    #expect(rig.model.control.table == [octets(address(9))])
    try device.setPromiscuous(true)
    let after = device.controlCounters
    #expect(after.unanswered == 1)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  @Test func unansweredAtStart_theDeviceIsUsedWithoutIt() throws {
    let rig = ControlRig()
    rig.model.controlAnswer = .never
    var device = try rig.start()
    let counted = device.controlCounters
    #expect(counted.commands == 1 && counted.unanswered == 1)
    #expect(rig.model.deliver(frame(to: 0x5254_0012_3456)))
    let received = device.receiveBytes()
    #expect(received != nil)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// A device that is dropped with a command keeps the command's memory: the
  /// pool, which traps when a packet outlives it, is kept too.
  @Test func droppedWithACommand_nothingIsFreed() throws {
    let rig = ControlRig()
    let entry = AddressAssignment(
      enumerate(rig.machine.host),
      rig.machine.host
    ).entries[0]
    AddressAssignment([entry.function], rig.machine.host)
      .enable(entry.function, rig.machine.host)
    let transport = try DeviceTransport(
      rig.machine.host,
      entry,
      hasVectors: false
    )
    try transport.reset()
    transport.status = [.acknowledge]
    transport.status = [.acknowledge, .driver]
    let features: Features = [.version1, .ctrlVQ, .ctrlRX]
    transport.accept(features)
    transport.status = [.acknowledge, .driver, .featuresOK]
    _ = transport.status
    var control: ControlQueue? = try ControlQueue.make(
      of: transport,
      2,
      features,
      mostReads: 5
    )
    try control?.enable(on: transport)
    transport.status = [.acknowledge, .driver, .featuresOK, .driverOK]
    rig.model.controlAnswer = .never
    expect(.unanswered) { () throws(ControlError) in
      guard let control else { return }
      try control.perform(try control.begin(.setPairs), on: transport)
    }
    weak let dropped = control
    control = nil
    #expect(dropped == nil)
  }

  @Test func needsResetWhileWaiting_endsTheWait() throws {
    let rig = ControlRig()
    var device = try rig.start { $0.controlReads = .max }
    rig.model.controlAnswer = .never
    rig.model.tamperRead = { [model = rig.model] register, offset, _ in
      register == 4 && offset == 20 && !model.isResetting ? 0x4F : nil
    }
    expect(.unanswered) { () throws(ControlError) in
      try device.setPromiscuous(true)
    }
    rig.model.tamperRead = nil
    rig.model.controlAnswer = .honest
    try device.restart()
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  @Test func notOffered_isSaid() throws {
    let offered = FeatureBit.bits(.mac, .version1, .ctrlVQ)
    let rig = ControlRig(Build(offered: offered))
    var device = try rig.start()
    expect(.notOffered) { () throws(ControlError) in
      try device.setPromiscuous(true)
    }
    expect(.notOffered) { () throws(ControlError) in
      try device.acknowledgeAnnouncement()
    }
    expect(.notOffered) { () throws(ControlError) in
      try device.setGuestOffloads([])
    }
    expect(.notOffered) { () throws(ControlError) in
      try device.setCoalescing(
        receive: Coalescing(packets: 1, microseconds: 1),
        transmit: Coalescing(packets: 1, microseconds: 1)
      )
    }
    expect(.notOffered) { () throws(ControlError) in
      try device.setMACAddress(address(1))
    }
    #expect(rig.model.commands == [])
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func offeredWithoutAQueue_isGivenUp() {
    let rig = ControlRig(
      Build(offered: ControlRig.controls, queueSizes: [64, 64, 0])
    )
    expect(.badQueue) { () throws(VirtioError) in try rig.start().stop() }
    #expect(rig.model.status & 0x80 != 0)
    #expect(rig.model.violations == [])
  }
}
