import PCIModel
import Packets
import Testing

@testable import Virtio

/// Packets that the device spreads over several buffers. VIRTIO 1.2 §5.1.6.4.
@Suite struct MergedReceiveTests {
  typealias Build = NetworkDeviceModel.Build

  private static let features = FeatureBit.bits(
    .version1,
    .mac,
    .mrgRxbuf,
    .guestCsum,
    .guestTSO4,
    .guestTSO6
  )

  /// 50 buffers of 4 KiB with the device.
  private func makeRig(_ more: UInt64 = 0) -> Rig {
    Rig(
      .modernLine,
      Build(offered: Self.features | more),
      receiveMemory: 100 * 4096
    )
  }

  /// Hands the driver a packet of these parts, as many as `count` says or not;
  /// `lengths` are what it is told, if not the truth.
  private func hand(
    _ rig: Rig,
    _ parts: [[UInt8]],
    count: Int? = nil,
    lengths: [UInt32]? = nil
  ) {
    var header = PacketHeaderFields()
    header.bufferCount = UInt16(count ?? parts.count)
    var used: [(DeviceQueue.Chain, UInt32)] = []
    for (index, part) in parts.enumerated() {
      guard let chain = rig.model.takeChain(0) else {
        Issue.record("the driver has posted only \(index) buffers")
        return
      }
      let bytes = index == 0 ? header.bytes(12) + part : part
      rig.model.write(bytes, to: chain)
      used.append((chain, lengths?[index] ?? UInt32(bytes.count)))
    }
    rig.model.queues[0].use(together: used, rig.machine.memory)
  }

  /// The first slot's and all fragments' bytes, and the number of those.
  private func receive(_ device: inout Rig.Device) -> ([UInt8], Int)? {
    guard let packet = device.receive() else { return nil }
    var all = bytes(of: packet)
    for index in 0..<packet.fragmentCount {
      let part = packet.fragmentBytes(index)
      all += (0..<part.byteCount).map { part.byte(at: $0) }
    }
    return (all, packet.fragmentCount)
  }

  private func part(_ number: Int) -> [UInt8] {
    (0..<(20 + number % 3)).map { UInt8(truncatingIfNeeded: number * 7 + $0) }
  }

  private func expectNextIsReceived(_ device: inout Rig.Device, _ rig: Rig) {
    rig.model.deliver(frame(99))
    let next = device.receiveBytes()
    #expect(next == frame(99))
  }

  /// As many as a packet can have: its own and 40 fragments.
  @Test(arguments: [1, 2, 3, 40, 41], [UInt64(0), FeatureBit.ringPacked.mask])
  func parts_areOnePacket(_ count: Int, _ more: UInt64) throws {
    let rig = makeRig(more)
    var device = try rig.start()
    let parts = (0..<count).map(part)
    hand(rig, parts)
    let received = receive(&device)
    #expect(received?.0 == Array(parts.joined()))
    #expect(received?.1 == count - 1)
    let packets = device.received.packets
    #expect(packets == 1)
    expectNextIsReceived(&device, rig)
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// The parts of a burst are owed to the device until it has others in their
  /// place: each packet that is kept leaves the next less.
  @Test func burst_isOwedUntilRefilled() throws {
    let rig = makeRig()
    var device = try rig.start()
    let pool = try #require(rig.receivePool)
    #expect(pool.owed == 0)
    var kept = PacketQueue()
    var free: [Int] = []
    for count in [1, 3, 2] {
      hand(rig, (0..<count).map(part))
      guard let packet = device.receive() else {
        Issue.record("nothing received")
        return
      }
      free.append(packet.freeInPool)
      kept.append(packet)
    }
    let available = pool.available
    #expect(pool.owed == 6)
    #expect(free == [available - 1, available - 4, available - 6])
    device.refill()
    // All are there again, out of what was free.
    #expect(pool.owed == 0)
    #expect(pool.available == available - 6)
    kept = PacketQueue()
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// What the pool cannot give the device is owed to it on.
  @Test func poolThatIsOut_owesTheRest() throws {
    let rig = makeRig()
    var device = try rig.start()
    let pool = try #require(rig.receivePool)
    var others = PacketQueue()
    while let packet = pool.allocate() { others.append(packet) }
    hand(rig, (0..<3).map(part))
    var kept = PacketQueue()
    if let packet = device.receive() { kept.append(packet) }
    #expect(kept.count == 1)
    device.refill()
    #expect(pool.owed == 3)
    kept = PacketQueue()
    device.refill()
    #expect(pool.owed == 0)
    others = PacketQueue()
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  @Test func moreThanAPacketHas_isDroppedWhole() throws {
    let rig = makeRig()
    var device = try rig.start()
    hand(rig, (0..<42).map(part))
    let received = device.receiveBytes()
    #expect(received == nil)
    let count = device.counters.receivedBadMerge
    #expect(count == 1)
    expectNextIsReceived(&device, rig)
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// What is not there is not waited for. §5.1.6.4.1.
  @Test(arguments: [2, 3, 50, 65535])
  func buffersMissing_isDroppedAndCounted(_ count: Int) throws {
    let rig = makeRig()
    var device = try rig.start()
    hand(rig, [part(0)], count: count)
    let received = device.receiveBytes()
    #expect(received == nil)
    let dropped = device.counters.receivedPartly
    #expect(dropped == 1)
    expectNextIsReceived(&device, rig)
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// A part of nothing, or of more than its buffer: all of the packet goes,
  /// and nothing of what follows.
  @Test(arguments: [UInt32(0), 4096, .max], [1, 2])
  func lengthWrong_isDroppedWhole(_ length: UInt32, _ place: Int) throws {
    let rig = makeRig()
    var device = try rig.start()
    var lengths: [UInt32] = [32, 21, 22]
    lengths[place] = length
    hand(rig, (0..<3).map(part), lengths: lengths)
    let received = device.receiveBytes()
    #expect(received == nil)
    let counters = device.counters
    #expect(counters.receivedBadMerge == 1)
    // The rest of it is not taken for a packet of its own.
    #expect(counters.receivedTooShort == 0)
    #expect(counters.receivedBadHeader == 0)
    expectNextIsReceived(&device, rig)
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// Places count from the packet's start, over all buffers.
  @Test(arguments: [(30, true), (31, false)])
  func checksumInALaterBuffer(_ start: UInt16, _ fits: Bool) throws {
    let rig = makeRig()
    var device = try rig.start()
    guard let first = rig.model.takeChain(0),
      let second = rig.model.takeChain(0)
    else {
      Issue.record("no buffers were posted")
      return
    }
    var header = PacketHeaderFields()
    header.flags = 1
    (header.checksumStart, header.checksumOffset) = (start, 8)
    header.bufferCount = 2
    rig.model.write(header.bytes(12) + part(0), to: first)
    rig.model.write(part(0), to: second)
    rig.model.queues[0].use(
      together: [(first, 32), (second, 20)],
      rig.machine.memory
    )
    let count = receive(&device)?.0.count
    #expect(count == (fits ? 40 : nil))
    let dropped = device.counters.receivedBadHeader
    #expect(dropped == (fits ? 0 : 1))
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// The largest packet that there is, in buffers of each kind.
  @Test(arguments: [
    (FeatureBit.mrgRxbuf.mask, 1 << 20, 4),
    (FeatureBit.mrgRxbuf.mask, 1 << 18, 17),
    (0, 32 * 65792, 0),
  ])
  func largestPacket_isReceived(
    _ merging: UInt64,
    _ memory: Int,
    _ fragments: Int
  ) throws {
    let offered = Self.features & ~FeatureBit.mrgRxbuf.mask | merging
    let rig = Rig(.modernLine, Build(offered: offered), receiveMemory: memory)
    var device = try rig.start()
    let packet = Traffic.frame(.tcp6, 5, payload: 65535 - 20)
    let isThere = rig.model.deliver(
      packet,
      offload: .large(type: 4, segmentSize: 1440)
    )
    #expect(isThere)
    let received = receive(&device)
    #expect(received?.0 == Traffic.begun(packet))
    #expect(received?.1 == fragments)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// Too little memory for large packets: they are not agreed on, and come cut.
  @Test(arguments: [FeatureBit.mrgRxbuf.mask, 0])
  func littleMemory_takesNoLargePackets(_ merging: UInt64) throws {
    let offered = Self.features & ~FeatureBit.mrgRxbuf.mask | merging
    let rig = Rig(.modernLine, Build(offered: offered), receiveMemory: 1 << 17)
    let device = try rig.start()
    let features = device.features
    #expect(features.isDisjoint(with: .guestSegmentation))
    #expect(features.contains(.guestCsum))
    try device.stop()
    #expect(rig.model.violations == [])
  }
}
