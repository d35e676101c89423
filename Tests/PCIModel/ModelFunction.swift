/// A function as a device implements it: 256 bytes of configuration space, of
/// which some bits can be written, and registers behind its base address
/// registers. PCI 3.0 §6.1.
open class ModelFunction {
  /// A base address register as the device is built.
  public struct BaseAddress: Sendable {
    /// The space and the width of the address.
    public enum Kind: Sendable {
      case io, memory32, memory64
    }

    /// The space and the width of the address.
    public var kind: Kind
    /// In bytes, a power of two.
    public var size: UInt64
    /// Whether a bridge may read ahead.
    public var isPrefetchable = false

    /// A register of this kind and size.
    public init(_ kind: Kind, size: UInt64, isPrefetchable: Bool = false) {
      self.kind = kind
      self.size = size
      self.isPrefetchable = isPrefetchable
    }
  }

  /// One write to a register behind a base address register.
  public struct Write: Equatable {
    /// The base address register it is behind.
    public var baseAddress: Int
    /// From the base address, in bytes.
    public var offset: Int
    /// In bytes.
    public var width: Int
    /// What is written.
    public var value: UInt32

    /// A write of this value to this register.
    public init(baseAddress: Int, offset: Int, width: Int, value: UInt32) {
      self.baseAddress = baseAddress
      self.offset = offset
      self.width = width
      self.value = value
    }
  }

  /// The configuration space as a read sees it.
  public var bytes = [UInt8](repeating: 0, count: 256)
  /// The bits of it that a write changes.
  public var writable = [UInt8](repeating: 0, count: 256)
  /// The base address registers, by the first register they take.
  public private(set) var baseAddresses: [Int: BaseAddress] = [:]
  /// What was last written to registers that the model gives no meaning.
  public var storage: [Int: [UInt8]] = [:]
  /// What becomes of a write before the device sees it: a driver that breaks a
  /// rule is one that writes this instead.
  public var tamper: ((Write) -> [Write])?
  /// What a read gives without the device noticing it, by base address
  /// register, offset and width; `nil`: the device is asked.
  public var tamperRead: ((Int, Int, Int) -> UInt32?)?
  /// What was written to configuration space: offset and value.
  public private(set) var configurationWrites: [(Int, UInt32)] = []

  /// A function with these identifiers, and no registers yet.
  public init(
    vendor: UInt16 = 0x1234,
    device: UInt16 = 0x5678,
    classCode: UInt32 = 0xFF0000,
    headerType: UInt8 = 0
  ) {
    set16(0x00, vendor)
    set16(0x02, device)
    set32(0x08, classCode << 8)
    bytes[0x0E] = headerType
    writable[0x04] = 0x07
    writable[0x05] = 0x04
    writable[0x3C] = 0xFF
  }

  // MARK: Construction

  /// Sets 16 bits of configuration space.
  public func set16(_ offset: Int, _ value: UInt16) {
    bytes[offset] = UInt8(truncatingIfNeeded: value)
    bytes[offset + 1] = UInt8(truncatingIfNeeded: value >> 8)
  }

  /// Sets 32 bits of configuration space.
  public func set32(_ offset: Int, _ value: UInt32) {
    set16(offset, UInt16(truncatingIfNeeded: value))
    set16(offset + 2, UInt16(truncatingIfNeeded: value >> 16))
  }

  /// The 32 bits of configuration space at `offset`.
  public func get32(_ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
  }

  /// Builds in a base address register, where firmware put `address`.
  public func add(
    _ index: Int,
    _ baseAddress: BaseAddress,
    at address: UInt64 = 0
  ) {
    baseAddresses[index] = baseAddress
    storage[index] = [UInt8](
      repeating: 0,
      count: Int(min(baseAddress.size, 1 << 16))
    )
    var flags: UInt32 = baseAddress.isPrefetchable ? 8 : 0
    switch baseAddress.kind {
    case .io: flags = 1
    case .memory32: break
    case .memory64: flags |= 4
    }
    let offset = 0x10 + 4 * index
    set32(offset, UInt32(truncatingIfNeeded: address) | flags)
    let mask = ~(baseAddress.size - 1)
    setWritable32(
      offset,
      UInt32(truncatingIfNeeded: mask) & (baseAddress.kind == .io ? ~3 : ~0xF)
    )
    if baseAddress.kind == .memory64 {
      set32(offset + 4, UInt32(truncatingIfNeeded: address >> 32))
      setWritable32(offset + 4, UInt32(truncatingIfNeeded: mask >> 32))
    }
  }

  /// Says which of 32 bits of configuration space can be written.
  public func setWritable32(_ offset: Int, _ mask: UInt32) {
    for byte in 0..<4 {
      writable[offset + byte] = UInt8(
        truncatingIfNeeded: mask >> UInt32(8 * byte)
      )
    }
  }

  /// Puts `contents` at `offset` and links it behind the last capability.
  public func addCapability(
    _ identifier: UInt8,
    at offset: Int,
    _ contents: [UInt8] = []
  ) {
    bytes[0x06] |= 1 << 4
    var link = 0x34
    while bytes[link] != 0 { link = Int(bytes[link]) + 1 }
    bytes[link] = UInt8(offset)
    bytes[offset] = identifier
    bytes[offset + 1] = 0
    for (index, byte) in contents.enumerated() {
      bytes[offset + 2 + index] = byte
    }
  }

  // MARK: Configuration space

  /// Where a base address register points to now.
  public func address(_ index: Int) -> UInt64 {
    guard let baseAddress = baseAddresses[index] else { return 0 }
    let offset = 0x10 + 4 * index
    let low = get32(offset)
    switch baseAddress.kind {
    case .io: return UInt64(low & ~3)
    case .memory32: return UInt64(low & ~0xF)
    case .memory64: return UInt64(get32(offset + 4)) << 32 | UInt64(low & ~0xF)
    }
  }

  /// The command register.
  public var command: UInt32 { get32(0x04) & 0xFFFF }

  /// What a read of configuration space gives.
  open func readConfiguration(_ offset: Int) -> UInt32 { get32(offset) }

  /// What a write to configuration space does.
  open func writeConfiguration(_ offset: Int, _ value: UInt32) {
    configurationWrites.append((offset, value))
    for byte in 0..<4 {
      let mask = writable[offset + byte]
      let new = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte))
      bytes[offset + byte] = bytes[offset + byte] & ~mask | new & mask
    }
  }

  // MARK: Registers

  /// Reads a register; the bytes that were written last, unless overridden.
  open func read(_ baseAddress: Int, _ offset: Int, width: Int) -> UInt32 {
    let bytes = storage[baseAddress] ?? []
    guard offset + width <= bytes.count else { return .max }
    return (0..<width).reduce(0) {
      $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1)
    }
  }

  /// Writes a register; kept as it is, unless overridden.
  open func write(_ write: Write) {
    for byte in 0..<write.width {
      storage[write.baseAddress]?[write.offset + byte] =
        UInt8(truncatingIfNeeded: write.value >> UInt32(8 * byte))
    }
  }
}
