/// A PCI-to-PCI bridge, with what is behind it.
public final class ModelBridge: ModelFunction {
  /// The bus behind it.
  public let bus = ModelBus()

  /// A bridge with these bus numbers; zeros as after a reset.
  public init(secondary: UInt8 = 0, subordinate: UInt8 = 0) {
    super.init(classCode: 0x060400, headerType: 1)
    bytes[0x19] = secondary
    bytes[0x1A] = subordinate
    setWritable32(0x18, 0xFFFF_FFFF)
    setWritable32(0x1C, 0x0000_F0F0)
    setWritable32(0x20, 0xFFF0_FFF0)
    setWritable32(0x24, 0xFFF0_FFF0)
    set32(0x24, 0x0001_0001)
    setWritable32(0x28, .max)
    setWritable32(0x2C, .max)
  }

  /// The bus behind it.
  public var secondary: UInt8 { bytes[0x19] }
  /// The last of the buses behind it.
  public var subordinate: UInt8 { bytes[0x1A] }

  /// Whether an access to `address` on the bus in front is passed on.
  func passes(_ address: UInt64, isPort: Bool) -> Bool {
    let bit: UInt32 = isPort ? 1 : 2
    guard command & bit != 0 else { return false }
    if isPort {
      let window = get32(0x1C)
      let base = UInt64(window & 0xF0) << 8
      let limit = UInt64(window & 0xF000) | 0xFFF
      return base <= address && address <= limit
    }
    let memory = get32(0x20)
    let base = UInt64(memory & 0xFFF0) << 16
    let limit = UInt64(memory & 0xFFF0_0000) | 0xF_FFFF
    if base <= address, address <= limit { return true }
    let prefetchable = get32(0x24)
    let upperBase = UInt64(get32(0x28)) << 32
    let upperLimit = UInt64(get32(0x2C)) << 32
    let low = upperBase | UInt64(prefetchable & 0xFFF0) << 16
    let high = upperLimit | UInt64(prefetchable & 0xFFF0_0000) | 0xF_FFFF
    return low <= address && address <= high
  }
}

/// The functions of one bus, by device and function number.
public final class ModelBus {
  /// A place on the bus.
  public struct Slot: Hashable {
    /// 0 to 31.
    public var device: UInt8
    /// 0 to 7.
    public var function: UInt8
  }

  /// What is on the bus.
  public private(set) var functions: [Slot: ModelFunction] = [:]

  /// Puts a function on the bus.
  public func add(
    _ function: ModelFunction,
    _ device: UInt8,
    _ number: UInt8 = 0
  ) {
    functions[Slot(device: device, function: number)] = function
  }

  var bridges: [ModelBridge] {
    functions.values.compactMap { $0 as? ModelBridge }
  }

  /// The bus with this number, as the bridges' registers have it.
  func bus(_ number: UInt8, isThis: Bool) -> ModelBus? {
    if isThis { return self }
    for bridge in bridges
    where bridge.secondary != 0 && bridge.secondary <= number
      && number <= bridge.subordinate
    {
      return bridge.bus.bus(number, isThis: bridge.secondary == number)
    }
    return nil
  }

  /// The registers at an address, with the functions that answer there.
  func decoders(
    _ address: UInt64,
    isPort: Bool
  ) -> [(function: ModelFunction, baseAddress: Int)] {
    var found: [(function: ModelFunction, baseAddress: Int)] = []
    for function in functions.values {
      if let bridge = function as? ModelBridge,
        bridge.passes(address, isPort: isPort)
      {
        found += bridge.bus.decoders(address, isPort: isPort)
      }
      guard function.command & (isPort ? 1 : 2) != 0 else { continue }
      for (index, baseAddress) in function.baseAddresses
      where (baseAddress.kind == .io) == isPort {
        let start = function.address(index)
        if start != 0, address >= start, address - start < baseAddress.size {
          found.append((function, index))
        }
      }
    }
    return found
  }
}
