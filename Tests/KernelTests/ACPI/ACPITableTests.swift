import Testing

@testable import Kernel

/// The way from the root pointer to the tables, and what of it is not believed.
/// ACPI 6.4 §5.2.
@Suite struct ACPITableTests {
  private static let root: UInt64 = 0xF_0000
  private static let list: UInt64 = 0x3000
  private static let controllers: UInt64 = 0x4000
  private static let description: UInt64 = 0x5000
  private static let devices: UInt64 = 0x6000

  private typealias Firmware = TestFirmware

  /// Good tables: an XSDT and an RSDT, each with both tables.
  private func firmware(
    revision: UInt8 = 2,
    extendedDSDT: Bool = true
  ) -> TestFirmware {
    var firmware = TestFirmware()
    firmware.put(
      Firmware.rootPointer(
        rsdt: Int(Self.list) + 0x800,
        xsdt: Int(Self.list),
        revision: revision
      ),
      at: Self.root
    )
    let tables = [Self.description, Self.controllers].map(Int.init)
    firmware.put(
      Firmware.table("XSDT", tables.flatMap { Firmware.little($0, 8) }),
      at: Self.list
    )
    firmware.put(
      Firmware.table("RSDT", tables.flatMap { Firmware.little($0, 4) }),
      at: Self.list + 0x800
    )
    var description = [UInt8](repeating: 0, count: 112)
    let address = Firmware.little(Int(Self.devices), 4)
    description.replaceSubrange(
      extendedDSDT ? 104..<108 : 4..<8,
      with: address
    )
    if !extendedDSDT { description.removeLast(32) }
    firmware.put(Firmware.table("FACP", description), at: Self.description)
    firmware.put(Firmware.table("APIC", [1, 2, 3]), at: Self.controllers)
    firmware.put(Firmware.table("DSDT", [4, 5]), at: Self.devices)
    return firmware
  }

  private func read(_ firmware: TestFirmware) -> ACPITables {
    ACPITables(rootPointer: Self.root, firmware)
  }

  @Test(arguments: [(0, false), (0, true), (2, false), (2, true)])
  func goodTables_areFound(_ revision: UInt8, _ extended: Bool) {
    let tables = read(firmware(revision: revision, extendedDSDT: extended))
    #expect(tables.problems == [])
    #expect(tables.controllers?.suffix(3) == [1, 2, 3])
    #expect(tables.devices?.suffix(2) == [4, 5])
  }

  /// Each table, with one bit changed anywhere, is found out by its checksum,
  /// its length or its signature; none is ever believed.
  @Test func changedBit_isFoundOut() {
    for address in [Self.controllers, Self.devices] {
      for bit in 0..<8 * 38 {
        var firmware = firmware()
        firmware.change(address, bit / 8) { $0 ^= 1 << (bit % 8) }
        let tables = read(firmware)
        #expect(
          (address == Self.devices ? tables.devices : tables.controllers)
            == nil,
          "bit \(bit) of the table at \(address)"
        )
        // A signature that is nobody's is no problem: another kind of table.
        #expect(!tables.problems.isEmpty || bit < 32, "bit \(bit)")
      }
    }
  }

  @Test func changedBitOfTheRootPointer_isFoundOut() {
    for bit in 0..<8 * 36 {
      var firmware = firmware()
      firmware.change(Self.root, bit / 8) { $0 ^= 1 << (bit % 8) }
      let tables = read(firmware)
      #expect(tables.controllers == nil && tables.devices == nil, "\(bit)")
      #expect(tables.problems.count == 1, "bit \(bit): \(tables.problems)")
    }
  }

  @Test func brokenXSDT_isReplacedByTheRSDT() {
    var firmware = firmware()
    firmware.change(Self.list, 20) { $0 ^= 1 }
    let tables = read(firmware)
    #expect(tables.controllers != nil)
    #expect(tables.problems.count == 1)
  }

  /// Lengths: less than a header, more than is readable, more than is read, and
  /// all that 32 bits hold.
  @Test(arguments: [0, 1, 35, 40, 1 << 20 + 1, Int(UInt32.max)])
  func wrongLength_isFoundOut(_ length: Int) {
    var firmware = firmware()
    for (index, byte) in Firmware.little(length, 4).enumerated() {
      firmware.change(Self.controllers, 4 + index) { $0 = byte }
    }
    let tables = read(firmware)
    #expect(tables.controllers == nil)
    #expect(tables.devices != nil)
    #expect(tables.problems.count == 1)
  }

  @Test(arguments: [0, 1, UInt64(Int.max), .max - 10, .max])
  func rootPointerElsewhere_isReported(_ address: UInt64) {
    let tables = ACPITables(rootPointer: address, firmware())
    #expect(tables.controllers == nil && tables.devices == nil)
    #expect(tables.problems.count == 1)
  }

  @Test func tablesElsewhere_areReported() {
    var firmware = firmware()
    firmware.put(
      Firmware.table(
        "XSDT",
        [0, -1, -20, 0x7777_0000, Int(Self.controllers)].flatMap {
          Firmware.little($0, 8)
        }
      ),
      at: Self.list
    )
    let tables = read(firmware)
    #expect(tables.controllers != nil)
    #expect(tables.problems.count == 4)
  }

  @Test func moreTablesThanALimit_areNotRead() {
    var firmware = firmware()
    firmware.put(
      Firmware.table(
        "XSDT",
        [UInt8](repeating: 0, count: 8 * ACPITables.mostTables)
          + Firmware.little(Int(Self.controllers), 8)
      ),
      at: Self.list
    )
    let tables = read(firmware)
    #expect(tables.controllers == nil)
    #expect(tables.problems.count == ACPITables.mostTables + 1)
  }

  @Test(arguments: UInt64(1)...20)
  func randomBytes_areSurvived(_ seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    for address in [Self.list, Self.controllers, Self.description] {
      for _ in 0..<50 {
        var firmware = firmware()
        for _ in 0..<4 {
          firmware.change(address, .random(in: 0..<36, using: &numbers)) {
            $0 = .random(in: 0...255, using: &numbers)
          }
        }
        let tables = read(firmware)
        #expect(tables.problems.count < 4, "seed \(seed)")
      }
    }
  }
}
