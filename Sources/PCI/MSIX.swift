/// Interrupts that are writes to memory, each with an address and a value of
/// its own. PCI 3.0 §6.8.2.
public struct MSIX<Host: PCIHost> {
  private let space: ConfigurationSpace<Host>
  private let offset: Int
  private let table: RegisterAddress

  /// How many vectors the table has, 1 to 2,048.
  public let vectorCount: Int

  /// The function's MSI-X, or `nil` when it has none, or one whose table is
  /// not where it says.
  public init?(_ host: Host, _ entry: AddressAssignment.Entry) {
    space = ConfigurationSpace(host: host, address: entry.function.address)
    guard
      let capability = space.capabilities.first(where: {
        $0.identifier == Capability.Identifier.msix
      }),
      capability.offset + 12 <= ConfigurationSpace<Host>.size
    else { return nil }
    offset = capability.offset
    let control = space.read16(offset + Field.control)
    // §6.8.2.3: encoded as one less.
    vectorCount = Int(control & Control.tableSize) + 1
    // §6.8.2.4: the register's number in the low three bits.
    let word = space.read32(offset + Field.table)
    let start = UInt64(word & ~7)
    let size = UInt64(vectorCount * TableEntry.size)
    guard let register = entry.register(Int(word & 7)),
      register.space == .memory,
      size <= register.size, start <= register.size - size,
      let base = register.base, let range = register.range,
      host.reaches(range)
    else { return nil }
    table = base + Int(start)
  }

  /// Switches MSI-X on with every vector masked, and the interrupt line off.
  public func enable() {
    let control = space.read16(offset + Field.control)
    space.write16(
      offset + Field.control,
      control | Control.enable | Control.functionMask
    )
    for vector in 0..<vectorCount {
      space.host.write32(
        entry(vector) + TableEntry.control,
        TableEntry.masked
      )
    }
    space.command = space.command.union(.interruptDisable)
    space.write16(
      offset + Field.control,
      control & ~Control.functionMask | Control.enable
    )
  }

  /// Switches MSI-X off, back to the interrupt line.
  public func disable() {
    let control = space.read16(offset + Field.control)
    space.write16(offset + Field.control, control & ~Control.enable)
    space.command = space.command.subtracting(.interruptDisable)
  }

  /// Lets `vector` interrupt by writing `data` to `address`.
  ///
  /// - Precondition: `vector` is less than ``vectorCount``.
  public func setVector(_ vector: Int, address: UInt64, data: UInt32) {
    precondition(vector >= 0 && vector < vectorCount)
    let entry = entry(vector)
    // §6.8.2.9: an entry is changed while it is masked.
    space.host.write32(entry + TableEntry.control, TableEntry.masked)
    space.host.write32(
      entry + TableEntry.addressLow,
      UInt32(truncatingIfNeeded: address)
    )
    space.host.write32(
      entry + TableEntry.addressHigh,
      UInt32(truncatingIfNeeded: address >> 32)
    )
    space.host.write32(entry + TableEntry.data, data)
    space.host.write32(entry + TableEntry.control, 0)
  }

  private func entry(_ vector: Int) -> RegisterAddress {
    table + vector * TableEntry.size
  }
}

/// Where in the capability. §6.8.2.3 and §6.8.2.4.
private enum Field {
  static let control = 2
  static let table = 4
}

/// Where in an entry of the table. §6.8.2.7 to §6.8.2.10.
private enum TableEntry {
  static let addressLow = 0
  static let addressHigh = 4
  static let data = 8
  static let control = 12
  static let size = 16
  static let masked: UInt32 = 1
}

/// The message control register. §6.8.2.3.
private enum Control {
  static let enable: UInt16 = 1 << 15
  static let functionMask: UInt16 = 1 << 14
  static let tableSize: UInt16 = 0x7FF
}
