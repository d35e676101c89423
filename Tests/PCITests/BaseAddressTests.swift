import PCI
import PCIModel
import Testing

/// What base address registers ask for. PCI 3.0 §6.2.5.1.
@Suite struct BaseAddressTests {
  private let machine = ModelMachine()
  private let model = ModelFunction()

  private func registers(headerType: UInt8 = 0) -> [BaseAddressRegister] {
    machine.root.add(model, 0)
    let space = ConfigurationSpace(
      host: machine.host,
      address: FunctionAddress(bus: 0, device: 0, function: 0)
    )
    return space.baseAddressRegisters(headerType: headerType)
  }

  @Test func allKinds_areMeasured() {
    model.add(0, .init(.io, size: 32), at: 0xC000)
    model.add(1, .init(.memory32, size: 4096), at: 0xFEB0_0000)
    model.add(
      2,
      .init(.memory64, size: 1 << 33, isPrefetchable: true),
      at: 1 << 40
    )
    model.add(4, .init(.memory32, size: 16, isPrefetchable: true))
    let found = registers()
    #expect(found.map(\.index) == [0, 1, 2, 4])
    #expect(found.map(\.size) == [32, 4096, 1 << 33, 16])
    #expect(found.map(\.address) == [0xC000, 0xFEB0_0000, 1 << 40, 0])
    #expect(found.map(\.is64Bit) == [false, false, true, false])
    #expect(found.map(\.isPrefetchable) == [false, false, true, true])
    #expect(found.map(\.space) == [.port, .memory, .memory, .memory])
    #expect(found[0].range == 0xC000..<0xC020)
    #expect(found[3].range == nil)
  }

  /// Sizing leaves everything as it was, and the function does not answer while
  /// its registers hold nonsense.
  @Test func measuring_leavesNoTrace() {
    model.add(0, .init(.io, size: 32), at: 0xC000)
    model.add(2, .init(.memory64, size: 1 << 14), at: 0xFEB0_0000)
    model.set16(4, 0x0407)
    let before = model.bytes
    _ = registers()
    #expect(model.bytes == before)
    let writes = model.configurationWrites
    #expect(writes.first?.0 == 4 && writes.first?.1 == 0x0404)
    #expect(writes.last?.0 == 4 && writes.last?.1 == 0x0407)
    #expect(writes.dropFirst().dropLast().allSatisfy { $0.0 >= 0x10 })
  }

  /// A port register may have its upper half wired to zero.
  @Test func portsOf16Bits_areMeasured() {
    model.add(0, .init(.io, size: 64), at: 0xC000)
    model.setWritable32(0x10, 0xFFC0)
    #expect(registers().map(\.size) == [64])
  }

  @Test func bridge_hasTwoRegisters() {
    for index in 0..<6 { model.add(index, .init(.memory32, size: 4096)) }
    #expect(registers(headerType: 1).map(\.index) == [0, 1])
    #expect(registers(headerType: 2).isEmpty)
  }

  struct Malformed: Sendable {
    var value: UInt32
    var mask: UInt32
    var upperMask: UInt32 = 0
  }

  /// None of these is a size, or a kind, that there is.
  static let malformed: [Malformed] = [
    // All bits stick: a size of 2^32 or nothing.
    Malformed(value: 0xFFFF_FFFF, mask: 0),
    // A hole in the mask.
    Malformed(value: 0, mask: 0xFFFF_0F00),
    Malformed(value: 1, mask: 0x0F00),
    // Reserved kind.
    Malformed(value: 6, mask: 0xFFFF_F000),
    // 64 bits with nothing to write in either half.
    Malformed(value: 4, mask: 0),
    // 64 bits with a hole between the halves.
    Malformed(value: 4, mask: 0xFFF0_0000, upperMask: 0xFFFF_FFF0),
  ]

  @Test(arguments: malformed.indices)
  func malformedRegister_isLeftOut(_ index: Int) {
    let malformed = Self.malformed[index]
    model.set32(0x10, malformed.value)
    model.setWritable32(0x10, malformed.mask)
    model.setWritable32(0x14, malformed.upperMask)
    model.add(4, .init(.memory32, size: 4096), at: 0xFEB0_0000)
    #expect(registers().filter { $0.index == 0 } == [])
    #expect(registers().contains { $0.index == 4 })
  }

  /// The second half would be behind the last register.
  @Test func wideRegisterAtTheEnd_isLeftOut() {
    model.set32(0x24, 4)
    model.setWritable32(0x24, 0xFFFF_F000)
    #expect(registers().isEmpty)
  }

  /// What firmware wrote may end beyond the last address.
  @Test func rangeBeyondTheEnd_isNone() {
    model.add(0, .init(.io, size: 256), at: 0x1_0000)
    model.add(
      2,
      .init(.memory64, size: 1 << 63),
      at: 1 << 63
    )
    let found = registers()
    #expect(found.count == 2)
    #expect(found.allSatisfy { $0.range == nil && $0.base == nil })
  }
}
