/// The 256 bytes that describe and control one function. PCI 3.0 §6.1.
public struct ConfigurationSpace<Host: PCIHost> {
  /// The machine it is in.
  public let host: Host
  /// The function it belongs to.
  public let address: FunctionAddress

  /// The configuration space of the function at `address`.
  public init(host: Host, address: FunctionAddress) {
    self.host = host
    self.address = address
  }

  /// Its size in bytes.
  public static var size: Int { 256 }

  /// The 32 bits at `offset`.
  ///
  /// - Precondition: `offset` is a multiple of 4 in 0..<256.
  public func read32(_ offset: Int) -> UInt32 {
    precondition(offset >= 0 && offset < Self.size && offset & 3 == 0)
    return host.readConfiguration(address, offset)
  }

  /// The 16 bits at `offset`.
  ///
  /// - Precondition: `offset` is a multiple of 2 in 0..<256.
  public func read16(_ offset: Int) -> UInt16 {
    precondition(offset & 1 == 0)
    let word = read32(offset & ~3)
    return UInt16(truncatingIfNeeded: word >> UInt32((offset & 2) * 8))
  }

  /// The 8 bits at `offset`.
  ///
  /// - Precondition: `offset` is in 0..<256.
  public func read8(_ offset: Int) -> UInt8 {
    let word = read32(offset & ~3)
    return UInt8(truncatingIfNeeded: word >> UInt32((offset & 3) * 8))
  }

  /// Writes the 32 bits at `offset`.
  ///
  /// - Precondition: `offset` is a multiple of 4 in 0..<256.
  public func write32(_ offset: Int, _ value: UInt32) {
    precondition(offset >= 0 && offset < Self.size && offset & 3 == 0)
    host.writeConfiguration(address, offset, value)
  }

  /// Writes the 16 bits at `offset` and leaves the other half of the register
  /// as it was read.
  ///
  /// - Precondition: `offset` is a multiple of 2 in 0..<256.
  public func write16(_ offset: Int, _ value: UInt16) {
    precondition(offset & 1 == 0)
    let shift = UInt32((offset & 2) * 8)
    let rest = read32(offset & ~3) & ~(0xFFFF << shift)
    write32(offset & ~3, rest | UInt32(value) << shift)
  }
}

/// The registers that every function has. PCI 3.0 §6.1, figure 6-1.
enum Register {
  static let identifiers = 0x00
  static let command = 0x04
  static let classAndRevision = 0x08
  static let headerType = 0x0E
  static let baseAddress = 0x10
  static let subsystem = 0x2C
  static let capabilities = 0x34
  static let interrupt = 0x3C

  /// Of bridges: PCI-to-PCI Bridge 1.2 §3.2.
  enum Bridge {
    static let busNumbers = 0x18
    static let ioBaseAndLimit = 0x1C
    static let memoryBaseAndLimit = 0x20
    static let prefetchableBaseAndLimit = 0x24
    static let prefetchableBaseUpper = 0x28
    static let prefetchableLimitUpper = 0x2C
    static let ioUpper = 0x30
  }
}

/// The command register: what the function may do. PCI 3.0 §6.2.2.
public struct Command: OptionSet, Sendable {
  /// The register's bits.
  public let rawValue: UInt16

  /// The bits of `rawValue`.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Answers at its I/O ports.
  public static let ioSpace = Command(rawValue: 1 << 0)
  /// Answers at its memory addresses.
  public static let memorySpace = Command(rawValue: 1 << 1)
  /// Reads and writes memory by itself.
  public static let busMaster = Command(rawValue: 1 << 2)
  /// Does not pull its interrupt line.
  public static let interruptDisable = Command(rawValue: 1 << 10)
}

extension ConfigurationSpace {
  /// What the function may do now. Setting it leaves the status register, in
  /// the same 32 bits, alone: its bits are cleared by ones only. §6.2.3.
  public var command: Command {
    get { Command(rawValue: read16(Register.command)) }
    nonmutating set { write32(Register.command, UInt32(newValue.rawValue)) }
  }
}
