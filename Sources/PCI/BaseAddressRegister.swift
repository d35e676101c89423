/// What a base address register asks for and has been given. PCI 3.0 §6.2.5.1.
public struct BaseAddressRegister: Hashable, Sendable {
  /// Which of the function's six registers, or of a bridge's two.
  public let index: Int
  /// Where the registers behind it are reached.
  public let space: AddressSpace
  /// Whether it takes up this register and the next.
  public let is64Bit: Bool
  /// Whether reading it has no side effect, so that a bridge may read ahead.
  public let isPrefetchable: Bool
  /// The bytes it covers: a power of two.
  public let size: UInt64
  /// Where it begins; 0 when it has no place yet.
  public internal(set) var address: UInt64

  /// Where its registers begin, once it has a place.
  public var base: RegisterAddress? {
    guard range != nil else { return nil }
    return RegisterAddress(space: space, address: address)
  }

  /// The addresses of its registers, once it has a place that is within its
  /// space: what firmware wrote there may be anything.
  public var range: Range<UInt64>? {
    let last: UInt64 = space == .port ? 0xFFFF : .max - 1
    guard address != 0, size <= last, address <= last - (size - 1) else {
      return nil
    }
    return address..<address + size
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
      guard size & (size - 1) == 0 else { return nil }
      return BaseAddressRegister(
        index: index,
        space: .port,
        is64Bit: false,
        isPrefetchable: false,
        size: size,
        address: UInt64(original & ~3)
      )
    }
    // Bits 2 and 1: 00 for 32 bits, 10 for 64. 01 was for the first MiB and
    // has all 32 bits as well; 11 means nothing.
    guard original >> 1 & 3 != 3 else { return nil }
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
      isPrefetchable: original & 1 << 3 != 0,
      size: size,
      address: address
    )
  }

  /// Writes where `register` is to begin, while the function does not answer.
  ///
  /// - Returns: Whether the function took it.
  func place(_ register: BaseAddressRegister) -> Bool {
    let before = command
    command = before.subtracting([.ioSpace, .memorySpace])
    defer { command = before }
    let offset = Register.baseAddress + 4 * register.index
    let low = UInt32(truncatingIfNeeded: register.address)
    let high = UInt32(truncatingIfNeeded: register.address >> 32)
    // The low bits, which say the kind, are read-only.
    write32(offset, low)
    if register.is64Bit {
      write32(offset + 4, high)
      guard read32(offset + 4) == high else { return false }
    }
    let flags: UInt32 = register.space == .port ? 0x3 : 0xF
    return read32(offset) & ~flags == low
  }
}
