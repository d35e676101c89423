import CPU
import PCI

/// The PC's way to its PCI devices: port instructions, memory, and the two
/// ports that lead to configuration space. PCI 3.0 §3.2.2.3.2.
struct Machine: PCIHost {
  private static var configurationAddress: UInt16 { 0xCF8 }
  private static var configurationData: UInt16 { 0xCFC }
  private static var enable: UInt32 { 1 << 31 }

  func readConfiguration(
    _ address: FunctionAddress,
    _ offset: Int
  ) -> UInt32 {
    select(address, offset)
    return cpu_in32(Self.configurationData)
  }

  func writeConfiguration(
    _ address: FunctionAddress,
    _ offset: Int,
    _ value: UInt32
  ) {
    select(address, offset)
    cpu_out32(Self.configurationData, value)
  }

  private func select(_ address: FunctionAddress, _ offset: Int) {
    let bus = UInt32(address.bus) << 16
    let device = UInt32(address.device) << 11
    let function = UInt32(address.function) << 8
    cpu_out32(
      Self.configurationAddress,
      Self.enable | bus | device | function | UInt32(offset)
    )
  }

  func read8(_ register: RegisterAddress) -> UInt8 {
    switch register.space {
    case .port: cpu_in8(Self.port(register))
    case .memory: cpu_load8(UInt(register.address))
    }
  }

  func read16(_ register: RegisterAddress) -> UInt16 {
    switch register.space {
    case .port: cpu_in16(Self.port(register))
    case .memory: cpu_load16(UInt(register.address))
    }
  }

  func read32(_ register: RegisterAddress) -> UInt32 {
    switch register.space {
    case .port: cpu_in32(Self.port(register))
    case .memory: cpu_load32(UInt(register.address))
    }
  }

  func write8(_ register: RegisterAddress, _ value: UInt8) {
    switch register.space {
    case .port: cpu_out8(Self.port(register), value)
    case .memory: cpu_store8(UInt(register.address), value)
    }
  }

  func write16(_ register: RegisterAddress, _ value: UInt16) {
    switch register.space {
    case .port: cpu_out16(Self.port(register), value)
    case .memory: cpu_store16(UInt(register.address), value)
    }
  }

  func write32(_ register: RegisterAddress, _ value: UInt32) {
    switch register.space {
    case .port: cpu_out32(Self.port(register), value)
    case .memory: cpu_store32(UInt(register.address), value)
    }
  }

  private static func port(_ register: RegisterAddress) -> UInt16 {
    UInt16(truncatingIfNeeded: register.address)
  }

  /// Ports from where PC firmware gives them out; memory from behind what RAM
  /// may take below 4 GiB up to the interrupt controllers.
  func window(_ space: AddressSpace) -> Range<UInt64> {
    switch space {
    case .port: 0xC000..<0x1_0000
    case .memory: max(0xC000_0000, Memory.endBelow4GiB)..<0xFEC0_0000
    }
  }

  /// What lies below 4 GiB is mapped always, what lies above once its device is
  /// to be driven.
  func reaches(_ memory: Range<UInt64>) -> Bool {
    memory.upperBound <= 1 << 32 || Memory.canBeDevice(memory)
  }
}
