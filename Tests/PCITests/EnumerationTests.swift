import PCI
import PCIModel
import Testing

/// Which functions are found, and that the search ends. PCI 3.0 §3.2.2.3.
@Suite struct EnumerationTests {
  private func addresses(_ machine: ModelMachine) -> [FunctionAddress] {
    enumerate(machine.host).map(\.address)
  }

  private func at(
    _ bus: UInt8,
    _ device: UInt8,
    _ function: UInt8 = 0
  ) -> FunctionAddress {
    FunctionAddress(bus: bus, device: device, function: function)
  }

  @Test func noFunction_findsNone() {
    #expect(addresses(ModelMachine()).isEmpty)
  }

  @Test func devicesOfBus0_areFound() {
    let machine = ModelMachine()
    for device: UInt8 in [0, 3, 31] {
      machine.root.add(ModelFunction(), device)
    }
    #expect(addresses(machine) == [at(0, 0), at(0, 3), at(0, 31)])
    #expect(machine.violations == [])
  }

  @Test func header_isRead() {
    let machine = ModelMachine()
    let model = ModelFunction(
      vendor: 0x1AF4,
      device: 0x1041,
      classCode: 0x020001
    )
    model.bytes[0x08] = 7
    model.set32(0x2C, 0xBBBB_AAAA)
    model.bytes[0x3C] = 11
    model.bytes[0x3D] = 2
    machine.root.add(model, 1)
    let function = enumerate(machine.host)[0]
    #expect(function.vendor == 0x1AF4)
    #expect(function.device == 0x1041)
    #expect(function.classCode == 0x020001)
    #expect(function.revision == 7)
    #expect(function.subsystemVendor == 0xAAAA)
    #expect(function.subsystem == 0xBBBB)
    #expect(function.interruptLine == 11)
    #expect(function.interruptPin == 2)
    #expect(!function.isBridge)
    #expect("\(function.className)" == "Ethernet controller")
  }

  /// Functions 1 to 7 are looked for only where function 0 says that there are
  /// more.
  @Test func functions_ofMultifunctionDevicesOnly() {
    let machine = ModelMachine()
    machine.root.add(ModelFunction(headerType: 0x80), 1, 0)
    machine.root.add(ModelFunction(), 1, 5)
    machine.root.add(ModelFunction(), 2, 0)
    machine.root.add(ModelFunction(), 2, 1)
    machine.root.add(ModelFunction(), 3, 4)
    #expect(addresses(machine) == [at(0, 1), at(0, 1, 5), at(0, 2)])
  }

  @Test func bridges_areFollowed() {
    let machine = ModelMachine()
    let outer = ModelBridge(secondary: 1, subordinate: 2)
    let inner = ModelBridge(secondary: 2, subordinate: 2)
    machine.root.add(outer, 1)
    machine.root.add(ModelFunction(), 2)
    outer.bus.add(inner, 0)
    inner.bus.add(ModelFunction(), 4)
    #expect(addresses(machine) == [at(0, 1), at(0, 2), at(1, 0), at(2, 4)])
    #expect(outer.configurationWrites.isEmpty)
  }

  /// Each bus is searched once, whatever the numbers say.
  @Test(arguments: [UInt8(1), 2, 3])
  func bridgesInALoop_end(_ last: UInt8) {
    let machine = ModelMachine()
    let outer = ModelBridge(secondary: 1, subordinate: 3)
    let inner = ModelBridge(secondary: last, subordinate: 3)
    machine.root.add(outer, 1)
    outer.bus.add(inner, 0)
    inner.bus.add(ModelFunction(), 1)
    let back = ModelBridge(secondary: 1, subordinate: 3)
    inner.bus.add(back, 2)
    #expect(addresses(machine).count <= 4)
    #expect(addresses(machine).first == at(0, 1))
  }

  /// As after a reset, when no firmware has run.
  @Test func bridgesWithoutNumbers_areNumbered() {
    let machine = ModelMachine()
    let first = ModelBridge()
    let nested = ModelBridge()
    let second = ModelBridge()
    machine.root.add(first, 1)
    machine.root.add(second, 2)
    first.bus.add(nested, 0)
    nested.bus.add(ModelFunction(device: 0xAAAA), 5)
    second.bus.add(ModelFunction(device: 0xBBBB), 6)
    let functions = enumerate(machine.host)
    #expect(functions.first { $0.device == 0xAAAA }?.address == at(2, 5))
    #expect(functions.first { $0.device == 0xBBBB }?.address == at(3, 6))
    #expect([first.secondary, first.subordinate] == [1, 2])
    #expect([nested.secondary, nested.subordinate] == [2, 2])
    #expect([second.secondary, second.subordinate] == [3, 3])
    // A second search finds the same.
    #expect(
      Set(addresses(machine)) == Set(functions.map(\.address))
    )
  }

  /// Numbers that a bridge keeps for what is plugged in later are not taken.
  @Test func numbersKeptByABridge_areNotGivenOut() {
    let machine = ModelMachine()
    let first = ModelBridge(secondary: 1, subordinate: 8)
    let second = ModelBridge()
    machine.root.add(first, 1)
    machine.root.add(second, 2)
    _ = enumerate(machine.host)
    #expect([first.secondary, first.subordinate] == [1, 8])
    #expect([second.secondary, second.subordinate] == [9, 9])
  }

  /// A bus cannot be added behind a bridge whose neighbour has the numbers that
  /// follow.
  @Test func noNumberInBetween_isLeftOut() {
    let machine = ModelMachine()
    let first = ModelBridge(secondary: 1, subordinate: 1)
    let nested = ModelBridge()
    let second = ModelBridge(secondary: 2, subordinate: 2)
    machine.root.add(first, 1)
    machine.root.add(second, 2)
    first.bus.add(nested, 0)
    second.bus.add(ModelFunction(), 0)
    #expect(
      addresses(machine) == [at(0, 1), at(0, 2), at(1, 0), at(2, 0)]
    )
    #expect(nested.secondary == 0)
    #expect([first.secondary, first.subordinate] == [1, 1])
  }

  @Test func numbersThatCannotBeWritten_areLeftOut() {
    let machine = ModelMachine()
    let bridge = ModelBridge()
    bridge.setWritable32(0x18, 0)
    machine.root.add(bridge, 1)
    bridge.bus.add(ModelFunction(), 0)
    #expect(addresses(machine) == [at(0, 1)])
  }

  /// A configuration space that answers everywhere.
  @Test func functionsEverywhere_endAtTheLimit() {
    let machine = ModelMachine()
    var bus = machine.root
    for number: UInt8 in 1...8 {
      for device: UInt8 in 0..<32 {
        for function: UInt8 in 0..<8 where device > 0 || function > 0 {
          bus.add(ModelFunction(headerType: 0x80), device, function)
        }
      }
      let bridge = ModelBridge(secondary: number, subordinate: 8)
      bridge.bytes[0x0E] = 0x81
      bus.add(bridge, 0)
      bus = bridge.bus
    }
    #expect(enumerate(machine.host).count == PCILimits.functions)
  }
}
