/// The base address registers of all functions: where firmware placed them, and
/// a place for those that it left without one, or placed out of reach.
public struct AddressAssignment {
  /// What became of the registers of one function.
  public struct Entry: Sendable {
    /// The function.
    public let function: PCIFunction
    /// Its registers, all that could be placed with an address.
    public internal(set) var registers: [BaseAddressRegister]

    /// The register `index`, if the function has it and it has a place.
    public func register(_ index: Int) -> BaseAddressRegister? {
      registers.first { $0.index == index && $0.range != nil }
    }
  }

  /// An entry a function, in the order given.
  public private(set) var entries: [Entry] = []
  /// How many registers found no place: no gap in the window is large enough,
  /// or the function does not keep what is written to it.
  public private(set) var unplacedCount = 0

  /// Reads the registers of `functions` and places those that need it: in the
  /// lowest gap of the host's window, or of the bridge's that the function is
  /// behind.
  ///
  /// A bridge's window that is closed is opened as far as one register needs.
  /// One that is open is not grown: what is beside it may be its neighbour's.
  public init<Host: PCIHost>(_ functions: [PCIFunction], _ host: Host) {
    add(functions, host)
  }

  /// Reads and places the registers of `functions` as well: of devices that
  /// came while the machine ran. Those of the others are left as they are.
  public mutating func add<Host: PCIHost>(
    _ functions: [PCIFunction],
    _ host: Host
  ) {
    let first = entries.count
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
    for entry in first..<entries.count {
      for register in entries[entry].registers.indices
      where needsPlace(entries[entry].registers[register], host)
        && !place(entry, register, host)
      {
        unplacedCount += 1
      }
    }
  }

  /// Forgets the functions of a device that has gone: what they had is free.
  public mutating func remove(bus: UInt8, device: UInt8) {
    entries.removeAll {
      $0.function.address.bus == bus && $0.function.address.device == device
    }
  }

  private func needsPlace<Host: PCIHost>(
    _ register: BaseAddressRegister,
    _ host: Host
  ) -> Bool {
    guard let range = register.range else { return true }
    return register.space == .memory && !host.reaches(range)
  }

  /// Places a register, and says whether it could.
  private mutating func place<Host: PCIHost>(
    _ entry: Int,
    _ index: Int,
    _ host: Host
  ) -> Bool {
    let function = entries[entry].function
    var register = entries[entry].registers[index]
    let path = bridges(above: function.address.bus)
    guard function.address.bus == 0 || !path.isEmpty else { return false }
    let taken = taken(register.space, besides: path, host)
    guard let address = findPlace(register, path, taken, host) else {
      return false
    }
    let before = register.address
    register.address = address
    let space = ConfigurationSpace(host: host, address: function.address)
    guard space.place(register) else {
      register.address = before
      _ = space.place(register)
      return false
    }
    entries[entry].registers[index] = register
    return true
  }

  private func findPlace<Host: PCIHost>(
    _ register: BaseAddressRegister,
    _ path: [Int],
    _ taken: [Range<UInt64>],
    _ host: Host
  ) -> UInt64? {
    let all = host.window(register.space)
    guard let parent = path.first else {
      return Self.gap(register.size, in: all, besides: taken)
    }
    let bridge = space(parent, host)
    for window in BridgeWindow.allCases
    where window.space == register.space
      && (register.isPrefetchable || window != .prefetchableMemory)
    {
      // What lies outside of the host's window was put there by firmware, for
      // other registers: a new one must be in both.
      if let passed = window.range(of: bridge), all.overlaps(passed),
        let address = Self.gap(
          register.size,
          in: passed.clamped(to: all),
          besides: taken
        )
      {
        return address
      }
    }
    // Behind a second bridge the window of the first would have to grow.
    let window: BridgeWindow = register.space == .port ? .io : .memory
    guard path.count == 1, window.range(of: bridge) == nil else { return nil }
    let size = max(register.size, window.granularity)
    guard let start = Self.gap(size, in: all, besides: taken),
      window.open(start..<start + size, of: bridge)
    else { return nil }
    return start
  }

  /// The lowest multiple of `size` in `window` from which on `size` bytes are
  /// nobody's.
  private static func gap(
    _ size: UInt64,
    in window: Range<UInt64>,
    besides taken: [Range<UInt64>]
  ) -> UInt64? {
    guard window.lowerBound <= .max - size else { return nil }
    var start = (window.lowerBound + size - 1) & ~(size - 1)
    // Ends: each round moves beyond one of the ranges taken.
    while start < window.upperBound, size <= window.upperBound - start {
      let wanted = start..<start + size
      guard let obstacle = taken.first(where: wanted.overlaps) else {
        return start == 0 ? nil : start
      }
      guard obstacle.upperBound <= .max - size else { return nil }
      start = (obstacle.upperBound + size - 1) & ~(size - 1)
    }
    return nil
  }

  /// What registers have, and what bridges that are not on the way pass on.
  private func taken<Host: PCIHost>(
    _ addressSpace: AddressSpace,
    besides path: [Int],
    _ host: Host
  ) -> [Range<UInt64>] {
    var taken: [Range<UInt64>] = []
    for index in entries.indices {
      for register in entries[index].registers
      where register.space == addressSpace {
        if let range = register.range { taken.append(range) }
      }
      guard entries[index].function.isBridge, !path.contains(index) else {
        continue
      }
      for window in BridgeWindow.allCases where window.space == addressSpace {
        if let range = window.range(of: space(index, host)) {
          taken.append(range)
        }
      }
    }
    return taken
  }

  /// The entries of the bridges on the way to `bus`, the nearest first.
  private func bridges(above bus: UInt8) -> [Int] {
    var path: [Int] = []
    var bus = bus
    // Ends: a bridge is on the way only once, whatever the numbers say.
    while bus != 0,
      let index = entries.firstIndex(where: {
        $0.function.secondaryBus == bus
      }),
      !path.contains(index)
    {
      path.append(index)
      bus = entries[index].function.address.bus
    }
    return path
  }

  private func space<Host: PCIHost>(
    _ index: Int,
    _ host: Host
  ) -> ConfigurationSpace<Host> {
    ConfigurationSpace(
      host: host,
      address: entries[index].function.address
    )
  }

  /// Lets the bridges on the way to `function` pass on what it does, and the
  /// function answer and read and write memory. PCI-to-PCI Bridge 1.2 §3.2.5.
  public func enable<Host: PCIHost>(_ function: PCIFunction, _ host: Host) {
    let all: Command = [.ioSpace, .memorySpace, .busMaster]
    for index in bridges(above: function.address.bus) {
      let bridge = space(index, host)
      bridge.command = bridge.command.union(all)
    }
    let space = ConfigurationSpace(host: host, address: function.address)
    space.command = space.command.union(all)
  }
}
