import PCI
import PCIModel
import Testing
import Virtio

/// Where a device says that its registers are, and what the driver believes of
/// it. VIRTIO 1.2 §4.1.4.
@Suite struct StructureTests {
  typealias Build = NetworkDeviceModel.Build

  /// Changes the configuration space of a modern device; the common
  /// configuration is named at 70h, notifications at A0h.
  struct Malformed: Sendable, CustomTestStringConvertible {
    var name: String
    var change: @Sendable (NetworkDeviceModel) -> Void

    var testDescription: String { name }

    init(
      _ name: String,
      _ change: @escaping @Sendable (NetworkDeviceModel) -> Void
    ) {
      self.name = name
      self.change = change
    }
  }

  static let malformed: [Malformed] = [
    Malformed("no capabilities") { $0.bytes[0x06] = 0 },
    Malformed("list begins in the header") { $0.bytes[0x34] = 0x10 },
    Malformed("list loops before the common structure") {
      $0.bytes[0x61] = 0x50
    },
    Malformed("list leads into the header") { $0.bytes[0x61] = 0x20 },
    Malformed("capability too short") { $0.bytes[0x72] = 15 },
    Malformed("capability beyond the end") { $0.bytes[0x72] = 0xFF },
    Malformed("register 6") { $0.bytes[0x74] = 6 },
    Malformed("register 255") { $0.bytes[0x74] = 255 },
    Malformed("upper half of a register") { $0.bytes[0x74] = 5 },
    Malformed("register without size") { $0.bytes[0x74] = 2 },
    Malformed("offset behind the end") { $0.set32(0x78, 0x4000) },
    Malformed("offset and length behind the end") { $0.set32(0x78, 0x3FF0) },
    Malformed("offset and length overflow") {
      $0.set32(0x78, 0xFFFF_FFF0)
      $0.set32(0x7C, 0x100)
    },
    Malformed("common structure too short") { $0.set32(0x7C, 55) },
    Malformed("no interrupt status") { $0.bytes[0x83] = 9 },
    Malformed("interrupt status of no length") { $0.set32(0x8C, 0) },
    Malformed("no notifications") { $0.bytes[0xA3] = 9 },
    Malformed("notifications without a multiplier") { $0.bytes[0xA2] = 16 },
    Malformed("odd multiplier") { $0.set32(0xB0, 3) },
    Malformed("notifications of a byte") { $0.set32(0xAC, 1) },
  ]

  @Test(arguments: malformed)
  func malformedStructures_areNotDriven(_ malformed: Malformed) {
    let rig = Rig(.modernLine, Build(isLegacy: false))
    malformed.change(rig.model)
    #expect(rig.failure() == .unsupported)
    #expect(rig.machine.violations == [])
  }

  /// §4.1.4.1: a length beyond what is needed, and beyond the register.
  @Test(arguments: [0x7C, 0x8C, 0x9C, 0xAC], [UInt32(0x10_0000), .max])
  func structuresLongerThanTheirRegister_areDriven(
    _ place: Int,
    _ length: UInt32
  ) throws {
    let rig = Rig(.modernLine, Build(isLegacy: false))
    rig.model.set32(place, length)
    let device = try rig.start()
    let features = device.features
    #expect(features.isSuperset(of: [.version1, .mac]))
    try device.stop()
    #expect(rig.model.violations == [])
    #expect(rig.machine.violations == [])
  }

  /// §2.2.3: capabilities, and no VERSION_1: a legacy device.
  @Test func transitionalWithoutVersion1_isDrivenAsLegacy() throws {
    let rig = Rig(.modernLine, Build(offered: FeatureBit.mac.mask))
    let device = try rig.start()
    let isLegacy = device.transport.isLegacy
    #expect(isLegacy)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// What has legacy registers too can be driven by them.
  @Test(arguments: malformed)
  func malformedStructures_transitional_isDrivenAsLegacy(
    _ malformed: Malformed
  ) {
    let rig = Rig(.modernLine)
    malformed.change(rig.model)
    #expect(rig.failure() == nil)
    #expect(rig.model.violations == [])
    #expect(rig.machine.violations == [])
  }

  /// The last capability may end with configuration space, not beyond.
  @Test func capabilityAtTheEnd_isRead() {
    let rig = Rig(.modernLine, Build(isLegacy: false))
    // Moves the interrupt status' to the last 16 bytes.
    for offset in 0..<16 {
      rig.model.bytes[0xF0 + offset] = rig.model.bytes[0x80 + offset]
    }
    rig.model.bytes[0x71] = 0xF0
    #expect(rig.failure() == nil)
  }

  @Test func capabilityOverTheEnd_isIgnored() {
    let rig = Rig(.modernLine, Build(isLegacy: false))
    rig.model.addCapability(9, at: 0xF8, [16, 1, 4, 0, 0, 0])
    #expect(rig.failure() == nil)
    #expect(rig.model.violations == [])
  }

  /// The first that can be used of each kind wins. §4.1.4.1.
  @Test func secondCommonStructure_isIgnored() {
    let rig = Rig(.modernLine, Build(isLegacy: false))
    rig.model.addStructure(at: 0xC0, kind: 1, offset: 0x2000, length: 64)
    #expect(rig.failure() == nil)
    #expect(rig.model.violations == [])
  }

  /// §4.1.4.4: one doorbell for all queues.
  @Test func multiplierZero_isDriven() throws {
    let rig = Rig(.modernLine, Build(notifyMultiplier: 0))
    let device = try rig.start()
    #expect(rig.model.notifications == [0: 1])
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// The queue's doorbell is not within what the capability names.
  @Test(arguments: [UInt32(0x80), 0x8000_0000])
  func doorbellBehindTheEnd_isGivenUp(_ multiplier: UInt32) {
    let rig = Rig(.modernLine, Build(notifyMultiplier: multiplier))
    #expect(rig.failure() == .badQueue)
    #expect(rig.model.status & 0x80 != 0)
    #expect(rig.model.violations == [])
  }

  /// Without the structure there is no address; the driver makes one.
  @Test func noDeviceConfiguration_isDriven() throws {
    let rig = Rig(.modernLine)
    rig.model.bytes[0x93] = 0x66
    let device = try rig.start()
    let (features, isUp) = (device.features, device.isLinkUp)
    #expect(features == [.version1, .indirectDesc, .eventIdx, .mrgRxbuf])
    #expect(isUp)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test func shortDeviceConfiguration_leavesOutWhatIsBehind() throws {
    let rig = Rig(.modernLine)
    rig.model.set32(0x9C, 7)
    let device = try rig.start()
    let features = device.features
    #expect(
      features == [.version1, .mac, .indirectDesc, .eventIdx, .mrgRxbuf]
    )
    try device.stop()
    #expect(rig.model.violations == [])
  }

  /// Registers above 4 GiB, which the processor does not reach, are moved.
  @Test func registersOutOfReach_areMoved() throws {
    let rig = Rig(.modernLine, Build(isLegacy: false))
    rig.model.set32(0x24, 0x0000_0080)
    let device = try rig.start()
    #expect(rig.model.address(4) < 1 << 32)
    try device.stop()
    #expect(rig.model.violations == [])
    #expect(rig.machine.violations == [])
  }

  @Test func registersOutOfReachAndNoRoom_areNotDriven() {
    let rig = Rig(.modernLine, Build(isLegacy: false))
    rig.machine.memoryWindow = 0xE000_0000..<0xE000_1000
    rig.model.set32(0x24, 0x0000_0080)
    #expect(rig.failure() == .unsupported)
    #expect(rig.model.address(4) >> 32 == 0x80)
    #expect(rig.machine.violations == [])
  }

  @Test(arguments: [UInt16(0x0FFF), 0x1040, 0x1041])
  func legacy_anotherDevice_isNotDriven(_ identifier: UInt16) {
    let rig = Rig(.legacyLine)
    rig.model.set16(2, identifier)
    #expect(rig.failure() == .unsupported)
  }

  @Test func legacy_registersTooFew_areNotDriven() {
    let rig = Rig(.legacyLine, Build(legacyKind: .init(.io, size: 16)))
    #expect(rig.failure() == .unsupported)
  }

  /// 32 bytes end before the MTU, and with MSI-X behind the status.
  @Test(arguments: [Rig.Way.legacyLine, .legacyMessages])
  func legacy_mtuBehindTheEnd_isLeftOut(_ way: Rig.Way) throws {
    let offered: UInt64 = 1 << 3 | 1 << 5 | 1 << 16
    let rig = Rig(
      way,
      Build(offered: offered, legacyKind: .init(.io, size: 32))
    )
    let device = try rig.start()
    let features = device.features
    #expect(
      features == (way.hasVectors ? [.mac, .status] : [.mac, .status, .mtu])
    )
    try device.stop()
    #expect(rig.model.violations == [])
    #expect(rig.machine.violations == [])
  }
}
