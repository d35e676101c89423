import Packets
import Testing

@testable import Virtio

/// Several pairs of queues. VIRTIO 1.2 §5.1.2, §5.1.6.5.5 to §5.1.6.5.7.
@Suite struct MultiqueueTests {
  typealias Build = NetworkDeviceModel.Build

  static let mq = ControlRig.controls | FeatureBit.mq.mask
  static let rss = mq | FeatureBit.rss.mask

  /// UDP from and to ports that make a flow.
  static func datagram(_ flow: Int, _ number: Int, toUs: Bool) -> [UInt8] {
    let payload = big(UInt32(flow)) + big(UInt32(number))
    let ports = [UInt16(1000 + flow), 7]
    let addresses: [[UInt8]] = [
      [10, 0, 0, 2], [10, 0, 0, UInt8(1 + flow % 3)],
    ]
    var ip: [UInt8] =
      [0x45, 0] + big(UInt16(20 + 8 + payload.count))
      + [0, 0, 0x40, 0, 64, 17, 0, 0]
    ip += toUs ? addresses[1] + addresses[0] : addresses[0] + addresses[1]
    ip.replaceSubrange(10..<12, with: big(~Checksum.sum(ip[...])))
    let own: UInt64 = 0x5254_0012_3456
    let head =
      toUs ? octets(own) + octets(address(1)) : octets(address(1)) + octets(own)
    // No checksum: RFC 768 allows that.
    let udp =
      (toUs ? big(ports[1]) + big(ports[0]) : big(ports[0]) + big(ports[1]))
      + big(UInt16(8 + payload.count)) + [0, 0]
    return head + [8, 0] + ip + udp + payload
  }

  /// Asked for, offered, and vectors for them.
  @Test(arguments: [
    (1, 4, 0, 1), (4, 4, 0, 4), (8, 3, 0, 3), (2, 1, 0, 1), (4, 4, 9, 4),
    (4, 4, 5, 2), (4, 4, 4, 1), (4, 4, 3, 1),
  ])
  func pairs_areTheFewestOfAll(
    _ asked: Int,
    _ offered: Int,
    _ vectors: UInt16,
    _ expected: Int
  ) throws {
    for bits in [Self.mq, Self.rss] {
      var build = Build(offered: bits)
      build.pairs = offered
      build.vectors = max(vectors, 1)
      build.tableSize = max(vectors, 1)
      let rig = ControlRig(build, vectors: vectors)
      let device = try rig.start { $0.queuePairs = asked }
      let (pairs, features) = (device.pairCount, device.features)
      #expect(pairs == expected)
      #expect(rig.model.control.pairs == expected)
      #expect(features.contains(.mq) == (expected > 1))
      for queue in 0..<2 * expected { #expect(rig.model.isEnabled(queue)) }
      // And the control queue, behind all there are when there are several.
      #expect(rig.model.queues.count { $0.isEnabled } == 2 * expected + 1)
      #expect(rig.model.isEnabled(expected > 1 ? 2 * offered : 2))
      try device.stop()
      #expect(rig.hasAllPackets)
      #expect(rig.model.violations == [])
      #expect(rig.machine.violations == [])
    }
  }

  static let ways: [(isLegacy: Bool, offered: UInt64)] = [
    (false, mq), (true, mq), (false, rss),
    (false, mq | FeatureBit.bits(.ringPacked, .eventIdx, .indirectDesc)),
    (false, rss & ~FeatureBit.mq.mask),
    (false, mq | FeatureBit.bits(.notificationData)),
  ]

  /// Each flow on one queue and in order, both ways, and not all on the same.
  @Test(arguments: ways.indices)
  func flows_keepTheirOrder(_ way: Int) throws {
    let way = Self.ways[way]
    var build = Build(offered: way.offered)
    build.pairs = 4
    let rig = ControlRig(build, isLegacy: way.isLegacy)
    var device = try rig.start { $0.queuePairs = 4 }
    let pairs = device.pairCount
    #expect(pairs == 4)
    for number in 0..<20 {
      for flow in 0..<16 {
        let canTransmit = device.canTransmit()
        #expect(canTransmit)
        let bytes = Self.datagram(flow, number, toUs: false)
        if let packet = rig.packet(bytes) { device.transmit(packet) }
      }
      device.flush()
      device.reclaim()
    }
    var queues: [Int: Set<Int>] = [:]
    var numbers: [Int: [UInt8]] = [:]
    for (frame, queue) in zip(rig.model.sent, rig.model.sentQueues) {
      queues[Int(frame[45]), default: []].insert(queue)
      numbers[Int(frame[45]), default: []].append(frame[49])
    }
    #expect(queues.count == 16)
    #expect(queues.values.allSatisfy { $0.count == 1 })
    #expect(Set(queues.values.compactMap(\.first)) == [1, 3, 5, 7])
    #expect(numbers.values.allSatisfy { $0 == Array(0..<20) })

    var received = 0
    for number in 0..<4 {
      for flow in 0..<16 {
        #expect(rig.model.deliver(Self.datagram(flow, number, toUs: true)))
      }
      while device.receiveBytes() != nil { received += 1 }
      device.refill()
      device.flush()
    }
    #expect(received == 64)
    var (perPair, sentPerPair) = ([UInt64](), [UInt64]())
    for pair in 0..<4 {
      perPair.append(device.received(pair: pair).packets)
      sentPerPair.append(device.sent(pair: pair).packets)
    }
    #expect(perPair.allSatisfy { $0 > 0 })
    #expect(sentPerPair.allSatisfy { $0 > 0 })
    let (inSum, outSum) = (device.received, device.sent)
    #expect(perPair.reduce(0, +) == 64 && inSum.packets == 64)
    #expect(sentPerPair.reduce(0, +) == 320 && outSum.packets == 320)
    #expect(inSum.bytes == 64 * 50 && outSum.bytes == 320 * 50)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// §5.1.6.5.6.1: only the first transmit queue until the device agrees.
  @Test(arguments: [ControlAnswer.refuses, .never])
  func pairsNotAgreedTo_onlyTheFirstIsSentOn(_ answer: ControlAnswer) throws {
    for bits in [Self.mq, Self.rss] {
      var build = Build(offered: bits)
      build.pairs = 4
      let rig = ControlRig(build)
      rig.model.controlAnswer = answer
      var device = try rig.start { $0.queuePairs = 4 }
      let pairs = device.pairCount
      #expect(pairs == 1)
      for flow in 0..<16 {
        let bytes = Self.datagram(flow, 0, toUs: false)
        if let packet = rig.packet(bytes) { device.transmit(packet) }
      }
      device.flush()
      device.reclaim()
      #expect(Set(rig.model.sentQueues) == [1])
      rig.model.controlAnswer = .honest
      try device.restart()
      let after = device.pairCount
      #expect(after == 4)
      try device.stop()
      #expect(rig.hasAllPackets)
      #expect(rig.model.violations == [])
    }
  }

  /// One ring that is full keeps all frames back: which one a frame takes is
  /// not known before it is there.
  @Test func oneRingFull_thereIsNoRoom() throws {
    var build = Build(offered: Self.mq, queueSizes: [64, 4])
    build.pairs = 4
    let rig = ControlRig(build)
    rig.model.sendsAtOnce = false
    var device = try rig.start { $0.queuePairs = 4 }
    let bytes = Self.datagram(1, 0, toUs: false)
    var sent = 0
    while device.canTransmit(), sent < 100 {
      if let packet = rig.packet(bytes) { device.transmit(packet) }
      sent += 1
    }
    #expect(sent <= 4)
    var stalls: UInt64 = 0
    for pair in 0..<4 { stalls += device.sent(pair: pair).stalls }
    #expect(stalls == 1)
    device.flush()
    let isDone = !device.enableInterrupts()
    #expect(isDone)
    rig.model.send()
    #expect(rig.model.interrupts.count == 1)
    let canTransmit = device.canTransmit()
    #expect(canTransmit)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// A device may have a frame for one queue wait at another: when it wants to
  /// hear of one, it hears of all.
  @Test(arguments: [true, false])
  func receiveQueueRefilled_withScalingAllAreNotified(_ scales: Bool) throws {
    var build = Build(offered: scales ? Self.rss : Self.mq)
    build.pairs = 4
    let rig = ControlRig(build)
    var device = try rig.start { $0.queuePairs = 4 }
    let before = rig.model.notifications
    rig.model.deliver(Self.datagram(1, 1, toUs: true))
    let received = device.receiveBytes()
    #expect(received != nil)
    device.refill()
    device.flush()
    let more = [0, 2, 4, 6].map {
      rig.model.notifications[$0, default: 0] - before[$0, default: 0]
    }
    #expect(more.reduce(0, +) == (scales ? 4 : 1))
    #expect(more.max() == 1)
    device.flush()
    #expect(rig.model.notifications[8] == before[8])
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func scaling_isWithinWhatTheDeviceAllows() throws {
    var build = Build(offered: Self.rss)
    build.pairs = 3
    build.hashTypes = 0x1F7
    let rig = ControlRig(build)
    let device = try rig.start { $0.queuePairs = 3 }
    let scaling = try #require(rig.model.control.scaling)
    #expect(scaling.table.count == 128)
    #expect(Set(scaling.table) == [0, 2, 4])
    #expect(scaling.transmitQueues == 3)
    #expect(rig.model.control.hashTypes == 0x37)
    #expect(rig.model.control.hashKey.count == 40)
    #expect(Set(rig.model.control.hashKey).count > 20)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// §5.1.4.1: less than a device must allow.
  @Test func scalingImpossible_isNotAccepted() throws {
    for (key, table) in [(39, 128), (40, 127), (0, 0)] as [(UInt8, UInt16)] {
      var build = Build(offered: Self.rss)
      build.pairs = 2
      build.largestKey = key
      build.largestIndirectionTable = table
      let rig = ControlRig(build)
      let device = try rig.start { $0.queuePairs = 2 }
      let (features, pairs) = (device.features, device.pairCount)
      #expect(!features.contains(.rss))
      #expect(pairs == 2)
      #expect(rig.model.control.scaling == nil)
      try device.stop()
      #expect(rig.model.violations == [])
    }
  }
}
