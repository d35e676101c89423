/// The firmware's tables that are of use here, as far as they can be believed:
/// each has its signature, a length that is all readable, and a checksum that
/// is right. ACPI 6.4 §5.2.
///
///     root pointer → XSDT or RSDT → MADT
///                                 → FADT → DSDT
struct ACPITables {
  /// The interrupt controllers. §5.2.12.
  private(set) var controllers: [UInt8]?
  /// The machine's devices, as bytecode. §5.2.11.1.
  private(set) var devices: [UInt8]?
  /// What was not believed, a line each.
  private(set) var problems: [String] = []

  /// A table that is longer is not read.
  static var longestTable: Int { 1 << 20 }
  /// More tables than these are not looked at.
  static var mostTables: Int { 64 }

  /// §5.2.5.3.
  private enum RootPointer {
    static var signature: StaticString { "RSD PTR " }
    static var revision: Int { 15 }
    static var rsdt: Int { 16 }
    static var xsdt: Int { 24 }
    static var size: Int { 36 }
    /// What the first checksum is of, and all there is before revision 2.
    static var firstSize: Int { 20 }
  }

  /// §5.2.6.
  private enum Header {
    static var length: Int { 4 }
    static var size: Int { 36 }
  }

  /// §5.2.9.
  private enum FADT {
    static var dsdt: Int { 40 }
    static var extendedDSDT: Int { 140 }
  }

  /// No tables.
  init() {}

  /// The tables to which the root pointer at `address` leads.
  init<M: FirmwareMemory>(rootPointer address: UInt64, _ memory: M) {
    guard let (root, width) = rootTable(address, memory) else { return }
    let count = (root.count - Header.size) / width
    if count > Self.mostTables {
      problems.append(
        "acpi: only \(Self.mostTables) of \(count) tables are read"
      )
    }
    for index in 0..<min(count, Self.mostTables) {
      let offset = Header.size + index * width
      guard let entry = root.integer(at: offset, width) else { return }
      // What table it is says its first word; the others need not be right.
      guard let (start, end) = Self.add(entry, 4),
        let signature = memory.read(start..<end)
      else {
        problems.append("acpi: no table at \(Self.text(entry))")
        continue
      }
      if signature.has("APIC", at: 0), controllers == nil {
        controllers = table("APIC", at: entry, memory)
      } else if signature.has("FACP", at: 0), devices == nil,
        let description = table("FACP", at: entry, memory)
      {
        devices = table("DSDT", at: Self.dsdt(of: description), memory)
      }
    }
  }

  private static func dsdt(of description: [UInt8]) -> UInt64 {
    if let address = description.integer(at: FADT.extendedDSDT, 8),
      address != 0
    {
      return address
    }
    return description.integer(at: FADT.dsdt, 4) ?? 0
  }

  /// The table that lists the others, and the bytes of an entry of it.
  private mutating func rootTable<M: FirmwareMemory>(
    _ address: UInt64,
    _ memory: M
  ) -> (table: [UInt8], width: Int)? {
    guard let (start, end) = Self.add(address, UInt64(RootPointer.firstSize)),
      let first = memory.read(start..<end),
      first.has(RootPointer.signature, at: 0),
      first.sum(RootPointer.firstSize) == 0
    else {
      problems.append("acpi: no root pointer at \(Self.text(address))")
      return nil
    }
    if first[RootPointer.revision] >= 2 {
      guard let (_, end) = Self.add(address, UInt64(RootPointer.size)),
        let all = memory.read(address..<end), all.sum(RootPointer.size) == 0
      else {
        problems.append("acpi: the root pointer's checksum is wrong")
        return nil
      }
      if let xsdt = all.integer(at: RootPointer.xsdt, 8), xsdt != 0,
        let table = table("XSDT", at: xsdt, memory)
      {
        return (table, 8)
      }
    }
    guard let rsdt = first.integer(at: RootPointer.rsdt, 4), rsdt != 0,
      let table = table("RSDT", at: rsdt, memory)
    else { return nil }
    return (table, 4)
  }

  /// The table `signature` at `address`, if it is one; otherwise it says why
  /// not.
  private mutating func table<M: FirmwareMemory>(
    _ signature: StaticString,
    at address: UInt64,
    _ memory: M
  ) -> [UInt8]? {
    func isNot(_ reason: String) -> [UInt8]? {
      problems.append(
        "acpi: \(signature) at \(Self.text(address)) is ignored: \(reason)"
      )
      return nil
    }
    guard let (_, headerEnd) = Self.add(address, UInt64(Header.size)),
      let header = memory.read(address..<headerEnd)
    else { return isNot("it cannot be read") }
    guard header.has(signature, at: 0) else { return isNot("it is none") }
    let length = header.integer(at: Header.length, 4) ?? 0
    guard length >= UInt64(Header.size), length <= UInt64(Self.longestTable),
      let (_, end) = Self.add(address, length),
      let table = memory.read(address..<end)
    else { return isNot("its length is \(length)") }
    guard table.sum(table.count) == 0 else {
      return isNot("its checksum is wrong")
    }
    return table
  }

  /// A range's two ends, if it has them: not at 0, and no overflow.
  private static func add(
    _ address: UInt64,
    _ count: UInt64
  ) -> (UInt64, UInt64)? {
    let (end, overflow) = address.addingReportingOverflow(count)
    return address == 0 || overflow ? nil : (address, end)
  }

  private static func text(_ address: UInt64) -> String {
    "0x\(String(address, radix: 16))"
  }
}
