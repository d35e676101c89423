import Packets
import Testing

@testable import Virtio

/// A reset of one queue while the others go on. VIRTIO 1.2 §2.6.1.
@Suite struct QueueResetTests {
  typealias Build = NetworkDeviceModel.Build

  static let offered: [UInt64] = [
    FeatureBit.bits(.mac, .status, .version1, .ringReset),
    FeatureBit.bits(.mac, .version1, .ringReset, .eventIdx, .indirectDesc),
    FeatureBit.bits(.mac, .version1, .ringReset, .ringPacked),
    FeatureBit.bits(
      .mac,
      .version1,
      .ringReset,
      .ringPacked,
      .eventIdx,
      .inOrder,
      .indirectDesc
    ),
  ]

  private func exchange(
    _ device: inout ControlRig.Device,
    _ rig: ControlRig,
    _ numbers: Range<Int>
  ) {
    for number in numbers {
      let bytes = frame(to: 0x5254_0012_3456, number)
      let canTransmit = device.canTransmit()
      #expect(canTransmit)
      if let packet = rig.packet(bytes) { device.transmit(packet) }
      device.flush()
      device.reclaim()
      #expect(rig.model.sent.last == bytes)
      #expect(rig.model.deliver(bytes))
      let received = device.receiveBytes()
      #expect(received == bytes)
      device.refill()
      device.flush()
    }
  }

  /// Smaller and larger, each of both, with traffic before and after.
  @Test(arguments: offered.indices, [4, 16, 64, 256] as [UInt16])
  func reset_worksOnWithAnotherSize(_ offered: Int, _ size: UInt16) throws {
    for vectors in [0, 3] as [UInt16] {
      let rig = ControlRig(
        Build(offered: Self.offered[offered], queueSizes: [256, 256]),
        vectors: vectors
      )
      var device = try rig.start(memory: 1 << 20)
      exchange(&device, rig, 0..<10)
      try device.resetQueue(pair: 0, .receive, size: size)
      #expect(rig.model.queues[0].size == size)
      exchange(&device, rig, 10..<20)
      let smallest = UInt16(device.mostFragments + 2)
      if size >= 4 * smallest || size == 256 {
        try device.resetQueue(pair: 0, .transmit, size: size)
        #expect(rig.model.queues[1].size == size)
      }
      exchange(&device, rig, 20..<600)
      let (counters, received) = (device.counters, device.received(pair: 0))
      #expect(counters.queueResets > 0)
      #expect(received.takenBack > 0)
      #expect(rig.model.queues[0].vector == (vectors > 0 ? 1 : 0xFFFF))
      let hasWork = device.enableInterrupts()
      #expect(!hasWork)
      rig.model.interrupts = []
      rig.model.deliver(frame(to: 0x5254_0012_3456))
      #expect(rig.model.interrupts.count == 1)
      try device.stop()
      #expect(rig.hasAllPackets)
      #expect(rig.model.violations == [])
      #expect(rig.machine.violations == [])
    }
  }

  /// §2.8.10.1: a packed queue has any size.
  @Test func resetPacked_toAnOddSize() throws {
    let rig = ControlRig(Build(offered: Self.offered[2]))
    var device = try rig.start(memory: 1 << 20)
    try device.resetQueue(pair: 0, .receive, size: 7)
    try device.resetQueue(pair: 0, .transmit, size: 255)
    #expect(rig.model.queues[0].size == 7)
    #expect(rig.model.queues[1].size == 255)
    exchange(&device, rig, 0..<300)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// What the device held comes back to its pools and is counted; the other
  /// queue does not notice.
  @Test(arguments: offered.indices)
  func resetWithPacketsInFlight_theyComeBack(_ offered: Int) throws {
    let rig = ControlRig(Build(offered: Self.offered[offered]))
    rig.model.sendsAtOnce = false
    var device = try rig.start()
    for number in 0..<5 {
      if let packet = rig.packet(frame(to: address(1), number)) {
        device.transmit(packet)
      }
    }
    device.flush()
    #expect(rig.pool.available == rig.pool.capacity - 5)
    rig.model.deliver(frame(to: 0x5254_0012_3456))
    try device.resetQueue(pair: 0, .transmit, size: 256)
    #expect(rig.pool.available == rig.pool.capacity)
    let sent = device.sent(pair: 0)
    #expect(sent.takenBack == 5)
    let received = device.receiveBytes()
    #expect(received == frame(to: 0x5254_0012_3456))
    rig.model.sendsAtOnce = true
    exchange(&device, rig, 0..<3)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  @Test func asksForMoreThanThereIs_getsWhatThereIs() throws {
    let rig = ControlRig(Build(offered: Self.offered[0]))
    var device = try rig.start()
    try device.resetQueue(pair: 0, .receive, size: 1024)
    #expect(rig.model.queues[0].size == 256)
    exchange(&device, rig, 0..<3)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func oneDescriptor_isEnough() throws {
    let rig = ControlRig(Build(offered: Self.offered[0]))
    var device = try rig.start()
    try device.resetQueue(pair: 0, .receive, size: 1)
    #expect(rig.model.queues[0].size == 1)
    for number in 0..<3 { exchange(&device, rig, number..<(number + 1)) }
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// §5.1.6.3.1: a queue must hold the largest packet, in parts.
  @Test func receiveQueueTooSmallForTheLargest_isRefused() throws {
    let large = FeatureBit.bits(.mrgRxbuf, .guestCsum, .guestTSO4)
    let rig = ControlRig(Build(offered: Self.offered[0] | large))
    var device = try rig.start(memory: 4 << 20)
    #expect(device.features.contains(.guestTSO4))
    expect(.badQueue) { () throws(VirtioError) in
      try device.resetQueue(pair: 0, .receive, size: 4)
    }
    try device.resetQueue(pair: 0, .receive, size: 32)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func impossibleSizes_changeNothing() throws {
    let rig = ControlRig(Build(offered: Self.offered[0]))
    var device = try rig.start()
    for size in [0, 3, 255, 65535] as [UInt16] {
      expect(.badQueue) { () throws(VirtioError) in
        try device.resetQueue(pair: 0, .receive, size: size)
      }
    }
    // No room for the largest packet that the stack was promised.
    expect(.badQueue) { () throws(VirtioError) in
      try device.resetQueue(pair: 0, .transmit, size: 4)
    }
    exchange(&device, rig, 0..<3)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func notOffered_isSaid() throws {
    let rig = ControlRig()
    var device = try rig.start()
    expect(.unsupported) { () throws(VirtioError) in
      try device.resetQueue(pair: 0, .receive, size: 64)
    }
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// A device that does not give the queue back keeps its memory; the whole is
  /// started again.
  @Test func resetNeverEnds_theDeviceIsBrokenUntilARestart() throws {
    var build = Build(offered: Self.offered[0])
    build.queueResetReads = nil
    let rig = ControlRig(build)
    var device = try rig.start()
    let free = rig.receivePool?.available
    expect(.resetFailed) { () throws(VirtioError) in
      try device.resetQueue(pair: 0, .receive, size: 64)
    }
    let (isBroken, received) = (device.isBroken, device.received(pair: 0))
    #expect(isBroken)
    #expect(received.takenBack == 0)
    #expect(rig.receivePool?.available == free)
    try device.restart()
    exchange(&device, rig, 0..<3)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// One of several pairs; the others keep what they hold.
  @Test func oneOfSeveralPairs_isReset() throws {
    var build = Build(
      offered: ControlRig.controls | FeatureBit.bits(.mq, .ringReset)
    )
    build.pairs = 4
    let rig = ControlRig(build)
    var device = try rig.start { $0.queuePairs = 4 }
    try device.resetQueue(pair: 2, .receive, size: 128)
    try device.resetQueue(pair: 2, .transmit, size: 128)
    let sizes = rig.model.queues.prefix(8).map(\.size)
    #expect(sizes == [256, 256, 256, 256, 128, 128, 256, 256])
    for flow in 0..<16 {
      let bytes = MultiqueueTests.datagram(flow, 0, toUs: false)
      if let packet = rig.packet(bytes) { device.transmit(packet) }
      #expect(
        rig.model.deliver(MultiqueueTests.datagram(flow, 0, toUs: true))
      )
    }
    device.flush()
    device.reclaim()
    var received = 0
    while device.receiveBytes() != nil { received += 1 }
    #expect(received == 16)
    #expect(Set(rig.model.sentQueues) == [1, 3, 5, 7])
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }
}
