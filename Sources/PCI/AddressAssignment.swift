/// The base address registers of all functions: where firmware placed them, and
/// a place for those that it left without one.
public struct AddressAssignment {
  /// What became of the registers of one function.
  public struct Entry: Sendable {
    /// The function.
    public let function: PCIFunction
    /// Its registers, all that could be placed with an address.
    public internal(set) var registers: [BaseAddressRegister]

    /// The register `index`, if the function has it and it has a place.
    public func register(_ index: Int) -> BaseAddressRegister? {
      registers.first { $0.index == index && $0.address != 0 }
    }
  }

  /// An entry a function, in the order given.
  public private(set) var entries: [Entry] = []
  /// How many registers found no place: no gap in the window is large enough.
  public private(set) var unplacedCount = 0

  /// Reads the registers of `functions` and places those that have no address:
  /// in the lowest gap of the host's window, or of the bridge's that the
  /// function is behind.
  public init<Host: PCIHost>(_ functions: [PCIFunction], _ host: Host) {
    for function in functions {
      let space = ConfigurationSpace(host: host, address: function.address)
      entries.append(
        Entry(
          function: function,
          registers: space.baseAddressRegisters(
            headerType: function.headerType
          )
        )
      )
    }
    for entry in entries.indices {
      for register in entries[entry].registers.indices
      where entries[entry].registers[register].address == 0 {
        place(entry, register, host)
      }
    }
  }

  private mutating func place<Host: PCIHost>(
    _ entry: Int,
    _ index: Int,
    _ host: Host
  ) {
    let function = entries[entry].function
    var register = entries[entry].registers[index]
    guard
      let window = window(for: function, register.space, host),
      let address = gap(of: register, in: window)
    else {
      unplacedCount += 1
      return
    }
    register.address = address
    entries[entry].registers[index] = register
    let space = ConfigurationSpace(host: host, address: function.address)
    let before = space.command
    space.command = before.subtracting([.ioSpace, .memorySpace])
    space.place(register)
    space.command = before
  }

  /// The lowest place in `window` that is aligned to the register's size and
  /// that nothing else has.
  private func gap(
    of register: BaseAddressRegister,
    in window: Range<UInt64>
  ) -> UInt64? {
    let size = register.size
    guard window.lowerBound <= .max - size else { return nil }
    var start = (window.lowerBound + size - 1) & ~(size - 1)
    while start < window.upperBound, size <= window.upperBound - start {
      guard let taken = registerOverlapping(start, size, register.space) else {
        return start
      }
      let end = taken.address &+ taken.size
      guard end > start, end <= .max - size else { return nil }
      start = (end + size - 1) & ~(size - 1)
    }
    return nil
  }

  private func registerOverlapping(
    _ start: UInt64,
    _ size: UInt64,
    _ space: AddressSpace
  ) -> BaseAddressRegister? {
    for entry in entries {
      for register in entry.registers
      where register.space == space && register.address != 0
        && register.address < start + size
        && start < register.address &+ register.size
      {
        return register
      }
    }
    return nil
  }

  /// What the bridge that `function` is behind passes on, within the host's
  /// window; all of that on bus 0.
  private func window<Host: PCIHost>(
    for function: PCIFunction,
    _ space: AddressSpace,
    _ host: Host
  ) -> Range<UInt64>? {
    let all = host.window(space)
    guard function.address.bus != 0 else { return all }
    guard
      let bridge = entries.first(where: {
        $0.function.secondaryBus == function.address.bus
      })
    else { return nil }
    let passed = ConfigurationSpace(
      host: host,
      address: bridge.function.address
    ).passedOn(space)
    guard let passed, all.overlaps(passed) else { return nil }
    return passed.clamped(to: all)
  }
}

extension ConfigurationSpace {
  /// The addresses that a bridge passes on to the bus behind it, or `nil` when
  /// none. PCI-to-PCI Bridge 1.2 §3.2.5.6 and §3.2.5.8.
  func passedOn(_ space: AddressSpace) -> Range<UInt64>? {
    let base: UInt64
    let limit: UInt64
    switch space {
    case .port:
      // The high nibble of each byte is that of the address; 4 KiB apart.
      let word = UInt64(read16(Register.Bridge.ioBaseAndLimit))
      base = (word & 0xF0) << 8
      limit = (word >> 8 & 0xF0) << 8 | 0xFFF
    case .memory:
      // The upper twelve bits of 32; 1 MiB apart.
      let word = UInt64(read32(Register.Bridge.memoryBaseAndLimit))
      base = (word & 0xFFF0) << 16
      limit = (word >> 16 & 0xFFF0) << 16 | 0xF_FFFF
    }
    // A base of 0 is what no bridge passes on: it is never set so.
    guard base != 0, base < limit else { return nil }
    return base..<limit + 1
  }
}
