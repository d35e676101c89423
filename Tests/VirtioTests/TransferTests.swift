import Packets
import Testing
import Virtio

/// Frames through the rings, both ways. VIRTIO 1.2 §2.7 and §5.1.6.
@Suite struct TransferTests {
  typealias Build = NetworkDeviceModel.Build

  /// Without ANY_LAYOUT the header has its own descriptor; with small rings
  /// they fill up.
  static let builds: [Build] = [
    Build(),
    Build(offered: 1 << 5 | 1 << 32),
    Build(queueSizes: [4, 8]),
    Build(offered: 1 << 5 | 1 << 32, queueSizes: [2, 2]),
  ]

  @Test(arguments: Rig.Way.allCases, builds.indices)
  func frames_bothWays_areUnchanged(_ way: Rig.Way, _ build: Int) throws {
    let rig = Rig(way, Self.builds[build])
    var device = try rig.start()
    for number in 0..<40 {
      let length = 14 + number * 38
      let sent = frame(number, length: min(length, 1514))
      let canTransmit = device.canTransmit()
      #expect(canTransmit)
      if let packet = rig.packet(sent) { device.transmit(packet) }
      device.flush()
      device.reclaim()
      #expect(rig.model.sent.last == sent)

      #expect(rig.model.deliver(sent))
      let received = device.receiveBytes()
      #expect(received == sent)
      device.refill()
      device.flush()
    }
    let (sent, received) = (device.sent.packets, device.received.packets)
    #expect(sent == 40)
    #expect(received == 40)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
    #expect(rig.machine.violations == [])
  }

  /// Room in front for headers of our own, and IP at a multiple of 64.
  @Test(arguments: Rig.Way.allCases)
  func frameReceived_hasHeadroomForAnAnswer(_ way: Rig.Way) throws {
    let rig = Rig(way)
    var device = try rig.start()
    rig.model.deliver(frame(1))
    if let packet = device.receive() {
      let headroom = packet.headroom
      #expect(headroom == 50)
      // Back by the same way, in the same slot.
      device.transmit(packet)
    }
    device.flush()
    #expect(rig.model.sent == [frame(1)])
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test(arguments: Rig.Way.allCases)
  func ringFull_pushesBackAndLosesNothing(_ way: Rig.Way) throws {
    let rig = Rig(way, Build(queueSizes: [8, 8]))
    var device = try rig.start()
    rig.model.sendsAtOnce = false
    var posted = 0
    while device.canTransmit(), let packet = rig.packet(frame(posted)) {
      device.transmit(packet)
      posted += 1
    }
    device.flush()
    #expect(posted == 8)
    let isFull = device.counters.transmitRingFull
    #expect(isFull == 1)

    // Two are sent: there is room for just two.
    rig.model.send(atMost: 2)
    for number in 8..<10 {
      let canTransmit = device.canTransmit()
      #expect(canTransmit)
      if let packet = rig.packet(frame(number)) { device.transmit(packet) }
    }
    let canTransmit = device.canTransmit()
    #expect(!canTransmit)
    device.flush()
    rig.model.send()
    #expect(rig.model.sent == (0..<10).map { frame($0) })
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func batch_isNotifiedOnce() throws {
    let rig = Rig(.modernLine)
    var device = try rig.start()
    for number in 0..<10 {
      if let packet = rig.packet(frame(number)) { device.transmit(packet) }
    }
    device.flush()
    device.flush()
    #expect(rig.model.notifications[1] == 1)
    #expect(rig.model.sent.count == 10)
    try device.stop()
  }

  /// §2.7.10: a device that looks for itself is not notified.
  @Test(arguments: Rig.Way.allCases)
  func notificationsSuppressed_noneIsWritten(_ way: Rig.Way) throws {
    let rig = Rig(way)
    var device = try rig.start()
    rig.model.suppressNotifications(true, queue: 1)
    if let packet = rig.packet(frame(0)) { device.transmit(packet) }
    device.flush()
    #expect(rig.model.notifications[1] == nil)
    rig.model.suppressNotifications(false, queue: 1)
    if let packet = rig.packet(frame(1)) { device.transmit(packet) }
    device.flush()
    #expect(rig.model.notifications[1] == 1)
    #expect(rig.model.sent == [frame(0), frame(1)])
    try device.stop()
  }

  @Test func poolEmpty_isCountedAndRefilledLater() throws {
    let rig = Rig(.modernLine, packets: 8)
    var device = try rig.start()
    var kept: [UInt8] = []
    do {
      // Everything that is left is held elsewhere.
      var held = PacketQueue()
      while let packet = rig.receivePool.allocate() { held.append(packet) }
      rig.model.deliver(frame(1))
      kept = device.receiveBytes() ?? []
      while let packet = rig.receivePool.allocate() { held.append(packet) }
      device.refill()
      let empty = device.counters.receivePoolEmpty
      #expect(empty == 1)
      device.flush()
    }
    #expect(kept == frame(1))
    device.refill()
    device.flush()
    #expect(rig.receivePool.available == 4)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test(arguments: [UInt64(1), 2, 3, 4], Rig.Way.allCases)
  func randomTraffic_isUnchanged(_ seed: UInt64, _ way: Rig.Way) throws {
    var numbers = SeededNumbers(state: seed)
    let rig = Rig(way, Build(queueSizes: [16, 16]))
    var device = try rig.start()
    rig.model.sendsAtOnce = false
    var delivered: [[UInt8]] = []
    var received: [[UInt8]] = []
    var given: [[UInt8]] = []
    for step in 0..<3000 {
      let content = frame(
        step,
        length: Int.random(in: 14...90, using: &numbers)
      )
      switch Int.random(in: 0..<6, using: &numbers) {
      case 0, 1:
        if rig.model.deliver(content) { delivered.append(content) }
      case 2:
        if let bytes = device.receiveBytes() { received.append(bytes) }
      case 3:
        if device.canTransmit(), let packet = rig.packet(content) {
          device.transmit(packet)
          given.append(content)
        }
      case 4:
        rig.model.send(atMost: Int.random(in: 1...4, using: &numbers))
      default:
        device.reclaim()
        device.refill()
        device.flush()
      }
    }
    device.flush()
    rig.model.send()
    while let bytes = device.receiveBytes() { received.append(bytes) }
    #expect(received == delivered, "seed \(seed), \(way)")
    #expect(rig.model.sent == given, "seed \(seed), \(way)")
    #expect(rig.model.violations == [], "seed \(seed), \(way)")
    try device.stop()
    #expect(rig.hasAllPackets, "seed \(seed), \(way)")
  }

  /// Both ways, until the 16-bit indices have wrapped and the rings many times
  /// before. A packed ring, whose size is no power of two, has gone round as
  /// often.
  @Test(arguments: [false, true])
  func indices_wrap(_ isPacked: Bool) throws {
    var build = Build(queueSizes: isPacked ? [5, 3] : [4, 4])
    if isPacked { build.offered |= FeatureBit.ringPacked.mask }
    let rig = Rig(.modernLine, build)
    var device = try rig.start()
    #expect(rig.model.has(.ringPacked) == isPacked)
    let bytes = [UInt8](repeating: 7, count: 14)
    for number in 0..<0x1_0010 {
      if let packet = rig.packet(bytes) { device.transmit(packet) }
      rig.model.deliver(bytes)
      let isReceived = device.receiveBytes() == bytes
      device.reclaim()
      device.refill()
      device.flush()
      let isGood = isReceived && !device.isBroken
      guard isGood, rig.model.violations == [] else {
        Issue.record("frame \(number): \(rig.model.violations)")
        break
      }
    }
    #expect(rig.model.sent.count == 0x1_0010)
    #expect(rig.model.violations == [])
    let isBroken = device.isBroken
    #expect(!isBroken)
    try device.stop()
    #expect(rig.hasAllPackets)
  }
}
