/// What a base address register asks for and has been given. PCI 3.0 §6.2.5.1.
public struct BaseAddressRegister: Hashable, Sendable {
  /// Which of the function's six registers, or of a bridge's two.
  public let index: Int
  /// Where the registers behind it are reached.
  public let space: AddressSpace
  /// Whether it takes up this register and the next.
  public let is64Bit: Bool
  /// The bytes it covers: a power of two.
  public let size: UInt64
  /// Where it begins; 0 when it has no place yet.
  public internal(set) var address: UInt64

  /// Where its registers begin, once it has a place.
  public var base: RegisterAddress? {
    guard address != 0 else { return nil }
    return RegisterAddress(space: space, address: address)
  }
}

extension ConfigurationSpace {
  /// The base address registers that the function has, with their sizes.
  ///
  /// To learn a size, all ones are written and the register is read back: the
  /// bits that stay zero are below the size. The function does not answer
  /// meanwhile, and afterwards everything is as it was.
  public func baseAddressRegisters(
    headerType: UInt8
  ) -> [BaseAddressRegister] {
    let count = headerType == 0 ? 6 : headerType == 1 ? 2 : 0
    guard count > 0 else { return [] }
    let before = command
    command = before.subtracting([.ioSpace, .memorySpace])
    defer { command = before }
    var registers: [BaseAddressRegister] = []
    var index = 0
    while index < count {
      if let register = measure(index, of: count) {
        registers.append(register)
        if register.is64Bit { index += 1 }
      }
      index += 1
    }
    return registers
  }

  private func measure(_ index: Int, of count: Int) -> BaseAddressRegister? {
    let offset = Register.baseAddress + 4 * index
    let original = read32(offset)
    write32(offset, .max)
    let mask = read32(offset)
    write32(offset, original)
    guard mask != 0, mask != .max else { return nil }

    if original & 1 != 0 {
      // Bit 1 is reserved. The upper half may be wired to zero: ports have 16
      // bits on x86.
      let bits = mask & ~3
      guard bits != 0 else { return nil }
      let size = UInt64(~(bits | 0xFFFF_0000) & 0xFFFF) + 1
      return BaseAddressRegister(
        index: index,
        space: .port,
        is64Bit: false,
        size: size,
        address: UInt64(original & ~3)
      )
    }
    // Bits 2 and 1: 00 for 32 bits, 10 for 64.
    let isWide = original >> 1 & 3 == 2
    var address = UInt64(original & ~0xF)
    var bits = UInt64(mask & ~0xF) | 0xFFFF_FFFF_0000_0000
    if isWide {
      guard index + 1 < count else { return nil }
      let upper = read32(offset + 4)
      write32(offset + 4, .max)
      let upperMask = read32(offset + 4)
      write32(offset + 4, upper)
      address |= UInt64(upper) << 32
      bits = UInt64(upperMask) << 32 | UInt64(mask & ~0xF)
    }
    let size = ~bits &+ 1
    // What a function says may be nonsense: the size must be a power of two.
    guard size >= 16, size & (size - 1) == 0 else { return nil }
    return BaseAddressRegister(
      index: index,
      space: .memory,
      is64Bit: isWide,
      size: size,
      address: address
    )
  }

  /// Writes where `register` is to begin. The function must not be answering.
  func place(_ register: BaseAddressRegister) {
    let offset = Register.baseAddress + 4 * register.index
    let flags = read32(offset) & (register.space == .port ? 0x3 : 0xF)
    write32(offset, UInt32(truncatingIfNeeded: register.address) | flags)
    if register.is64Bit {
      write32(offset + 4, UInt32(truncatingIfNeeded: register.address >> 32))
    }
  }
}
