import Testing

@testable import Virtio

/// A device whose configuration is another one at the next look: what was found
/// to be sensible must still be so when it is used. VIRTIO 1.2 §2.5.3.
@Suite struct ChangingConfigurationTests {
  typealias Build = NetworkDeviceModel.Build

  /// Where the model has its own configuration, and the fields in it.
  private enum Field {
    static let register = 4
    static let configuration = 0x2000
    static let mostPairs = configuration + 8
    static let mtu = configuration + 10
  }

  /// Lets the field at `offset` read as `value` from the second look on.
  private func change(
    _ rig: ControlRig,
    _ offset: Int,
    to value: UInt32
  ) {
    var looks = 0
    rig.model.tamperRead = { register, place, _ in
      guard register == Field.register, place == offset else { return nil }
      looks += 1
      return looks > 1 ? value : nil
    }
  }

  @Test(arguments: [UInt32(0x8000), 0xFFFF])
  func pairs_neverMakeAQueueThatIsNone(_ value: UInt32) {
    var build = Build(offered: MultiqueueTests.mq)
    build.pairs = 4
    let rig = ControlRig(build)
    change(rig, Field.mostPairs, to: value)
    var failure: VirtioError?
    do throws(VirtioError) {
      let device = try rig.start { $0.queuePairs = 2 }
      try device.stop()
    } catch {
      failure = error
    }
    #expect(failure == .badQueue)
  }

  @Test(arguments: [UInt32(0), 575])
  func mtu_isNeverTooSmallForTheStack(_ value: UInt32) throws {
    let offered = ControlRig.controls | FeatureBit.mtu.mask
    let rig = ControlRig(Build(offered: offered, mtu: 1400))
    change(rig, Field.mtu, to: value)
    let device = try rig.start()
    let mtu = device.mtu
    #expect(mtu == 576)
    rig.model.tamperRead = nil
    try device.stop()
    #expect(rig.hasAllPackets)
  }
}
