import Packets
import Testing
import Virtio

/// When the device interrupts, and what the driver makes of it.
/// VIRTIO 1.2 §2.7.7 and §4.1.5.4.
@Suite struct InterruptTests {
  typealias Build = NetworkDeviceModel.Build

  @Test(arguments: Rig.Way.allCases)
  func started_doesNotInterrupt(_ way: Rig.Way) throws {
    let rig = Rig(way)
    let device = try rig.start()
    rig.model.deliver(frame(1))
    #expect(rig.model.interrupts == [])
    try device.stop()
  }

  @Test(arguments: Rig.Way.allCases)
  func enabled_frameInterrupts(_ way: Rig.Way) throws {
    let rig = Rig(way)
    var device = try rig.start()
    let hasWork = device.enableInterrupts()
    #expect(!hasWork)
    rig.model.deliver(frame(1))
    #expect(rig.model.interrupts == [way.hasVectors ? 1 : nil])
    device.disableInterrupts()
    rig.model.deliver(frame(2))
    #expect(rig.model.interrupts.count == 1)
    try device.stop()
  }

  /// §2.7.7.2: what came just before gives no interrupt, so it is looked for.
  @Test(arguments: Rig.Way.allCases)
  func enabled_frameCameBefore_isSaid(_ way: Rig.Way) throws {
    let rig = Rig(way)
    var device = try rig.start()
    rig.model.deliver(frame(1))
    let hasWork = device.enableInterrupts()
    #expect(hasWork)
    #expect(rig.model.interrupts == [])
    try device.stop()
  }

  @Test(arguments: Rig.Way.allCases)
  func sent_doesNotInterruptUnlessTheRingWasFull(_ way: Rig.Way) throws {
    let rig = Rig(way, Build(queueSizes: [4, 4]))
    var device = try rig.start()
    rig.model.sendsAtOnce = false
    if let packet = rig.packet(frame(0)) { device.transmit(packet) }
    device.flush()
    _ = device.enableInterrupts()
    rig.model.send()
    #expect(rig.model.interrupts == [])
    device.disableInterrupts()

    while device.canTransmit(), let packet = rig.packet(frame(1)) {
      device.transmit(packet)
    }
    device.flush()
    let hasWork = device.enableInterrupts()
    #expect(!hasWork)
    rig.model.send(atMost: 1)
    #expect(rig.model.interrupts == [way.hasVectors ? 2 : nil])
    device.disableInterrupts()

    // Once there is room nobody waits any more.
    let canTransmit = device.canTransmit()
    #expect(canTransmit)
    _ = device.enableInterrupts()
    rig.model.send()
    #expect(rig.model.interrupts.count == 1)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// §2.7.7.2: room that there was before the request gives no interrupt.
  @Test(arguments: Rig.Way.allCases)
  func ringWasFull_roomCameBeforeTheRequest_isSaid(_ way: Rig.Way) throws {
    let rig = Rig(way, Build(queueSizes: [4, 4]))
    var device = try rig.start()
    rig.model.sendsAtOnce = false
    while device.canTransmit(), let packet = rig.packet(frame(1)) {
      device.transmit(packet)
    }
    device.flush()
    rig.model.send(atMost: 1)
    let hasWork = device.enableInterrupts()
    #expect(hasWork)
    #expect(rig.model.interrupts == [])
    let canTransmit = device.canTransmit()
    #expect(canTransmit)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test(arguments: [Rig.Way.legacyLine, .modernLine])
  func line_isTakenBackByReadingWhy(_ way: Rig.Way) throws {
    let rig = Rig(way)
    var device = try rig.start()
    _ = device.enableInterrupts()
    rig.model.deliver(frame(1))
    rig.model.changeLink(isUp: false)
    #expect(rig.model.isLinePulled)
    let reasons = device.acknowledgeInterrupt()
    #expect(reasons == [.queue, .configuration])
    #expect(!rig.model.isLinePulled)
    // Another device on the line: nothing of ours.
    let none = device.acknowledgeInterrupt()
    #expect(none == [])
    let interrupts = device.counters.interrupts
    #expect(interrupts == 2)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test(arguments: Rig.Way.allCases)
  func link_isReadAgainAfterAChange(_ way: Rig.Way) throws {
    let rig = Rig(way)
    let device = try rig.start()
    let before = device.isLinkUp
    rig.model.changeLink(isUp: false)
    let after = device.isLinkUp
    #expect(before)
    #expect(!after)
    #expect(rig.model.interrupts == [way.hasVectors ? 0 : nil])
    try device.stop()
    #expect(rig.model.violations == [])
  }
}
