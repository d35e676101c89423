import PCI
import PCIModel
import Testing

/// Interrupts by message. PCI 3.0 §6.8.2.
@Suite struct MSIXTests {
  private let machine = ModelMachine()
  private let model = ModelFunction()

  /// A table of three vectors at 200h of register 1.
  private func build(control: UInt16 = 2, table: UInt32 = 0x201) {
    model.add(1, .init(.memory32, size: 4096), at: 0xFEB0_0000)
    model.addCapability(0x11, at: 0x40)
    model.set16(0x42, control)
    model.set32(0x44, table)
    model.writable[0x43] = 0xC0
    model.set16(4, 0x0002)
    machine.root.add(model, 0)
  }

  private func msix() -> MSIX<ModelHost>? {
    let assignment = AddressAssignment(
      enumerate(machine.host),
      machine.host
    )
    return MSIX(machine.host, assignment.entries[0])
  }

  private func table(_ vector: Int) -> [UInt32] {
    (0..<4).map { model.read(1, 0x200 + 16 * vector + 4 * $0, width: 4) }
  }

  @Test func enabled_allVectorsAreMasked() {
    build()
    guard let msix = msix() else {
      Issue.record("no MSI-X")
      return
    }
    #expect(msix.vectorCount == 3)
    msix.enable()
    #expect(model.bytes[0x43] & 0xC0 == 0x80)
    #expect((0..<3).map { table($0)[3] } == [1, 1, 1])
    #expect(model.command & 1 << 10 != 0, "INTx is off")
    #expect(machine.violations == [])
  }

  @Test func vector_isWrittenAndUnmasked() {
    build()
    let msix = msix()
    msix?.enable()
    msix?.setVector(2, address: 0x1_FEE0_1000, data: 0x41)
    #expect(table(2) == [0xFEE0_1000, 1, 0x41, 0])
    #expect(table(1)[3] == 1)
  }

  /// §6.8.2.9: nothing of an entry changes while it is not masked.
  @Test func vector_isMaskedWhileItChanges() {
    build()
    let msix = msix()
    msix?.enable()
    msix?.setVector(0, address: 0xFEE0_0000, data: 0x40)
    var isAlwaysMasked = true
    model.tamper = { [model] write in
      let isControl = write.offset % 16 == 12
      if !isControl, model.read(1, 0x20C, width: 4) & 1 == 0 {
        isAlwaysMasked = false
      }
      return [write]
    }
    msix?.setVector(0, address: 0xFEE0_2000, data: 0x50)
    #expect(isAlwaysMasked)
    #expect(table(0) == [0xFEE0_2000, 0, 0x50, 0])
  }

  @Test func disabled_isBackToTheLine() {
    build()
    let msix = msix()
    msix?.enable()
    msix?.disable()
    #expect(model.bytes[0x43] & 0x80 == 0)
    #expect(model.command & 1 << 10 == 0)
  }

  @Test func noCapability_isNone() {
    machine.root.add(model, 0)
    let found = msix() != nil
    #expect(!found)
  }

  /// Register, offset and size that do not fit together.
  @Test(arguments: [
    (UInt16(2), UInt32(0x200)),  // Register 0, which is not there.
    (2, 0x206), (2, 0x207),  // Registers 6 and 7.
    (2, 0x1001), (2, 0xFE1), (2, 0xFFFF_FFF9),  // Behind the end.
    (0x7FF, 0x001),  // 2,048 entries do not fit.
  ])
  func malformedTable_isNone(_ control: UInt16, _ table: UInt32) {
    build(control: control, table: table)
    let found = msix() != nil
    #expect(!found)
    #expect(machine.violations == [])
  }

  @Test func tableInPorts_isNone() {
    build(table: 0x200)
    model.add(0, .init(.io, size: 4096), at: 0xC000)
    let found = msix() != nil
    #expect(!found)
  }

  @Test func capabilityOverTheEnd_isNone() {
    build()
    model.bytes[0x34] = 0xF8
    model.bytes[0xF8] = 0x11
    let found = msix() != nil
    #expect(!found)
  }
}
