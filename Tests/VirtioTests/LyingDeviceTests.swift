import PCIModel
import Packets
import Testing
import Virtio

/// What the driver does when the device does not keep to the rules: refuse,
/// count, go on, and never trap. VIRTIO 1.2 §2.7.8.
@Suite struct LyingDeviceTests {
  typealias Build = NetworkDeviceModel.Build

  // MARK: One packet is lost

  struct BadFrame: Sendable {
    var written: UInt32
    var header: [UInt8] = [UInt8](repeating: 0, count: 12)
    var counter: @Sendable (NetworkCounters) -> UInt64
  }

  static let badFrames: [BadFrame] = [
    // More than was posted, and more than fits in 31 bits.
    BadFrame(written: 4096, counter: { $0.receivedTooLong }),
    BadFrame(written: 0xFFFF_FFFF, counter: { $0.receivedTooLong }),
    // Nothing, half a header, a header alone, less than an Ethernet header.
    BadFrame(written: 0, counter: { $0.receivedTooShort }),
    BadFrame(written: 6, counter: { $0.receivedTooShort }),
    BadFrame(written: 12, counter: { $0.receivedTooShort }),
    BadFrame(written: 23, counter: { $0.receivedTooShort }),
    // NEEDS_CSUM and a segment, which were not agreed on.
    BadFrame(written: 72, header: [1], counter: { $0.receivedBadHeader }),
    BadFrame(written: 72, header: [0, 1], counter: { $0.receivedBadHeader }),
    // RSC_INFO was not either.
    BadFrame(written: 72, header: [4], counter: { $0.receivedBadHeader }),
  ]

  @Test(arguments: Rig.Way.allCases, badFrames.indices)
  func badFrame_isDroppedAndCounted(_ way: Rig.Way, _ index: Int) throws {
    let bad = Self.badFrames[index]
    let rig = Rig(way)
    var device = try rig.start()
    guard let chain = rig.model.takeChain(0) else {
      Issue.record("no buffer was posted")
      return
    }
    _ = rig.machine.memory.write(chain.parts[0].address, bad.header)
    rig.model.queues[0].use(chain, length: bad.written, rig.machine.memory)
    rig.model.deliver(frame(1))

    let received = device.receiveBytes()
    #expect(received == frame(1), "the next frame is not affected")
    let counters = device.counters
    #expect(bad.counter(counters) == 1)
    let count = device.received.packets
    #expect(count == 1)
    let isBroken = device.isBroken
    #expect(!isBroken)
    try device.stop()
    #expect(rig.hasAllPackets)
  }

  /// Some devices set DATA_VALID, or leave `num_buffers` unset where buffers
  /// are not merged; that harms nobody. Flags without a meaning are ignored.
  @Test(arguments: [
    [UInt8(0xF8), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    [UInt8(2), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
  ])
  func harmlessHeader_isReceived(_ header: [UInt8]) throws {
    let rig = Rig(.modernLine)
    rig.without = .mrgRxbuf
    var device = try rig.start()
    rig.model.deliver(frame(1), header: header)
    let received = device.receiveBytes()
    #expect(received == frame(1))
    try device.stop()
  }

  // MARK: The rings are broken

  enum Lie: CaseIterable {
    case identifierOutOfRange, identifierHuge, identifierNotInFlight
    case usedTwice, indexTooFar, indexBack
  }

  @Test(arguments: Rig.Way.allCases, Lie.allCases)
  func lieInReceiveRing_breaksTheDeviceAndARestartMendsIt(
    _ way: Rig.Way,
    _ lie: Lie
  ) throws {
    let rig = Rig(way)
    var device = try rig.start()
    tell(lie, queue: 0, rig)
    while device.receive() != nil {}
    try expectRestart(&device, rig)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  @Test(arguments: Rig.Way.allCases, Lie.allCases)
  func lieInTransmitRing_breaksTheDeviceAndARestartMendsIt(
    _ way: Rig.Way,
    _ lie: Lie
  ) throws {
    let rig = Rig(way)
    var device = try rig.start()
    rig.model.sendsAtOnce = false
    for number in 0..<4 {
      if let packet = rig.packet(frame(number)) { device.transmit(packet) }
    }
    device.flush()
    rig.model.send(atMost: 0)
    tell(lie, queue: 1, rig)
    device.reclaim()
    let canTransmit = device.canTransmit()
    #expect(!canTransmit)
    try expectRestart(&device, rig)
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  private func tell(_ lie: Lie, queue: Int, _ rig: Rig) {
    let (model, memory) = (rig.model, rig.machine.memory)
    let size = UInt32(model.queues[queue].size)
    switch lie {
    case .identifierOutOfRange:
      model.queues[queue].use(identifier: size, length: 80, memory)
    case .identifierHuge:
      model.queues[queue].use(identifier: .max, length: 80, memory)
    case .identifierNotInFlight:
      model.queues[queue].use(identifier: size - 1, length: 80, memory)
    case .usedTwice:
      guard let chain = model.takeChain(queue) else { return }
      model.queues[queue].use(chain, length: 80, memory)
      model.queues[queue].use(chain, length: 80, memory)
    case .indexTooFar:
      model.queues[queue].setUsedIndex(0x7FFF, memory)
    case .indexBack:
      model.queues[queue].setUsedIndex(0xFFFF, memory)
    }
  }

  private func expectRestart(_ device: inout Rig.Device, _ rig: Rig) throws {
    let isBroken = device.isBroken
    #expect(isBroken)
    let address = device.macAddressBits
    try device.restart()
    let (isMended, after) = (!device.isBroken, device.macAddressBits)
    #expect(isMended)
    #expect(after == address)
    let restarts = device.counters.restarts
    #expect(restarts == 1)

    // Both ways work again.
    rig.model.sendsAtOnce = true
    rig.model.deliver(frame(9))
    let received = device.receiveBytes()
    #expect(received == frame(9))
    let canTransmit = device.canTransmit()
    #expect(canTransmit)
    if let packet = rig.packet(frame(8)) { device.transmit(packet) }
    device.flush()
    #expect(rig.model.sent.last == frame(8))
  }

  /// §2.1.2: nothing but a reset helps.
  @Test(arguments: Rig.Way.allCases)
  func deviceNeedsReset_isSaidAndRestarted(_ way: Rig.Way) throws {
    let rig = Rig(way, Build(offered: 1 << 16 | 1 << 27 | 1 << 32))
    var device = try rig.start()
    let before = device.needsReset
    rig.model.askForReset()
    let after = device.needsReset
    #expect(!before)
    #expect(after)
    // The address was the driver's own invention; it stays.
    let address = device.macAddressBits
    try device.restart()
    let (needsReset, same) = (device.needsReset, device.macAddressBits)
    #expect(!needsReset)
    #expect(same == address)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func restartFails_nothingMoreIsTakenOrGiven() throws {
    let rig = Rig(.modernLine)
    var device = try rig.start()
    rig.model.tamperRead = { register, offset, width in
      // From now on it offers nothing.
      register == 4 && offset == 4 && width == 4 ? 0 : nil
    }
    var failure: VirtioError?
    do throws(VirtioError) { try device.restart() } catch { failure = error }
    #expect(failure == .featuresRefused)
    let (isBroken, canTransmit) = (device.isBroken, device.canTransmit())
    #expect(isBroken)
    #expect(!canTransmit)
    let received = device.receiveBytes()
    #expect(received == nil)
    device.refill()
    device.flush()
    try device.stop()
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  /// How a device may be driven, with either kind of ring.
  static let rings = Rig.Way.allCases.flatMap { way in
    // Packed rings came with modern devices.
    (way.isLegacy ? [false] : [false, true]).map { (way, $0) }
  }

  /// Whatever is in the shared memory, the driver neither traps nor loops, and
  /// after a restart it works.
  @Test(arguments: [UInt64(11), 12, 13, 14], rings)
  func randomBytesFromTheDevice_areSurvived(
    _ seed: UInt64,
    _ ring: (way: Rig.Way, isPacked: Bool)
  ) throws {
    let (way, isPacked) = ring
    var numbers = SeededNumbers(state: seed)
    var build = Build(queueSizes: [16, 16])
    if isPacked { build.offered |= FeatureBit.ringPacked.mask }
    let rig = Rig(way, build)
    var device = try rig.start()
    #expect(rig.model.has(.ringPacked) == isPacked)
    for step in 0..<300 {
      for queue in rig.model.queues {
        scribble(on: queue, rig, &numbers)
      }
      while device.receive() != nil {}
      if device.canTransmit(), let packet = rig.packet(frame(step)) {
        device.transmit(packet)
      }
      device.reclaim()
      device.refill()
      if Bool.random(using: &numbers) { device.flush() }
      if device.isBroken {
        try device.restart()
      }
    }
    try device.restart()
    rig.model.deliver(frame(1))
    let received = device.receiveBytes()
    #expect(received == frame(1), "seed \(seed), \(way)")
    try device.stop()
    #expect(rig.hasAllPackets, "seed \(seed), \(way)")
  }

  /// Writes one byte anywhere in what a device may write of a queue: of a split
  /// one the device area, and its index more often; of a packed one length,
  /// identifier and flags of a descriptor, and the device area.
  private func scribble(
    on queue: DeviceQueue,
    _ rig: Rig,
    _ numbers: inout SeededNumbers
  ) {
    var value = UInt8.random(in: 0...20, using: &numbers)
    let address: UInt64
    if !queue.rules.isPacked {
      let offset = Int.random(in: 0..<(4 + 8 * 16), using: &numbers)
      let isIndex = Bool.random(using: &numbers)
      address = queue.deviceArea + UInt64(isIndex ? 2 : offset)
    } else if Int.random(in: 0..<8, using: &numbers) == 0 {
      address = queue.deviceArea + UInt64.random(in: 0..<4, using: &numbers)
    } else {
      let place = UInt16.random(in: 0..<16, using: &numbers)
      let field = Int.random(in: 8..<16, using: &numbers)
      address = queue.descriptorAddress(place) + UInt64(field)
      // The marks of used descriptors, as good as never met by chance.
      if field == 15 {
        value = [0, 0x80, 0x82].randomElement(using: &numbers) ?? 0
      }
    }
    _ = rig.machine.memory.write(address, [value])
  }
}
