import PCIModel
import Testing

/// The control queue: what the driver sets, the model keeps, and to what it
/// objects. VIRTIO 1.2 §5.1.6.5.
@Suite struct ModelSelfTestsControl {
  typealias Build = NetworkDeviceModel.Build

  static let all: [FeatureBit] = [
    .ctrlVQ, .ctrlRX, .ctrlRXExtra, .ctrlVLAN, .ctrlMACAddr, .guestAnnounce,
    .mq, .rss, .hashReport, .ctrlGuestOffloads, .notfCoal, .guestCsum,
    .guestTSO4, .mrgRxbuf, .status,
  ]

  private func driver() -> HandDriver { Self.driver(Self.all) }

  /// A driver with these features and two pairs, started.
  static func driver(_ features: [FeatureBit]) -> HandDriver {
    let driver = HandDriver(features, Build(queueSizes: [16, 16], pairs: 2))
    driver.start()
    return driver
  }

  private func isDelivered(
    _ driver: HandDriver,
    to address: [UInt8],
    tag: [UInt8] = []
  ) -> Bool {
    driver.fill(1)
    let rest = [UInt8](repeating: 1, count: 6) + tag
    let frame =
      address + rest + [0x88, 0xB5] + [UInt8](repeating: 0, count: 46)
    let isDelivered = driver.model.deliver(frame)
    #expect((driver.receive()?.1 == frame) == isDelivered)
    return isDelivered
  }

  // MARK: Filters

  static let own: [UInt8] = [0x52, 0x54, 0, 0x12, 0x34, 0x56]
  static let other: [UInt8] = [0x52, 0x54, 0, 9, 9, 9]
  static let group: [UInt8] = [0x33, 0x33, 0, 0, 0, 1]
  static let everyone = [UInt8](repeating: 0xFF, count: 6)

  @Test func filter_takesOwnAndBroadcast() {
    let driver = driver()
    #expect(isDelivered(driver, to: Self.own))
    #expect(isDelivered(driver, to: Self.everyone))
    #expect(!isDelivered(driver, to: Self.other))
    #expect(!isDelivered(driver, to: Self.group))
    #expect(driver.model.undelivered == [.filtered: 2])
    #expect(driver.violations == [])
  }

  /// The command, what it lets through or keeps out, and of whom.
  @Test(
    arguments: [
      (0, other, true), (0, group, true), (1, group, true), (1, other, false),
      (2, other, true), (2, group, false), (4, own, false),
      (5, everyone, false),
    ] as [(UInt8, [UInt8], Bool)]
  )
  func modes_switchTheFilter(
    _ command: UInt8,
    _ address: [UInt8],
    _ isOn: Bool
  ) {
    let driver = driver()
    let before = isDelivered(driver, to: address)
    #expect(driver.command(0, command, [1]) == 0)
    #expect(isDelivered(driver, to: address) == isOn)
    #expect(driver.command(0, command, [0]) == 0)
    #expect(isDelivered(driver, to: address) == before)
    #expect(driver.violations == [])
  }

  /// §5.1.6.5.1: NOMULTI wins over ALLMULTI, promiscuous over all.
  @Test func modes_winOverEachOther() {
    let driver = driver()
    #expect(driver.command(0, 1, [1]) == 0)
    #expect(driver.command(0, 3, [1]) == 0)
    #expect(!isDelivered(driver, to: Self.group))
    #expect(isDelivered(driver, to: Self.everyone))
    #expect(driver.command(0, 0, [1]) == 0)
    #expect(isDelivered(driver, to: Self.group))
  }

  @Test func table_andAddress_changeTheFilter() {
    let driver = driver()
    let table =
      little(1 as UInt32) + Self.other + little(1 as UInt32) + Self.group
    #expect(driver.command(1, 0, table) == 0)
    #expect(isDelivered(driver, to: Self.other))
    #expect(isDelivered(driver, to: Self.group))
    #expect(driver.command(1, 0, [UInt8](repeating: 0, count: 8)) == 0)
    #expect(!isDelivered(driver, to: Self.other))
    #expect(driver.command(1, 1, Self.other) == 0)
    #expect(isDelivered(driver, to: Self.other))
    #expect(!isDelivered(driver, to: Self.own))
    #expect((0..<6).map { driver.model.configuration($0) } == Self.other)
    #expect(driver.violations == [])
  }

  @Test func vlans_areFiltered() {
    let driver = driver()
    let tag: [UInt8] = [0x81, 0, 0x60, 42]
    #expect(!isDelivered(driver, to: Self.own, tag: tag))
    #expect(driver.command(2, 0, [42, 0]) == 0)
    #expect(isDelivered(driver, to: Self.own, tag: tag))
    #expect(driver.command(2, 1, [42, 0]) == 0)
    #expect(!isDelivered(driver, to: Self.own, tag: tag))
    #expect(isDelivered(driver, to: Self.own))
    #expect(driver.violations == [])
  }

  // MARK: The rest

  @Test func announcement_isAcknowledged() {
    let driver = driver()
    driver.model.askForAnnouncement()
    #expect(driver.model.interrupts == [nil])
    #expect(driver.read(0x2006) == 3)
    #expect(driver.command(3, 0, []) == 0)
    #expect(driver.read(0x2006) == 1)
    #expect(!driver.model.isAnnouncementPending)
    #expect(driver.model.control.acknowledgements == 1)
  }

  @Test func offloads_areSwitched() {
    let driver = driver()
    driver.fill(3)
    #expect(driver.model.deliver(GoldenFrames.complete, offload: .partial))
    #expect(driver.receive()?.0.flags == 1)
    #expect(driver.command(5, 0, little(0 as UInt64)) == 0)
    #expect(driver.model.deliver(GoldenFrames.complete, offload: .partial))
    #expect(driver.receive()?.0.flags == 0)
    let both = FeatureBit.bits(.guestCsum, .guestTSO4)
    #expect(driver.command(5, 0, little(both)) == 0)
    #expect(driver.model.control.offloads == both)
    #expect(driver.violations == [])
  }

  /// §5.1.6.5.9: an interrupt for three, or when the time is over.
  @Test func coalescing_holdsInterruptsBack() {
    let driver = driver()
    let data = little(3 as UInt32) + little(50 as UInt32)
    #expect(driver.command(6, 1, data) == 0)
    driver.fill(8)
    driver.model.interrupts = []
    for count in [0, 0, 1, 1] {
      driver.model.deliver(GoldenFrames.complete)
      #expect(driver.model.interrupts.count == count)
    }
    driver.model.elapseCoalescing()
    #expect(driver.model.interrupts.count == 2)
    #expect(driver.command(6, 0, data) == 0)
    #expect(driver.model.control.transmitCoalescing.packets == 3)
    #expect(driver.violations == [])
  }
}
