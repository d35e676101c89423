/// One of the three stretches of addresses that a bridge passes on to the bus
/// behind it. PCI-to-PCI Bridge 1.2 §3.2.5.6 to §3.2.5.10.
enum BridgeWindow: CaseIterable {
  case io
  case memory
  case prefetchableMemory

  /// The space it is a stretch of.
  var space: AddressSpace { self == .io ? .port : .memory }

  /// What it begins and ends at a multiple of.
  var granularity: UInt64 { self == .io ? 4096 : 1 << 20 }

  /// What the bridge passes on, or `nil` when the window is closed.
  ///
  /// A window that begins at 0 is one that nobody has set: the registers are
  /// zero after a reset, and nothing that lies there is behind a bridge.
  func range<Host: PCIHost>(
    of bridge: ConfigurationSpace<Host>
  ) -> Range<UInt64>? {
    var base: UInt64
    var limit: UInt64
    switch self {
    case .io:
      let low = bridge.read16(Register.Bridge.ioBaseAndLimit)
      base = UInt64(low & 0xF0) << 8
      limit = UInt64(low >> 8 & 0xF0) << 8
      if low & 0xF == 1 {
        let high = UInt64(bridge.read32(Register.Bridge.ioUpper))
        base |= (high & 0xFFFF) << 16
        limit |= (high >> 16) << 16
      }
    case .memory, .prefetchableMemory:
      let low = bridge.read32(
        self == .memory
          ? Register.Bridge.memoryBaseAndLimit
          : Register.Bridge.prefetchableBaseAndLimit
      )
      base = UInt64(low & 0xFFF0) << 16
      limit = UInt64(low & 0xFFF0_0000)
      if self == .prefetchableMemory, low & 0xF == 1 {
        let baseUpper = bridge.read32(Register.Bridge.prefetchableBaseUpper)
        let limitUpper = bridge.read32(Register.Bridge.prefetchableLimitUpper)
        base |= UInt64(baseUpper) << 32
        limit |= UInt64(limitUpper) << 32
      }
    }
    limit |= granularity - 1
    guard base != 0, base < limit, limit < .max else { return nil }
    return base..<limit + 1
  }

  /// Makes the bridge pass `range` on.
  ///
  /// - Precondition: Its ends are multiples of ``granularity``, at most 2^16
  ///   for ports and 2^32 for memory. Only `io` and `memory` are ever opened.
  /// - Returns: Whether the bridge does: it need not have ports.
  func open<Host: PCIHost>(
    _ range: Range<UInt64>,
    of bridge: ConfigurationSpace<Host>
  ) -> Bool {
    let base = UInt32(range.lowerBound)
    let limit = UInt32(range.upperBound - 1)
    if self == .io {
      // The other half of the register is a status that ones clear.
      bridge.write32(
        Register.Bridge.ioBaseAndLimit,
        base >> 8 & 0xF0 | limit & 0xF000
      )
      bridge.write32(Register.Bridge.ioUpper, 0)
      bridge.command = bridge.command.union(.ioSpace)
    } else {
      bridge.write32(
        Register.Bridge.memoryBaseAndLimit,
        base >> 16 & 0xFFF0 | limit & 0xFFF0_0000
      )
      bridge.command = bridge.command.union(.memorySpace)
    }
    return self.range(of: bridge) == range
  }
}
