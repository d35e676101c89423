import PCIModel
import Packets
import Testing
import Virtio

/// The initialisation sequence against the device model. VIRTIO 1.2 §3.1.1.
@Suite struct StartTests {
  typealias Build = NetworkDeviceModel.Build

  @Test(arguments: Rig.Way.allCases)
  func started_breaksNoRule(_ way: Rig.Way) throws {
    let rig = Rig(way)
    let device = try rig.start()
    let isLegacy = device.transport.isLegacy
    let address = device.macAddressBits
    #expect(isLegacy == way.isLegacy)
    #expect(address == 0x5254_0012_3456)
    #expect(rig.model.status == (way.isLegacy ? 0x07 : 0x0F))
    #expect(rig.model.notifications == [0: 1])
    #expect(rig.model.queues[0].vector == (way.hasVectors ? 1 : 0xFFFF))
    #expect(rig.model.queues[1].vector == (way.hasVectors ? 2 : 0xFFFF))
    #expect(rig.model.configurationVector == (way.hasVectors ? 0 : 0xFFFF))
    try device.stop()
    #expect(rig.model.status == 0)
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
    #expect(rig.machine.violations == [])
  }

  /// What is offered and understood; VERSION_1 and ANY_LAYOUT exclude each
  /// other.
  @Test func started_legacy_acceptsOfferedAndUnderstood() throws {
    let rig = Rig(.legacyLine)
    let device = try rig.start()
    let features = device.features
    #expect(
      features == [
        .mac, .status, .anyLayout, .indirectDesc, .eventIdx, .mrgRxbuf,
      ]
    )
    #expect(rig.model.accepted == features.rawValue)
    try device.stop()
  }

  @Test func started_modern_acceptsOfferedAndUnderstood() throws {
    let rig = Rig(.modernLine)
    let device = try rig.start()
    let features = device.features
    #expect(
      features == [
        .mac, .status, .version1, .indirectDesc, .eventIdx, .mrgRxbuf,
      ]
    )
    #expect(rig.model.accepted == features.rawValue)
    try device.stop()
  }

  /// A transitional device has both: capabilities come first.
  @Test func transitional_isDrivenAsModern() throws {
    let rig = Rig(.modernLine)
    let device = try rig.start()
    let isLegacy = device.transport.isLegacy
    #expect(!isLegacy)
    try device.stop()
  }

  @Test func legacyOnly_isDrivenAsLegacy() throws {
    let rig = Rig(.modernLine, Build(isModern: false))
    let device = try rig.start()
    let isLegacy = device.transport.isLegacy
    #expect(isLegacy)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// Some hypervisors have the legacy registers in memory.
  @Test func legacyInMemory_isDriven() throws {
    let rig = Rig(
      .legacyMessages,
      Build(isModern: false, legacyKind: .init(.memory32, size: 4096))
    )
    let device = try rig.start()
    try device.stop()
    #expect(rig.model.violations == [])
    #expect(rig.machine.violations == [])
  }

  @Test func modernOnly_isNotDrivenAsLegacy() {
    let rig = Rig(.legacyLine, Build(isLegacy: false))
    #expect(rig.failure() == .unsupported)
  }

  @Test(arguments: Rig.Way.allCases)
  func noAddress_aLocalOneIsMade(_ way: Rig.Way) throws {
    let rig = Rig(way, Build(offered: 1 << 16 | 1 << 27 | 1 << 32))
    let device = try rig.start(randomBits: 0xFFFF_0123_4567_89AB)
    let address = device.macAddressBits
    // Locally administered, and of one interface.
    #expect(address == 0x0223_4567_89AB)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func configurationChangesWhileRead_isReadAgain() throws {
    let rig = Rig(.modernLine, Build(unsteadyReads: 9))
    let device = try rig.start()
    let address = device.macAddressBits
    #expect(address == 0x5254_0012_3456)
    try device.stop()
  }

  @Test func configurationChangesWhileRead_legacy_isReadAgain() throws {
    let rig = Rig(.legacyLine, Build(unsteadyReads: 9))
    let device = try rig.start()
    let address = device.macAddressBits
    #expect(address == 0x5254_0012_3456)
    try device.stop()
  }

  @Test func configurationNeverSteady_endsAllTheSame() throws {
    let rig = Rig(.modernLine, Build(unsteadyReads: .max))
    try rig.start().stop()
    #expect(rig.model.violations == [])
  }

  @Test func mtuOffered_isSaid() throws {
    let offered: UInt64 = 1 << 3 | 1 << 5 | 1 << 32
    let rig = Rig(.modernLine, Build(offered: offered, mtu: 1400))
    let device = try rig.start()
    let mtu = device.mtu
    #expect(mtu == 1400)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// RFC 791 §3.1: every host takes 576.
  @Test func mtuImpossible_isNotAccepted() throws {
    let offered: UInt64 = 1 << 3 | 1 << 5 | 1 << 32
    let rig = Rig(.modernLine, Build(offered: offered, mtu: 575))
    let device = try rig.start()
    let (mtu, features) = (device.mtu, device.features)
    #expect(mtu == nil)
    #expect(!features.contains(.mtu))
    try device.stop()
  }

  @Test func linkStatusNotOffered_isUp() throws {
    let rig = Rig(.modernLine, Build(offered: 1 << 5 | 1 << 32, linkStatus: 0))
    let device = try rig.start()
    let isLinkUp = device.isLinkUp
    #expect(isLinkUp)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  // MARK: Giving up

  @Test(arguments: Rig.Way.allCases)
  func resetNeverEnds_isGivenUp(_ way: Rig.Way) {
    let rig = Rig(way, Build(resetReads: nil))
    #expect(rig.failure() == .resetFailed)
  }

  @Test func featuresRefused_isGivenUpWithFAILED() {
    let rig = Rig(.modernLine, Build(refusesFeatures: true))
    #expect(rig.failure() == .featuresRefused)
    #expect(rig.model.status & 0x80 != 0)
    #expect(rig.model.violations == [])
  }

  @Test func versionNotOffered_modern_isGivenUpWithFAILED() {
    let rig = Rig(.modernLine, Build(isLegacy: false, offered: 1 << 5))
    #expect(rig.failure() == .featuresRefused)
    #expect(rig.model.status & 0x80 != 0)
    #expect(rig.model.violations == [])
  }

  static let badSizes: [[UInt16]] = [
    [], [256], [0, 256], [256, 0], [3, 256], [256, 300], [65535, 256],
  ]

  @Test(arguments: Rig.Way.allCases, badSizes)
  func queueImpossible_isGivenUpWithFAILED(
    _ way: Rig.Way,
    _ sizes: [UInt16]
  ) {
    let rig = Rig(way, Build(queueSizes: sizes))
    #expect(rig.failure() == .badQueue)
    #expect(rig.model.status & 0x80 != 0)
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  @Test(arguments: [1, 2, 4, 1024, 32768])
  func queueOfAnySize_isDriven(_ size: UInt16) throws {
    for way in Rig.Way.allCases {
      let rig = Rig(way, Build(queueSizes: [size, size]))
      let device = try rig.start()
      // Only a legacy queue cannot be made smaller. §4.1.5.1.3.
      #expect(
        rig.model.queues[0].size == (way.isLegacy ? size : min(size, 1024))
      )
      try device.stop()
      #expect(rig.model.violations == [])
    }
  }

  /// §4.1.5.1.2: too few vectors; the kernel falls back to the line then.
  @Test(arguments: [Rig.Way.legacyMessages, .modernMessages], [0, 1, 2])
  func vectorRefused_isSaid(_ way: Rig.Way, _ vectors: UInt16) {
    let rig = Rig(way, Build(vectors: vectors))
    #expect(rig.failure() == .noVector)
    #expect(rig.hasAllPackets)
    #expect(rig.model.violations == [])
  }

  @Test func receiveRing_leavesHalfOfThePool() throws {
    let rig = Rig(.modernLine, packets: 40)
    let device = try rig.start()
    #expect(rig.receivePool.available == 20)
    try device.stop()
  }

  @Test func resetFailsAtTheEnd_packetsStayWithTheDevice() throws {
    let rig = Rig(.modernLine)
    rig.keepPool()
    let device = try rig.start()
    let free = rig.pool.available
    // From now on the status never reads as 0.
    rig.model.tamperRead = { register, offset, _ in
      register == 4 && offset == 20 ? 0x0F : nil
    }
    var failure: VirtioError?
    do throws(VirtioError) { try device.stop() } catch { failure = error }
    #expect(failure == .resetFailed)
    #expect(rig.pool.available == free)
  }
}
