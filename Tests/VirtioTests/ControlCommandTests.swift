import PCI
import PCIModel
import Packets
import Testing

@testable import Virtio

/// What only some devices can be told. VIRTIO 1.2 §5.1.6.5.4, §5.1.6.5.8,
/// §5.1.6.5.9.
@Suite struct ControlCommandTests {
  typealias Build = NetworkDeviceModel.Build

  @Test(arguments: [false, true])
  func announcement_isAskedForAndAcknowledged(_ isLegacy: Bool) throws {
    let rig = ControlRig(isLegacy: isLegacy)
    var device = try rig.start()
    var mustAnnounce = device.mustAnnounce
    #expect(!mustAnnounce)
    rig.model.askForAnnouncement()
    mustAnnounce = device.mustAnnounce
    let isLinkUp = device.isLinkUp
    #expect(mustAnnounce && isLinkUp)
    try device.acknowledgeAnnouncement()
    mustAnnounce = device.mustAnnounce
    #expect(!mustAnnounce)
    #expect(rig.model.control.acknowledgements == 1)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  // MARK: Offloads, §5.1.6.5.8

  static let offloads =
    ControlRig.controls
    | FeatureBit.bits(
      .ctrlGuestOffloads,
      .guestCsum,
      .guestTSO4,
      .guestECN,
      .mrgRxbuf
    )

  @Test func offloads_areSwitchedAndKept() throws {
    let rig = ControlRig(Build(offered: Self.offloads))
    var device = try rig.start(memory: 1 << 20)
    try device.setGuestOffloads([.guestCsum])
    #expect(rig.model.control.offloads == FeatureBit.guestCsum.mask)
    try device.restart()
    #expect(rig.model.control.offloads == FeatureBit.guestCsum.mask)
    let all: Features = [.guestCsum, .guestTSO4, .guestECN]
    try device.setGuestOffloads(all)
    #expect(rig.model.control.offloads == all.rawValue)
    try device.stop()
    #expect(rig.model.violations == [])
  }

  @Test(arguments: [
    Features.guestTSO6, [.guestTSO4], [.guestCsum, .guestECN], [.csum], [.mac],
  ])
  func offloadsThatCannotBe_areNotTold(_ offloads: Features) throws {
    let rig = ControlRig(Build(offered: Self.offloads))
    var device = try rig.start(memory: 1 << 20)
    expect(.invalid) { () throws(ControlError) in
      try device.setGuestOffloads(offloads)
    }
    try device.stop()
    #expect(rig.model.violations == [])
  }

  // MARK: Coalescing, §5.1.6.5.9

  @Test func coalescing_isToldAndKept() throws {
    let offered = ControlRig.controls | FeatureBit.notfCoal.mask
    let rig = ControlRig(Build(offered: offered))
    var device = try rig.start()
    try device.setCoalescing(
      receive: Coalescing(packets: 8, microseconds: 50),
      transmit: Coalescing(packets: 16, microseconds: 0x0102_0304)
    )
    for _ in 0..<2 {
      let (receive, transmit) = (
        rig.model.control.receiveCoalescing,
        rig.model.control.transmitCoalescing
      )
      #expect(receive.packets == 8 && receive.microseconds == 50)
      #expect(transmit.packets == 16 && transmit.microseconds == 0x0102_0304)
      try device.restart()
    }
    try device.stop()
    #expect(rig.model.violations == [])
  }
}
