import PCI
import PCIModel
import Packets
import Testing
import Virtio

/// Devices that lie, and such as cannot be driven.
extension EntropyDeviceTests {
  @Test(
    arguments: [
      ("nothing written", .init(bytes: Self.bytes, length: 0)),
      ("one byte too many", .init(bytes: Self.bytes, length: 65)),
      ("all there is", .init(bytes: Self.bytes, length: .max)),
      ("another chain", .init(bytes: Self.bytes, head: 1)),
      ("no chain", .init(bytes: Self.bytes, head: 8)),
      ("no chain at all", .init(bytes: Self.bytes, head: .max)),
    ] as [(String, EntropyDeviceModel.Answer)],
    [true, false]
  )
  func lie_resets_the_device_and_nothing_is_used(
    _ lie: (name: String, answer: EntropyDeviceModel.Answer),
    _ isLegacy: Bool
  ) throws {
    let rig = Rig(
      isLegacy: isLegacy,
      [lie.answer, .init(bytes: Self.bytes)]
    )
    var device = try rig.start()
    device.request()
    rig.model.isSlow = true
    let taken = Self.take(&device)
    #expect(taken.answer == .lie)
    #expect(taken.bytes == [])
    let isGivenUp = device.isGivenUp
    #expect(isGivenUp)
    #expect(rig.model.statuses.suffix(2) == [0, 0x80])
    // It is not asked again.
    device.request()
    #expect(rig.model.requests.count == 1)
    #expect(Self.take(&device).answer == .none)
    try device.stop()
    #expect(rig.pool.available == 1)
  }

  @Test func lie_while_waiting_ends_the_wait() throws {
    let rig = Rig(
      isLegacy: false,
      [.init(bytes: Self.bytes, length: 0)]
    )
    var device = try rig.start()
    device.request()
    let answer = device.take(
      until: {
        Issue.record("it waits")
        return true
      },
      { _ in Issue.record("there are no bytes") }
    )
    #expect(answer == .lie)
    try device.stop()
  }

  @Test func lie_and_no_reset_keeps_the_buffer_from_everyone() throws {
    let rig = Rig(isLegacy: false, [.init(bytes: Self.bytes, head: 3)])
    // The buffer is lost, so its pool must not end.
    _ = unsafe Unmanaged.passRetained(rig.pool)
    var device = try rig.start()
    device.request()
    rig.model.isStuckInReset = true
    #expect(Self.take(&device).answer == .lie)
    #expect(rig.pool.available == 0)
    device.request()
    #expect(rig.model.requests.count == 1)
  }

  // MARK: Devices that cannot be driven

  @Test(arguments: [true, false])
  func no_reset_no_device(_ isLegacy: Bool) {
    let rig = Rig(isLegacy: isLegacy)
    rig.model.isStuckInReset = true
    #expect(rig.failure() == .resetFailed)
    #expect(rig.model.status & 0x80 != 0)
  }

  @Test func features_refused() {
    let rig = Rig(isLegacy: false)
    rig.model.refusesFeatures = true
    #expect(rig.failure() == .featuresRefused)
    #expect(rig.model.status & 0x80 != 0)
  }

  @Test func modern_device_without_version_1() {
    let rig = Rig(isLegacy: false)
    rig.model.offered = 1 << 28
    #expect(rig.failure() == .featuresRefused)
  }

  @Test(arguments: [true, false], [0, 3] as [UInt16])
  func no_queue(_ isLegacy: Bool, _ size: UInt16) {
    let rig = Rig(isLegacy: isLegacy)
    rig.model.queueSize = size
    #expect(rig.failure() == .badQueue)
    #expect(rig.model.status & 0x80 != 0)
  }

  @Test func unplugged_is_no_device() {
    let rig = Rig(isLegacy: false)
    rig.model.tamperRead = { _, _, width in
      width == 4 ? .max : (1 << UInt32(8 * width)) - 1
    }
    #expect(rig.failure() == .resetFailed)
  }
}
