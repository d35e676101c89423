import Testing

@testable import Kernel

/// The MADT: ACPI 6.4 §5.2.12.
@Suite struct InterruptControllerTests {
  private typealias Firmware = TestFirmware

  private func read(_ structures: [UInt8]) -> InterruptControllers {
    InterruptControllers(
      Firmware.table("APIC", [UInt8](repeating: 0, count: 8) + structures)
    )
  }

  private func controller(_ address: Int, _ first: Int) -> [UInt8] {
    [1, 12, 0, 0] + Firmware.little(address, 4) + Firmware.little(first, 4)
  }

  private func override(_ line: UInt8, _ number: Int, _ flags: Int) -> [UInt8] {
    [2, 10, 0, line] + Firmware.little(number, 4) + Firmware.little(flags, 2)
  }

  /// What QEMU 7.2 gives a microvm: two controllers of 24 pins.
  @Test func microvm() {
    let table = InterruptControllers(
      Firmware.bytes(
        """
        41504943520000000183424f4348532042585043202020200100000042585043
        010000000000e0fe010000000008000001000000010c00000000c0fe00000000
        010c01000000c1fe180000000406ff000001
        """
      )
    )
    #expect(table.problems == [])
    #expect(table.overrides == [])
    #expect(
      table.places == [
        .init(address: 0xFEC0_0000, firstInterrupt: 0),
        .init(address: 0xFEC1_0000, firstInterrupt: 24),
      ]
    )
  }

  /// What it gives a pc: lines 5, 9, 10 and 11 are level-triggered, 0 is at pin
  /// 2.
  @Test func pc() {
    let table = InterruptControllers(
      Firmware.bytes(
        """
        4150494378000000018a424f4348532042585043202020200100000042585043
        010000000000e0fe010000000008000001000000010c00000000c0fe00000000
        020a0000020000000000020a0005050000000d00020a0009090000000d00020a
        000a0a0000000d00020a000b0b0000000d000406ff000001
        """
      )
    )
    #expect(table.problems == [])
    #expect(table.places.map(\.address) == [0xFEC0_0000])
    #expect(table.overrides.map(\.line) == [0, 5, 9, 10, 11])
    #expect(table.overrides.map(\.interrupt) == [2, 5, 9, 10, 11])
    #expect(table.overrides[0].signal == .isa)
    #expect(
      table.overrides[1].signal
        == InterruptSignal(isLevel: true, isActiveLow: false)
    )
  }

  @Test func flags_sayPolarityAndTrigger() {
    let table = read(
      override(1, 1, 0b0000) + override(2, 2, 0b0101) + override(3, 3, 0b1111)
        + override(4, 4, 0b0011) + override(5, 5, 0b1010)
    )
    #expect(
      table.overrides.map(\.signal) == [
        .isa, .isa, .init(isLevel: true, isActiveLow: true),
        .init(isLevel: false, isActiveLow: true), .isa,
      ]
    )
  }

  @Test func unknownStructures_arePassedOver() {
    let table = read([0x7F, 3, 9] + controller(0xFEC0_0000, 0) + [9, 2])
    #expect(table.places.count == 1)
    #expect(table.problems == [])
  }

  /// A length of 0 or 1 would never end; one too long leads out of the table.
  @Test(arguments: [[1, 0], [1, 1], [1], [1, 12, 0], [2, 255], [0x7F, 3]])
  func brokenLength_endsTheTable(_ bytes: [UInt8]) {
    let table = read(controller(0xFEC0_0000, 0) + bytes)
    #expect(table.places.count == 1)
    #expect(table.problems.count == 1)
  }

  @Test func shortStructures_areReported() {
    let table = read([1, 4, 0, 0, 2, 9, 0, 0, 0, 0, 0, 0, 0])
    #expect(table.places == [] && table.overrides == [])
    #expect(table.problems.count == 2)
  }

  @Test func nonsense_isReported() {
    let table = read(
      controller(0, 0) + controller(0xFEC0_0001, 0)
        + controller(0xFEC0_0000, 0) + controller(0xFEC0_0000, 24)
        + override(16, 1, 0) + override(3, 1, 0) + override(3, 2, 0)
    )
    #expect(table.places.count == 1)
    #expect(table.overrides.count == 1)
    #expect(table.problems.count == 5)
  }

  @Test func moreThanALimit_areNotTaken() {
    let table = read(
      (1...20).flatMap { controller($0 << 12, $0 * 24) }
    )
    #expect(table.places.count == InterruptControllers.most)
    #expect(table.problems.count == 20 - InterruptControllers.most)
  }

  /// The version register of an IOAPIC, and what none has.
  @Test func versionRegister() {
    #expect(IOAPIC.pinCount(version: 0x0017_0020) == 24)
    #expect(IOAPIC.pinCount(version: 0x0017_0011) == 24)
    #expect(IOAPIC.pinCount(version: 0x00EF_0020) == 240)
    for version: UInt32 in [0, .max, 0x00F0_0020, 0x0017_0001, 0x0117_0020] {
      #expect(IOAPIC.pinCount(version: version) == nil, "\(version)")
    }
  }
}
