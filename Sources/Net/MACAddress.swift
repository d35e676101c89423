/// The 48-bit address of an interface on an Ethernet. IEEE 802-2014 §8.2.
public struct MACAddress: Hashable, Sendable {
  /// The address in the low 48 bits, first octet most significant.
  public let bits: UInt64

  /// The address in the low 48 bits of `bits`; the others are dropped.
  public init(bits: UInt64) { self.bits = bits & 0xFFFF_FFFF_FFFF }

  /// An address that is nobody's, made of random bits: locally administered, of
  /// one interface. §8.2.
  public init(localBits: UInt64) {
    self.init(bits: localBits & ~0x0100_0000_0000 | 0x0200_0000_0000)
  }

  /// The address of six octets, first to last.
  public init(
    _ a: UInt8,
    _ b: UInt8,
    _ c: UInt8,
    _ d: UInt8,
    _ e: UInt8,
    _ f: UInt8
  ) {
    let high = UInt64(a) << 40 | UInt64(b) << 32 | UInt64(c) << 24
    self.init(bits: high | UInt64(d) << 16 | UInt64(e) << 8 | UInt64(f))
  }

  /// Every interface: ff:ff:ff:ff:ff:ff.
  public static let broadcast = MACAddress(bits: 0xFFFF_FFFF_FFFF)

  /// Whether this names a group of interfaces (or all), not one.
  public var isMulticast: Bool { bits & 0x0100_0000_0000 != 0 }

  /// The octet at `index` from 0 to 5, first to last.
  public func octet(_ index: Int) -> UInt8 {
    precondition(index >= 0 && index < 6)
    return UInt8(truncatingIfNeeded: bits >> UInt64(40 - 8 * index))
  }

  /// The address of frames for a group: the last 23 bits of the group's own
  /// behind 01:00:5e, so that 32 groups share one. RFC 1112 §6.4.
  public init(group: IPv4Address) {
    self.init(bits: 0x0100_5E00_0000 | UInt64(group.bits & 0x7F_FFFF))
  }
}
