import Packets
import Testing

@testable import Virtio

/// What a restart keeps, and what it does not ask for again. VIRTIO 1.2 §2.1.2.
@Suite struct RestartTests {
  typealias Build = NetworkDeviceModel.Build

  /// A device that gives itself another address meanwhile is told the one that
  /// the interface is known by: by a command, in its field, in its table.
  @Test(arguments: [
    (false, ControlRig.controls),
    (true, ControlRig.controls & ~FeatureBit.ctrlMACAddr.mask),
    (false, ControlRig.controls & ~FeatureBit.ctrlMACAddr.mask),
  ])
  func anotherAddress_theInterfaceKeepsItsOwn(
    _ isLegacy: Bool,
    _ offered: UInt64
  ) throws {
    let rig = ControlRig(Build(offered: offered), isLegacy: isLegacy)
    var device = try rig.start()
    let before = device.macAddressBits
    rig.model.permanentAddress = octets(address(77))
    try device.restart()
    let after = device.macAddressBits
    #expect(after == before)
    #expect(rig.model.deliver(frame(to: before, 3)))
    let received = device.receiveBytes()
    #expect(received == frame(to: before, 3))
    // Once more: it is not forgotten.
    try device.restart()
    #expect(device.macAddressBits == before)
    #expect(rig.model.deliver(frame(to: before, 4)))
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// One wait for each of two starts, then none; the device is used without.
  @Test func controlQueueNeverAnswers_itIsLeftOut() throws {
    let rig = ControlRig()
    rig.model.controlAnswer = .never
    var device = try rig.start()
    var unanswered: [UInt64] = []
    for _ in 0..<5 {
      try device.restart()
      unanswered.append(device.controlCounters.unanswered)
    }
    #expect(unanswered == [2, 2, 2, 2, 2])
    #expect(!device.features.contains(.ctrlVQ))
    let own = device.macAddressBits
    #expect(rig.model.deliver(frame(to: own)))
    let received = device.receiveBytes()
    #expect(received == frame(to: own))
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// An answer in between makes it good again.
  @Test func controlQueueAnswersAgain_itIsKept() throws {
    let rig = ControlRig()
    var device = try rig.start()
    for _ in 0..<4 {
      rig.model.controlAnswer = .never
      expect(.unanswered) { () throws(ControlError) in
        try device.setPromiscuous(true)
      }
      rig.model.controlAnswer = .honest
      try device.restart()
      try device.restart()
      #expect(device.features.contains(.ctrlVQ))
    }
    try device.setPromiscuous(true)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// Four pairs, and only one when the device is used without its control
  /// queue: what the others have counted stays in the sums.
  @Test func fewerPairs_whatWasCountedStays() throws {
    var build = Build(offered: MultiqueueTests.mq)
    build.pairs = 4
    let rig = ControlRig(build)
    var device = try rig.start { $0.queuePairs = 4 }
    for flow in 0..<16 {
      let bytes = MultiqueueTests.datagram(flow, 0, toUs: false)
      if let packet = rig.packet(bytes) { device.transmit(packet) }
    }
    device.flush()
    var (frames, exits) = (device.sent.packets, device.exits)
    #expect(frames == 16)
    rig.model.controlAnswer = .never
    for _ in 0..<4 {
      try device.restart()
      let (framesNow, exitsNow) = (device.sent.packets, device.exits)
      #expect(framesNow >= frames && exitsNow >= exits)
      (frames, exits) = (framesNow, exitsNow)
    }
    #expect(frames >= 16)
    let pairs = device.pairCount
    #expect(pairs == 1)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// Four frames that the device has not sent, and three that nobody has taken.
  @Test func whatIsLost_isCounted() throws {
    let rig = ControlRig()
    var device = try rig.start()
    let own = device.macAddressBits
    rig.model.stalled = [1]
    for number in 0..<4 {
      if let packet = rig.packet(frame(number)) { device.transmit(packet) }
    }
    device.flush()
    for number in 0..<3 {
      #expect(rig.model.deliver(frame(to: own, number)))
    }
    try device.restart()
    let (counters, sent, received) = (
      device.counters, device.sent, device.received
    )
    #expect(counters.lostToResets == 7)
    #expect(sent.dropped == 4)
    #expect(received.dropped == 3)
    try device.restart()
    #expect(device.counters.lostToResets == 7)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// A device that does not come to rest is given no command.
  @Test func resetRefused_noCommandIsGiven() throws {
    let rig = ControlRig()
    var device = try rig.start()
    _ = unsafe Unmanaged.passRetained(device.receivePool)
    _ = rig.takeCommands()
    rig.model.tamperRead = { register, offset, _ in
      register == 4 && offset == 20 ? 0x0F : nil
    }
    expect(.resetFailed) { () throws(VirtioError) in try device.restart() }
    let notifications = rig.model.notifications
    expect(.unanswered) { () throws(ControlError) in
      try device.setPromiscuous(true)
    }
    #expect(rig.model.notifications == notifications)
    #expect(rig.takeCommands() == [])
  }

  /// What is no address for an interface is not taken: the driver chooses one
  /// and tells the device.
  @Test(
    arguments: [
      [1, 0, 0x5E, 0, 0, 1], [255, 255, 255, 255, 255, 255],
      [0, 0, 0, 0, 0, 0],
    ] as [[UInt8]]
  )
  func senselessAddress_theDriverChoosesOne(_ told: [UInt8]) throws {
    var build = Build(offered: ControlRig.controls)
    build.macAddress = told
    let rig = ControlRig(build)
    var device = try rig.start()
    let own = device.macAddressBits
    #expect(ReceiveFilter.isUnicast(own))
    #expect(rig.model.control.macAddress == octets(own))
    try device.restart()
    #expect(device.macAddressBits == own)
    #expect(rig.model.deliver(frame(to: own)))
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// The buffers stay as they are, so a larger MTU is not agreed on.
  @Test func largerMTU_isNotAccepted() throws {
    var build = Build(offered: ControlRig.controls | FeatureBit.mtu.mask)
    build.mtu = 1500
    let rig = ControlRig(build)
    var device = try rig.start()
    #expect(device.mtu == 1500)
    rig.model.mtu = 9000
    try device.restart()
    #expect(device.mtu == nil)
    rig.model.mtu = 600
    try device.restart()
    #expect(device.mtu == 600)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }
}
