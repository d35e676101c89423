import Net

extension StackConfiguration {
  /// A stack whose random numbers are always the same.
  public static func repeatable(_ hardware: MACAddress) -> StackConfiguration {
    StackConfiguration(macAddress: hardware, seed: SipHash.Key(1, 2))
  }

  /// A stack at 10.0.0.1, or at the address of `lease`.
  public static func bound(
    to lease: Lease = Lease(
      address: IPv4Address(10, 0, 0, 1),
      prefixLength: 24
    )
  ) -> StackConfiguration {
    var configuration = repeatable(MACAddress(bits: 0x0200_0000_0001))
    configuration.bind(to: lease)
    return configuration
  }

  /// The stack has its address from the first byte on: it does not look whether
  /// another host has it.
  public mutating func bind(to lease: Lease) {
    limits.conflict = .unchecked
    addressing = .fixed(lease)
  }
}

extension TCPLimits {
  /// So few connections, with so little memory, that an input comes to the
  /// bounds.
  public static func small(reservedPackets: Int) -> TCPLimits {
    var limits = TCPLimits()
    limits.connections = 8
    limits.sendMemory = 1 << 18
    limits.reservedPackets = reservedPackets
    return limits
  }
}
