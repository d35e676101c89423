import PCI

/// A machine whose registers an input says: those of configuration space that
/// it fills, and those behind base address registers, which answer by what was
/// written to them or with whatever comes next in the input.
public final class InputHost: PCIHost {
  /// A function's configuration space, and the bits of it that can be written.
  public struct Space {
    /// The registers.
    public var words = [UInt32](repeating: 0, count: 64)
    /// The bits that a write changes.
    public var writable = [UInt32](repeating: 0, count: 64)

    /// A function without anything.
    public init() {}
  }

  private let input: Input
  /// The functions, by device on bus 0.
  public var spaces: [Space] = []
  /// Whether the functions also answer on other buses, and by every number.
  public var answersEverywhere = false
  /// Whether configuration space changes from one read to the next.
  public var isVolatile = false
  /// What registers read as until they are written, by address.
  public var registers: [UInt64: UInt32] = [:]
  /// Those that no write changes.
  public var readOnly: Set<UInt64> = []
  /// The register that never reads as 0.
  public var stuck: UInt64?

  /// A machine with nothing in it yet.
  public init(_ input: Input) { self.input = input }

  // MARK: Configuration space

  private func index(_ address: FunctionAddress) -> Int? {
    guard !spaces.isEmpty else { return nil }
    let place = Int(address.device) + Int(address.function)
    if answersEverywhere { return (place + Int(address.bus)) % spaces.count }
    return address.bus == 0 && address.function == 0 && place < spaces.count
      ? place : nil
  }

  /// See ``PCIHost``.
  public func readConfiguration(
    _ address: FunctionAddress,
    _ offset: Int
  ) -> UInt32 {
    check(
      offset >= 0 && offset < 256 && offset & 3 == 0,
      "configuration register \(offset)"
    )
    guard let index = index(address) else { return .max }
    if isVolatile, input.byte() >= 0xC0 { return input.number() }
    return spaces[index].words[offset / 4]
  }

  /// See ``PCIHost``.
  public func writeConfiguration(
    _ address: FunctionAddress,
    _ offset: Int,
    _ value: UInt32
  ) {
    check(
      offset >= 0 && offset < 256 && offset & 3 == 0,
      "configuration register \(offset)"
    )
    guard let index = index(address) else { return }
    let mask = spaces[index].writable[offset / 4]
    let old = spaces[index].words[offset / 4]
    spaces[index].words[offset / 4] = old & ~mask | value & mask
  }

  // MARK: Registers

  private func read(_ register: RegisterAddress, width: Int) -> UInt32 {
    check(
      register.address % UInt64(width) == 0,
      "a misaligned access to \(register.address)"
    )
    if register.address == stuck { return .max }
    // Most registers most of the time are what they are said to be, or no
    // driver would come far.
    if input.byte() >= 0xC0 { return input.number() }
    return registers[register.address] ?? 0
  }

  private func write(_ register: RegisterAddress, _ value: UInt32, width: Int) {
    check(
      register.address % UInt64(width) == 0,
      "a misaligned access to \(register.address)"
    )
    guard !readOnly.contains(register.address) else { return }
    registers[register.address] = value
  }

  /// See ``PCIHost``.
  public func read8(_ register: RegisterAddress) -> UInt8 {
    UInt8(truncatingIfNeeded: read(register, width: 1))
  }

  /// See ``PCIHost``.
  public func read16(_ register: RegisterAddress) -> UInt16 {
    UInt16(truncatingIfNeeded: read(register, width: 2))
  }

  /// See ``PCIHost``.
  public func read32(_ register: RegisterAddress) -> UInt32 {
    read(register, width: 4)
  }

  /// See ``PCIHost``.
  public func write8(_ register: RegisterAddress, _ value: UInt8) {
    write(register, UInt32(value), width: 1)
  }

  /// See ``PCIHost``.
  public func write16(_ register: RegisterAddress, _ value: UInt16) {
    write(register, UInt32(value), width: 2)
  }

  /// See ``PCIHost``.
  public func write32(_ register: RegisterAddress, _ value: UInt32) {
    write(register, value, width: 4)
  }

  /// See ``PCIHost``.
  public func window(_ space: AddressSpace) -> Range<UInt64> {
    space == .port ? 0xC000..<0x1_0000 : 0xE000_0000..<0xFEC0_0000
  }
}
