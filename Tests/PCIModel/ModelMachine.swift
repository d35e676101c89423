import PCI

/// A made-up machine: buses with functions on them, and memory that devices
/// reach where the driver has asked for it.
public final class ModelMachine {
  /// An access that no real machine would have let a driver make.
  public enum Violation: Equatable {
    /// Nothing answers at the address, or two functions do.
    case noRegister(UInt64, isPort: Bool)
    case severalRegisters(UInt64, isPort: Bool)
    /// The offset is no multiple of 4 or beyond the space.
    case badConfigurationOffset(Int)
    /// The address is no multiple of the access's width.
    case misaligned(UInt64, width: Int)
  }

  /// Bus 0.
  public let root = ModelBus()
  /// What devices reach.
  public let memory = ModelMemory()
  /// What was wrong so far.
  public private(set) var violations: [Violation] = []
  /// Ports for registers.
  public var portWindow: Range<UInt64> = 0xC000..<0x1_0000
  /// Memory for registers.
  public var memoryWindow: Range<UInt64> = 0xE000_0000..<0xFEC0_0000

  /// Whether drivers reach memory above 4 GiB too.
  public var reachesAll = false

  /// A machine with nothing on its bus.
  public init() {}

  /// The machine as drivers see it.
  public var host: ModelHost { ModelHost(machine: self) }

  func function(_ address: FunctionAddress) -> ModelFunction? {
    let bus = root.bus(address.bus, isThis: address.bus == 0)
    return bus?.functions[
      ModelBus.Slot(device: address.device, function: address.function)
    ]
  }

  func isConfigurationOffset(_ offset: Int) -> Bool {
    if offset >= 0, offset < 256, offset & 3 == 0 { return true }
    violations.append(.badConfigurationOffset(offset))
    return false
  }

  func read(_ register: RegisterAddress, width: Int) -> UInt32 {
    guard let (function, index) = decode(register, width: width) else {
      return .max
    }
    let offset = Int(register.address - function.address(index))
    return function.tamperRead?(index, offset, width)
      ?? function.read(index, offset, width: width)
  }

  func write(_ register: RegisterAddress, width: Int, _ value: UInt32) {
    guard let (function, index) = decode(register, width: width) else { return }
    let write = ModelFunction.Write(
      baseAddress: index,
      offset: Int(register.address - function.address(index)),
      width: width,
      value: value
    )
    for write in function.tamper?(write) ?? [write] { function.write(write) }
  }

  private func decode(
    _ register: RegisterAddress,
    width: Int
  ) -> (ModelFunction, Int)? {
    let isPort = register.space == .port
    if register.address % UInt64(width) != 0 {
      violations.append(.misaligned(register.address, width: width))
    }
    let found = root.decoders(register.address, isPort: isPort)
    if found.count > 1 {
      violations.append(.severalRegisters(register.address, isPort: isPort))
    }
    guard let first = found.first else {
      violations.append(.noRegister(register.address, isPort: isPort))
      return nil
    }
    return first
  }
}

/// The seam of a ``ModelMachine``.
public struct ModelHost: PCIHost {
  /// The machine behind it.
  public let machine: ModelMachine

  /// See `PCIHost`.
  public func readConfiguration(
    _ address: FunctionAddress,
    _ offset: Int
  ) -> UInt32 {
    guard machine.isConfigurationOffset(offset) else { return .max }
    return machine.function(address)?.readConfiguration(offset) ?? .max
  }

  /// See `PCIHost`.
  public func writeConfiguration(
    _ address: FunctionAddress,
    _ offset: Int,
    _ value: UInt32
  ) {
    guard machine.isConfigurationOffset(offset) else { return }
    machine.function(address)?.writeConfiguration(offset, value)
  }

  /// See `PCIHost`.
  public func read8(_ register: RegisterAddress) -> UInt8 {
    UInt8(truncatingIfNeeded: machine.read(register, width: 1))
  }

  /// See `PCIHost`.
  public func read16(_ register: RegisterAddress) -> UInt16 {
    UInt16(truncatingIfNeeded: machine.read(register, width: 2))
  }

  /// See `PCIHost`.
  public func read32(_ register: RegisterAddress) -> UInt32 {
    machine.read(register, width: 4)
  }

  /// See `PCIHost`.
  public func write8(_ register: RegisterAddress, _ value: UInt8) {
    machine.write(register, width: 1, UInt32(value))
  }

  /// See `PCIHost`.
  public func write16(_ register: RegisterAddress, _ value: UInt16) {
    machine.write(register, width: 2, UInt32(value))
  }

  /// See `PCIHost`.
  public func write32(_ register: RegisterAddress, _ value: UInt32) {
    machine.write(register, width: 4, value)
  }

  /// See `PCIHost`.
  public func reaches(_ memory: Range<UInt64>) -> Bool {
    machine.reachesAll || memory.upperBound <= 1 << 32
  }

  /// See `PCIHost`.
  public func window(_ space: AddressSpace) -> Range<UInt64> {
    space == .port ? machine.portWindow : machine.memoryWindow
  }

  /// See `PCIHost`.
  public func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    machine.memory.admit(address, byteCount: byteCount)
  }
}
