import PCIModel
import Packets
import Testing

@testable import Virtio

/// Stops and restarts in the middle of traffic; every packet comes back.
/// VIRTIO 1.2 §2.4, §3.3.
@Suite struct LifeTests {
  typealias Build = NetworkDeviceModel.Build

  /// Either kind of ring, small and merged buffers.
  static let features: [UInt64] = [
    FeatureBit.bits(.version1, .mac),
    FeatureBit.bits(.version1, .mac, .ringPacked, .eventIdx),
    FeatureBit.bits(.version1, .mac, .inOrder, .indirectDesc),
    FeatureBit.bits(.version1, .mac, .mrgRxbuf, .guestCsum, .guestTSO4),
    FeatureBit.bits(
      .version1,
      .mac,
      .mrgRxbuf,
      .guestCsum,
      .guestTSO4,
      .ringPacked
    ),
  ]

  private func makeRig(_ features: UInt64) -> Rig {
    Rig(
      .modernLine,
      Build(offered: features, queueSizes: [64, 64]),
      receiveMemory: 128 * 4096
    )
  }

  /// Packets are with the app, received and not taken, posted and not shown,
  /// being sent, and sent.
  private func fill(
    _ device: inout Rig.Device,
    _ rig: Rig,
    _ held: inout PacketQueue
  ) {
    rig.model.sendsAtOnce = false
    for number in 0..<6 { rig.model.deliver(frame(number)) }
    for _ in 0..<3 {
      if let packet = device.receive() { held.append(packet) }
    }
    for number in 0..<6 {
      if let packet = rig.packet(frame(number)) { device.transmit(packet) }
      if number == 3 { device.flush() }
    }
    rig.model.send(atMost: 2)
    device.refill()
  }

  /// Gives the app's packets back; says what they held.
  private func takeAll(_ held: inout PacketQueue) -> [[UInt8]] {
    var all: [[UInt8]] = []
    while let packet = held.popFirst() { all.append(bytes(of: packet)) }
    return all
  }

  @Test(arguments: features)
  func stopped_everyPacketIsBack(_ features: UInt64) throws {
    let rig = makeRig(features)
    var device = try rig.start()
    var held = PacketQueue()
    fill(&device, rig, &held)
    try device.stop()
    // Only those in the app's hands are out.
    #expect(held.count == 3)
    #expect(rig.receivePool.available == rig.receivePool.capacity - 3)
    #expect(rig.pool.available == rig.pool.capacity)
    let numbers = takeAll(&held)
    #expect(numbers == [frame(0), frame(1), frame(2)])
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  @Test(arguments: features)
  func restarted_packetsInTheAppsHandsAreGoodAndComeBack(
    _ features: UInt64
  ) throws {
    let rig = makeRig(features)
    var device = try rig.start()
    var held = PacketQueue()
    for round in 1...3 {
      fill(&device, rig, &held)
      try device.restart()
      let restarts = Int(device.counters.restarts)
      #expect(restarts == round)
      rig.model.sendsAtOnce = true
      // What was on its way is lost, not what comes from now on.
      let none = device.receiveBytes()
      #expect(none == nil)
      rig.model.deliver(frame(50 + round))
      let received = device.receiveBytes()
      #expect(received == frame(50 + round))
      if let packet = rig.packet(frame(70 + round)) {
        device.transmit(packet)
      }
      device.flush()
      #expect(rig.model.sent.last == frame(70 + round))
      device.reclaim()
      device.refill()
      device.flush()
    }
    let numbers = takeAll(&held)
    let three = [frame(0), frame(1), frame(2)]
    #expect(numbers == three + three + three)
    // What was counted before stays counted.
    let (received, sent) = (device.received.packets, device.sent.packets)
    #expect(received == 12)
    #expect(sent == 21)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// What was posted and not shown is not shown any more, and nobody notified.
  @Test(arguments: features)
  func restartFails_nothingPostedIsShown(_ features: UInt64) throws {
    let rig = makeRig(features)
    var device = try rig.start()
    if let packet = rig.packet(frame(1)) { device.transmit(packet) }
    rig.model.tamperRead = { register, offset, width in
      // From now on it offers nothing.
      register == 4 && offset == 4 && width == 4 ? 0 : nil
    }
    var failure: VirtioError?
    do throws(VirtioError) { try device.restart() } catch { failure = error }
    #expect(failure == .featuresRefused)
    let notifications = rig.model.notifications
    device.flush()
    #expect(rig.model.notifications == notifications)
    #expect(rig.model.violations == [])
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// Each feature that the driver knows is withheld once: everything goes on
  /// without it.
  @Test(arguments: PropertyCase.features, [Rig.Way.legacyLine, .modernLine])
  func withheld_isNotMissed(_ feature: FeatureBit, _ way: Rig.Way) throws {
    var test = PropertyCase(seed: 1000 + feature.rawValue, way: way)
    test.build.offered =
      PropertyCase.features.reduce(FeatureBit.version1.mask) {
        $0 | $1.mask
      } & ~feature.mask
    test.build.queueSizes = [64, 64]
    test.build.mtu = 1500
    test.receiveMemory = 4 << 20
    test.steps = 40
    test.without = []
    try PropertyRun(test, isLoud: false).play()
  }
}
