import PCI
import PCIModel
import Testing

/// The capability list, which is the device's word. PCI 3.0 §6.7.
@Suite struct CapabilityTests {
  private let model = ModelFunction()

  private func offsets() -> [Int] {
    let machine = ModelMachine()
    machine.root.add(model, 0)
    let space = ConfigurationSpace(
      host: machine.host,
      address: FunctionAddress(bus: 0, device: 0, function: 0)
    )
    let offsets = space.capabilities.map(\.offset)
    #expect(machine.violations == [])
    return offsets
  }

  @Test func list_isFollowed() {
    model.addCapability(0x11, at: 0x80)
    model.addCapability(0x09, at: 0x40)
    model.addCapability(0x09, at: 0xFC)
    #expect(offsets() == [0x80, 0x40, 0xFC])
  }

  @Test func noList_isNone() {
    model.addCapability(0x11, at: 0x80)
    model.bytes[0x06] = 0
    #expect(offsets() == [])
  }

  @Test func emptyList_isNone() {
    model.bytes[0x06] = 0x10
    #expect(offsets() == [])
  }

  /// The two low bits are reserved and to be masked.
  @Test func reservedBits_areMasked() {
    model.addCapability(0x11, at: 0x80)
    model.addCapability(0x09, at: 0x90)
    model.bytes[0x34] |= 3
    model.bytes[0x81] |= 3
    #expect(offsets() == [0x80, 0x90])
  }

  @Test(arguments: [UInt8(0x04), 0x10, 0x3C])
  func linkIntoTheHeader_ends(_ link: UInt8) {
    model.addCapability(0x11, at: 0x80)
    model.bytes[0x81] = link
    #expect(offsets() == [0x80])
  }

  @Test func linkToItself_ends() {
    model.addCapability(0x11, at: 0x80)
    model.bytes[0x81] = 0x80
    #expect(offsets() == [0x80])
  }

  @Test func loop_ends() {
    model.addCapability(0x11, at: 0x80)
    model.addCapability(0x09, at: 0x90)
    model.addCapability(0x09, at: 0xA0)
    model.bytes[0xA1] = 0x90
    #expect(offsets() == [0x80, 0x90, 0xA0])
  }

  /// Every place that there is, one after the other: the longest list.
  @Test func longestList_isRead() {
    model.bytes[0x06] = 0x10
    model.bytes[0x34] = 0x40
    for offset in stride(from: 0x40, to: 0xFC, by: 4) {
      model.bytes[offset + 1] = UInt8(offset + 4)
    }
    #expect(offsets().count == 48)
  }

  @Test(arguments: [UInt64(1), 2, 3, 4, 5])
  func randomBytes_end(_ seed: UInt64) {
    var state = seed
    for round in 0..<200 {
      for offset in 0x34..<256 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        model.bytes[offset] = UInt8(truncatingIfNeeded: state >> 33)
      }
      model.bytes[0x06] = 0x10
      let offsets = offsets()
      #expect(offsets.count <= 48, "seed \(seed), round \(round)")
      #expect(
        Set(offsets).count == offsets.count,
        "seed \(seed), round \(round)"
      )
      #expect(
        offsets.allSatisfy { $0 >= 0x40 && $0 <= 0xFC && $0 % 4 == 0 },
        "seed \(seed), round \(round)"
      )
    }
  }
}
