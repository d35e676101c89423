/// An internet address of version 4. RFC 791 §3.2.
public struct IPv4Address: Hashable, Sendable {
  /// The address with its first octet most significant.
  public let bits: UInt32

  /// The address whose first octet is the most significant of `bits`.
  public init(bits: UInt32) { self.bits = bits }

  /// The address `a.b.c.d`.
  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  /// 0.0.0.0: no address, or this host before it has one. RFC 1122 §3.2.1.3.
  public static let any = IPv4Address(bits: 0)
  /// 255.255.255.255: every host of this link. RFC 1122 §3.2.1.3.
  public static let broadcast = IPv4Address(bits: 0xFFFF_FFFF)

  /// Whether this is 224.0.0.0/4. RFC 1112 §4.
  public var isMulticast: Bool { bits >> 28 == 0b1110 }
  /// Whether this is 127.0.0.0/8. RFC 1122 §3.2.1.3.
  public var isLoopback: Bool { bits >> 24 == 127 }
  /// Whether one host can have this address: neither none, loopback, a group,
  /// reserved (240.0.0.0/4) nor broadcast.
  public var isUnicast: Bool {
    bits >> 24 != 0 && !isLoopback && bits < 0xE000_0000
  }
}
