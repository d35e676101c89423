/// Where a register is reached: by port instructions or in memory.
public enum AddressSpace: Hashable, Sendable {
  /// The 64 KiB of I/O ports.
  case port
  /// Physical memory.
  case memory
}

/// A register of a device, or the first of several.
public struct RegisterAddress: Hashable, Sendable {
  /// The space it is in.
  public let space: AddressSpace
  /// Its address in that space.
  public let address: UInt64

  /// The register at `address` of `space`.
  public init(space: AddressSpace, address: UInt64) {
    self.space = space
    self.address = address
  }

  /// The register `offset` bytes on.
  public static func + (left: RegisterAddress, offset: Int) -> RegisterAddress {
    RegisterAddress(
      space: left.space,
      address: left.address &+ UInt64(truncatingIfNeeded: offset)
    )
  }
}

/// What this module and the drivers need of the machine: the seam at which the
/// kernel puts real instructions and a test puts a made-up machine.
///
/// Each call is one access of just that width. Values are in the processor's
/// byte order: PCI is little-endian, so on x86 no conversion is needed, and
/// nothing here runs elsewhere but tests on little-endian hosts.
public protocol PCIHost {
  /// Reads the configuration register at `offset`, a multiple of 4 below 256.
  /// A function that is not there reads as all ones.
  func readConfiguration(_ address: FunctionAddress, _ offset: Int) -> UInt32
  /// Writes the configuration register at `offset`, a multiple of 4 below 256.
  func writeConfiguration(
    _ address: FunctionAddress,
    _ offset: Int,
    _ value: UInt32
  )
  /// Reads 8 bits.
  func read8(_ register: RegisterAddress) -> UInt8
  /// Reads 16 bits.
  func read16(_ register: RegisterAddress) -> UInt16
  /// Reads 32 bits.
  func read32(_ register: RegisterAddress) -> UInt32
  /// Writes 8 bits.
  func write8(_ register: RegisterAddress, _ value: UInt8)
  /// Writes 16 bits.
  func write16(_ register: RegisterAddress, _ value: UInt16)
  /// Writes 32 bits.
  func write32(_ register: RegisterAddress, _ value: UInt32)
  /// Where base address registers that the firmware left empty may be placed.
  func window(_ space: AddressSpace) -> Range<UInt64>
  /// Whether the functions above reach all of these registers, which are
  /// memory. One that firmware placed elsewhere is moved or left alone.
  func reaches(_ memory: Range<UInt64>) -> Bool
  /// The address by which a device reaches the `byteCount` bytes of our memory
  /// at `address`: the same one, where memory is identity-mapped and no IOMMU
  /// is between.
  func deviceAddress(of address: UInt, byteCount: Int) -> UInt64
}

extension PCIHost {
  /// What lies below 4 GiB is reached.
  public func reaches(_ memory: Range<UInt64>) -> Bool {
    memory.upperBound <= 1 << 32
  }

  /// The same address.
  public func deviceAddress(of address: UInt, byteCount: Int) -> UInt64 {
    UInt64(address)
  }
}
