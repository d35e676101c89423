import Packets
import Testing

@testable import Virtio

/// Frames without interrupts and without the loop.
@Suite struct PolledTests {
  typealias Build = NetworkDeviceModel.Build

  static let builds: [UInt64] = [
    FeatureBit.bits(.mac, .anyLayout, .version1),
    FeatureBit.bits(.mac, .version1, .ringPacked, .eventIdx),
    FeatureBit.bits(.mac, .version1, .eventIdx, .indirectDesc),
  ]

  @Test(arguments: builds.indices, [false, true])
  func polled_bothWays_withoutAnInterrupt(
    _ build: Int,
    _ isLegacy: Bool
  ) throws {
    let rig = ControlRig(
      Build(offered: Self.builds[build] | FeatureBit.anyLayout.mask),
      isLegacy: isLegacy
    )
    var device = try rig.start()
    for number in 0..<300 {
      let bytes = frame(to: 0x5254_0012_3456, number)
      if let packet = rig.packet(bytes) {
        let isSent = device.transmitPolled(packet)
        #expect(isSent)
      }
      #expect(rig.model.sent.last == bytes)
      #expect(rig.pool.available == rig.pool.capacity)
      rig.model.deliver(bytes)
      let received = device.receivePolledBytes(reads: 1)
      #expect(received == bytes)
    }
    #expect(rig.model.interrupts == [])
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// The loop has posted and not shown it, the ring is full, interrupts are on:
  /// all of that is finished on the way.
  @Test(arguments: builds.indices)
  func loopStoppedAnywhere_isFinishedFirst(_ build: Int) throws {
    let rig = ControlRig(
      Build(offered: Self.builds[build], queueSizes: [64, 16])
    )
    var device = try rig.start()
    _ = device.enableInterrupts()
    var posted: [[UInt8]] = []
    while device.canTransmit(), posted.count < 50 {
      let bytes = frame(to: address(1), posted.count)
      if let packet = rig.packet(bytes) { device.transmit(packet) }
      posted.append(bytes)
    }
    #expect(posted.count > 1)
    let last = frame(to: address(2))
    if let packet = rig.packet(last) {
      let isSent = device.transmitPolled(packet)
      #expect(isSent)
    }
    #expect(rig.model.sent == posted + [last])
    // The loop goes on.
    let canTransmit = device.canTransmit()
    #expect(canTransmit)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  @Test func nothingComes_endsAfterTheReads() throws {
    let rig = ControlRig()
    var device = try rig.start()
    var reads = 0
    rig.model.tamperRead = { register, offset, _ in
      if register == 4, offset == 20 { reads += 1 }
      return nil
    }
    let packet = device.receivePolledBytes(reads: 17)
    #expect(packet == nil)
    #expect(reads == 17)
    rig.model.tamperRead = nil
    try device.stop()
  }

  /// A device that sends nothing: the wait ends, and is counted.
  @Test func neverSent_endsAndIsCounted() throws {
    let rig = ControlRig()
    rig.model.sendsAtOnce = false
    var device = try rig.start()
    if let packet = rig.packet(frame(to: address(1))) {
      let isSent = device.transmitPolled(packet)
      #expect(!isSent)
    }
    let counters = device.counters
    #expect(counters.transmitPolledLost == 1)
    // It may come late.
    rig.model.send()
    device.reclaim()
    #expect(rig.pool.available == rig.pool.capacity)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func needsResetOrBrokenRings_endTheWaitAtOnce() throws {
    let rig = ControlRig()
    rig.model.sendsAtOnce = false
    var device = try rig.start()
    rig.model.askForReset()
    if let packet = rig.packet(frame(to: address(1))) {
      let isSent = device.transmitPolled(packet)
      #expect(!isSent)
    }
    let received = device.receivePolledBytes(reads: .max)
    #expect(received == nil)
    try device.restart()
    rig.model.tell(.usedIDHuge, queue: 1)
    if let packet = rig.packet(frame(to: address(1))) {
      let isSent = device.transmitPolled(packet)
      #expect(!isSent)
    }
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }
}

extension NetworkDevice {
  /// The bytes of the next frame, waited for.
  fileprivate mutating func receivePolledBytes(reads: Int) -> [UInt8]? {
    guard let packet = receivePolled(reads: reads) else { return nil }
    return bytes(of: packet)
  }
}
