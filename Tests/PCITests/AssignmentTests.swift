import PCI
import PCIModel
import Testing

/// Places for registers that firmware left without one. PCI 3.0 §6.2.5.1,
/// PCI-to-PCI Bridge 1.2 §3.2.5.
@Suite struct AssignmentTests {
  private let machine = ModelMachine()

  private func assign() -> AddressAssignment {
    AddressAssignment(enumerate(machine.host), machine.host)
  }

  private func function(
    _ index: Int,
    _ baseAddress: ModelFunction.BaseAddress,
    at address: UInt64 = 0
  ) -> ModelFunction {
    let function = ModelFunction()
    function.add(index, baseAddress, at: address)
    return function
  }

  @Test func assignedByFirmware_stays() {
    let model = function(0, .init(.memory32, size: 4096), at: 0xFEB0_0000)
    machine.root.add(model, 1)
    let assignment = assign()
    #expect(model.address(0) == 0xFEB0_0000)
    #expect(assignment.unplacedCount == 0)
    let register = assignment.entries[0].register(0)
    #expect(register?.address == 0xFEB0_0000)
  }

  @Test func unassigned_goesToTheWindow() {
    let model = ModelFunction()
    model.add(0, .init(.io, size: 32))
    model.add(1, .init(.memory32, size: 4096))
    model.add(2, .init(.memory64, size: 1 << 20))
    machine.root.add(model, 1)
    let assignment = assign()
    #expect(model.address(0) == 0xC000)
    #expect(model.address(1) == 0xE000_0000)
    #expect(model.address(2) == 0xE010_0000)
    #expect(
      assignment.entries[0].registers.map(\.address) == [
        0xC000, 0xE000_0000, 0xE010_0000,
      ]
    )
    #expect(assignment.unplacedCount == 0)
    #expect(model.command & 7 == 0, "decoding is as it was")
  }

  @Test func assignedOnes_areNotOverlapped() {
    machine.root.add(
      function(0, .init(.memory32, size: 4096), at: 0xE000_1000),
      1
    )
    machine.root.add(
      function(0, .init(.memory32, size: 1 << 16), at: 0xE001_0000),
      2
    )
    let small = function(0, .init(.memory32, size: 4096))
    let large = function(0, .init(.memory32, size: 1 << 16))
    machine.root.add(small, 3)
    machine.root.add(large, 4)
    _ = assign()
    #expect(small.address(0) == 0xE000_0000)
    #expect(large.address(0) == 0xE002_0000)
  }

  @Test func noRoom_isCounted() {
    machine.memoryWindow = 0xE000_0000..<0xE000_1000
    let model = function(0, .init(.memory32, size: 8192))
    machine.root.add(model, 1)
    let assignment = assign()
    #expect(assignment.unplacedCount == 1)
    #expect(model.address(0) == 0)
    #expect(assignment.entries[0].register(0) == nil)
  }

  @Test func registerThatDoesNotHold_isCounted() {
    let model = function(0, .init(.memory32, size: 4096))
    model.setWritable32(0x10, 0x7FFF_F000)
    // Its size reads as 2^31 + 4096: no size, so it is left out.
    machine.root.add(model, 1)
    #expect(assign().entries[0].registers.isEmpty)

    let stuck = StuckFunction()
    stuck.add(0, .init(.memory32, size: 4096))
    machine.root.add(stuck, 2)
    #expect(assign().unplacedCount == 1)
  }

  /// Takes the ones by which it is measured and nothing else.
  private final class StuckFunction: ModelFunction {
    override func writeConfiguration(_ offset: Int, _ value: UInt32) {
      if offset == 0x10, value != .max, value != 0 { return }
      super.writeConfiguration(offset, value)
    }
  }

  @Test func outOfReach_isMoved() {
    let model = function(0, .init(.memory64, size: 4096), at: 1 << 40)
    machine.root.add(model, 1)
    #expect(assign().unplacedCount == 0)
    #expect(model.address(0) == 0xE000_0000)
  }

  // MARK: Behind bridges

  private func bridge(memory: UInt32 = 0, io: UInt32 = 0) -> ModelBridge {
    let bridge = ModelBridge(secondary: 1, subordinate: 1)
    bridge.set32(0x20, memory)
    bridge.set16(0x1C, UInt16(io))
    machine.root.add(bridge, 1)
    return bridge
  }

  @Test func behindABridge_goesToItsWindow() {
    let bridge = bridge(memory: 0xE050_E040, io: 0xD0D0)
    let model = ModelFunction()
    model.add(0, .init(.io, size: 32))
    model.add(1, .init(.memory32, size: 4096))
    bridge.bus.add(model, 0)
    let besides = function(0, .init(.memory32, size: 1 << 23))
    machine.root.add(besides, 2)
    let assignment = assign()
    #expect(model.address(0) == 0xD000)
    #expect(model.address(1) == 0xE040_0000)
    // What is not behind the bridge is not in its window either.
    #expect(besides.address(0) == 0xE080_0000)
    #expect(assignment.unplacedCount == 0)
  }

  @Test func closedWindow_isOpenedAsFarAsNeeded() {
    let bridge = bridge()
    let model = ModelFunction()
    model.add(0, .init(.io, size: 32))
    model.add(1, .init(.memory32, size: 4096))
    model.add(2, .init(.memory32, size: 4096))
    bridge.bus.add(model, 0)
    let assignment = assign()
    #expect(assignment.unplacedCount == 0)
    #expect(model.address(0) == 0xC000)
    #expect(model.address(1) == 0xE000_0000)
    #expect(model.address(2) == 0xE000_1000)
    #expect(bridge.get32(0x20) == 0xE000_E000)
    #expect(bridge.get32(0x1C) & 0xF0F0 == 0xC0C0)

    // It works: what is written arrives.
    let host = machine.host
    assignment.enable(assignment.entries[1].function, host)
    let register = RegisterAddress(space: .memory, address: 0xE000_1004)
    host.write32(register, 0x1234_5678)
    #expect(model.storage[2]?[4...7] == [0x78, 0x56, 0x34, 0x12])
    #expect(machine.violations == [])
  }

  /// What is beside an open window may be its neighbour's.
  @Test func openWindow_isNotGrown() {
    let bridge = bridge(memory: 0xE000_E000)
    let model = function(0, .init(.memory32, size: 1 << 21))
    bridge.bus.add(model, 0)
    #expect(assign().unplacedCount == 1)
    #expect(bridge.get32(0x20) == 0xE000_E000)
  }

  @Test func prefetchable_mayUseThePrefetchableWindow() {
    let bridge = bridge()
    bridge.set32(0x24, 0xE031_E021)
    let model = function(
      0,
      .init(.memory64, size: 1 << 20, isPrefetchable: true)
    )
    bridge.bus.add(model, 0)
    let plain = function(0, .init(.memory32, size: 4096))
    bridge.bus.add(plain, 1)
    #expect(assign().unplacedCount == 0)
    #expect(model.address(0) == 0xE020_0000)
    #expect(plain.address(0) == 0xE000_0000)
  }

  @Test func bridgeWithoutPorts_isCounted() {
    let bridge = bridge()
    bridge.setWritable32(0x1C, 0)
    bridge.bus.add(function(0, .init(.io, size: 32)), 0)
    #expect(assign().unplacedCount == 1)
  }

  /// The window of the first bridge would have to grow: refused, not wrong.
  @Test func behindTwoClosedBridges_isCounted() {
    let outer = ModelBridge(secondary: 1, subordinate: 2)
    let inner = ModelBridge(secondary: 2, subordinate: 2)
    machine.root.add(outer, 1)
    outer.bus.add(inner, 0)
    inner.bus.add(function(0, .init(.memory32, size: 4096)), 0)
    #expect(assign().unplacedCount == 1)
  }

  @Test func enable_opensTheWayToAFunction() {
    let outer = ModelBridge(secondary: 1, subordinate: 2)
    let inner = ModelBridge(secondary: 2, subordinate: 2)
    let model = ModelFunction()
    machine.root.add(outer, 1)
    outer.bus.add(inner, 0)
    inner.bus.add(model, 0)
    let other = ModelFunction()
    machine.root.add(other, 3)
    let assignment = assign()
    guard
      let entry = assignment.entries.first(where: {
        $0.function.address.bus == 2
      })
    else {
      Issue.record("the function was not found")
      return
    }
    assignment.enable(entry.function, machine.host)
    #expect(model.command & 7 == 7)
    #expect(inner.command & 7 == 7)
    #expect(outer.command & 7 == 7)
    #expect(other.command & 7 == 0)
  }

  /// Bridges whose numbers make a loop.
  @Test func loopOfBridges_ends() {
    let outer = ModelBridge(secondary: 1, subordinate: 3)
    let inner = ModelBridge(secondary: 2, subordinate: 3)
    machine.root.add(outer, 1)
    outer.bus.add(inner, 0)
    let back = ModelBridge(secondary: 1, subordinate: 3)
    inner.bus.add(back, 0)
    inner.bus.add(function(0, .init(.memory32, size: 4096)), 1)
    #expect(assign().unplacedCount <= 1)
  }
}
