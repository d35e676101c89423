import Packets

/// A way to some of the other hosts, as a DHCP server names it. RFC 3442.
public struct ClasslessRoute: Hashable, Sendable {
  /// What the addresses of these hosts begin with; the other bits are clear.
  public let destination: IPv4Address
  /// How many bits that is, 0 to 32.
  public let prefixLength: Int
  /// The neighbour that knows the way; `nil`: they are on the link.
  public let gateway: IPv4Address?

  /// The way over `gateway` to the hosts of a prefix.
  public init(
    _ destination: IPv4Address,
    prefixLength: Int,
    gateway: IPv4Address?
  ) {
    let mask = ~UInt32(truncatingIfNeeded: UInt64(0xFFFF_FFFF) >> prefixLength)
    // RFC 3442, "DHCP Client Behavior": bits beyond the width are to be clear.
    self.destination = IPv4Address(bits: destination.bits & mask)
    self.prefixLength = prefixLength
    self.gateway = gateway
  }

  /// The most that are kept of one lease, beside the default.
  static let limit = 16

  /// What an option holds.
  struct Parsed: Sendable {
    /// The routes that are kept, in their order.
    var routes: [ClasslessRoute] = []
    /// How many there are beyond.
    var omitted = 0
  }

  /// Reads the value of option 121: for each route the width of its prefix, as
  /// many bytes of the destination as that needs, and the gateway.
  ///
  /// The default is kept wherever it stands: without it there is no way to most
  /// hosts, whatever else is known.
  static func parse(_ value: RawSpan) throws(DropReason) -> Parsed {
    var parsed = Parsed()
    var hasDefault = false
    var offset = 0
    while offset < value.byteCount {
      let width = Int(value.byte(at: offset))
      let significant = (width + 7) / 8
      let gatewayOffset = offset + 1 + significant
      guard width <= 32, gatewayOffset + 4 <= value.byteCount else {
        throw DropReason.dhcpOptionMalformed
      }
      var bits: UInt32 = 0
      for index in 0..<significant {
        let byte = UInt32(value.byte(at: offset + 1 + index))
        bits |= byte << UInt32(24 - 8 * index)
      }
      let gateway = value.ipv4Address(at: gatewayOffset)
      guard gateway == .any || gateway.isUnicast else {
        throw DropReason.dhcpOptionMalformed
      }
      offset = gatewayOffset + 4
      let isDefault = width == 0 && !hasDefault
      guard isDefault || parsed.routes.count < limit + (hasDefault ? 1 : 0)
      else {
        parsed.omitted += 1
        continue
      }
      hasDefault = hasDefault || isDefault
      parsed.routes.append(
        ClasslessRoute(
          IPv4Address(bits: bits),
          prefixLength: width,
          // RFC 3442, "Local Subnet Routes".
          gateway: gateway == .any ? nil : gateway
        )
      )
    }
    guard !parsed.routes.isEmpty else { throw DropReason.dhcpOptionMalformed }
    return parsed
  }
}
