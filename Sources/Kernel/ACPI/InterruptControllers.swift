/// What the firmware says of the controllers for interrupt lines: the MADT.
/// ACPI 6.4 §5.2.12.
struct InterruptControllers: Equatable {
  /// Where an IOAPIC is. §5.2.12.3.
  struct Place: Equatable {
    var address: UInt64
    /// The number of its first pin.
    var firstInterrupt: UInt32
  }

  /// A line of the ISA bus that is not at the pin of its own number, or is not
  /// as ISA's are. §5.2.12.5.
  struct Override: Equatable {
    var line: UInt8
    var interrupt: UInt32
    var signal: InterruptSignal
  }

  private(set) var places: [Place] = []
  private(set) var overrides: [Override] = []
  /// What was not believed, a line each.
  private(set) var problems: [String] = []

  /// More of either are not looked at.
  static var most: Int { 16 }

  private enum Structure {
    static var first: Int { 44 }
    static var ioapic: UInt8 { 1 }
    static var override: UInt8 { 2 }
  }

  /// Reads the table, which is one in its signature, length and checksum.
  init(_ table: [UInt8]) {
    var offset = Structure.first
    while offset < table.count {
      // Each structure is a byte of kind and a byte of length, itself included.
      guard let length = table.integer(at: offset + 1, 1), length >= 2,
        offset + Int(length) <= table.count
      else {
        problems.append("acpi: the MADT ends in the middle of a structure")
        return
      }
      switch (table[offset], length) {
      case (Structure.ioapic, 12...): addController(table, offset)
      case (Structure.override, 10...): addOverride(table, offset)
      case (Structure.ioapic, _), (Structure.override, _):
        problems.append("acpi: a structure of the MADT is too short")
      default: break
      }
      offset += Int(length)
    }
  }

  private mutating func addController(_ table: [UInt8], _ offset: Int) {
    guard let address = table.integer(at: offset + 4, 4),
      let first = table.integer(at: offset + 8, 4)
    else { return }
    guard address != 0, address & 0xF == 0, places.count < Self.most,
      !places.contains(where: { $0.address == address })
    else {
      problems.append(
        "acpi: the IOAPIC at 0x\(String(address, radix: 16)) is ignored"
      )
      return
    }
    places.append(Place(address: address, firstInterrupt: UInt32(first)))
  }

  private mutating func addOverride(_ table: [UInt8], _ offset: Int) {
    guard let interrupt = table.integer(at: offset + 4, 4),
      let flags = table.integer(at: offset + 8, 2)
    else { return }
    let line = table[offset + 3]
    guard line < 16, overrides.count < Self.most,
      !overrides.contains(where: { $0.line == line })
    else {
      problems.append("acpi: the override of line \(line) is ignored")
      return
    }
    // §5.2.12.5, table 5-56: 3 is low, and level; all else as ISA has it.
    overrides.append(
      Override(
        line: line,
        interrupt: UInt32(interrupt),
        signal: InterruptSignal(
          isLevel: flags >> 2 & 3 == 3,
          isActiveLow: flags & 3 == 3
        )
      )
    )
  }
}
