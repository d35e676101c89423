/// An internet address of either version, in the 16 bytes of version 6. One of
/// version 4 is mapped, `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2), so that comparing
/// and hashing know of no versions.
public struct IPAddress: Hashable, Sendable {
  /// The first eight octets, the first most significant.
  public let high: UInt64
  /// The last eight.
  public let low: UInt64

  private static let mapped: UInt64 = 0xFFFF_0000_0000

  /// The address of these sixteen octets, the first most significant.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The same address as `address`, mapped.
  public init(_ address: IPv4Address) {
    high = 0
    low = Self.mapped | UInt64(address.bits)
  }

  /// The address of version 4 that this is, if it is one.
  public var ipv4: IPv4Address? {
    guard isIPv4 else { return nil }
    return IPv4Address(bits: UInt32(truncatingIfNeeded: low))
  }

  /// Whether this is an address of version 4.
  public var isIPv4: Bool { high == 0 && low >> 32 == Self.mapped >> 32 }

  /// Whether one host can have this address, seen from others: neither none,
  /// loopback, a group, nor reserved. RFC 1122 §3.2.1.3, RFC 4291 §2.5.
  public var isUnicast: Bool {
    if let ipv4 { return ipv4.isUnicast }
    return !isMulticast && (high != 0 || low > 1)
  }

  /// Whether this is 127.0.0.0/8 or `::1`. RFC 1122 §3.2.1.3, RFC 4291 §2.5.3.
  public var isLoopback: Bool {
    if let ipv4 { return ipv4.isLoopback }
    return high == 0 && low == 1
  }

  /// Whether this is a group's: 224.0.0.0/4 or ff00::/8. RFC 1112 §4,
  /// RFC 4291 §2.7.
  public var isMulticast: Bool {
    if let ipv4 { return ipv4.isMulticast }
    return high >> 56 == 0xFF
  }

  /// The bytes of an internet header without options for this address.
  /// RFC 791 §3.1, RFC 8200 §3.
  var internetHeaderSize: Int { isIPv4 ? IPv4Header.size : 40 }
}
