/// An address that this host may use, until when, and what came with it.
public struct Lease: Hashable, Sendable {
  /// The host's address.
  public var address: IPv4Address
  /// The leading bits that the hosts of the link have in common, 1 to 32.
  public var prefixLength: Int
  /// The neighbour that knows the way to all other hosts.
  public var gateway: IPv4Address?
  /// The DNS servers, best first; three at the most.
  public var nameServers: [IPv4Address]
  /// The ways to other hosts beside the gateway's. RFC 3442.
  public var routes: [ClasslessRoute] = []
  /// The largest IP datagram of the link in bytes, if it is less than the
  /// device's own.
  public var mtu: Int?
  /// The domains that short names are looked for in.
  public var searchList = SearchList()
  /// The servers that know the time, best first; three at the most.
  public var timeServers: [IPv4Address] = []
  /// The server that granted the lease; `nil` for an address that was set.
  public var server: IPv4Address?
  /// How long it was granted for; `nil` without end.
  public var seconds: UInt32?
  /// When the server is to be asked again (T1). RFC 2131 §4.4.5.
  public var renewal: Instant?
  /// When every server is to be asked (T2). RFC 2131 §4.4.5.
  public var rebinding: Instant?
  /// When the address has to be given up.
  public var expiry: Instant?

  /// A lease without end of an address that was set.
  public init(
    address: IPv4Address,
    prefixLength: Int,
    gateway: IPv4Address? = nil,
    nameServers: [IPv4Address] = []
  ) {
    self.address = address
    self.prefixLength = prefixLength
    self.gateway = gateway
    self.nameServers = nameServers
  }
}

extension Lease {
  /// The bits of the prefix, most significant first.
  public var subnetMask: IPv4Address {
    IPv4Address(bits: ~UInt32(truncatingIfNeeded: 0xFFFF_FFFF >> prefixLength))
  }

  /// The address of every host of the link, if the prefix leaves room for one:
  /// RFC 3021 §2.1 has none for 31 bits.
  public var directedBroadcast: IPv4Address? {
    guard prefixLength < 31 else { return nil }
    return IPv4Address(bits: address.bits | ~subnetMask.bits)
  }

  /// Whether a host can have the address under the prefix: it is neither the
  /// link's own number nor its broadcast. RFC 1122 §3.2.1.3.
  public var isUsable: Bool {
    guard address.isUnicast, prefixLength >= 1, prefixLength <= 32 else {
      return false
    }
    guard prefixLength < 31 else { return true }
    let host = address.bits & ~subnetMask.bits
    return host != 0 && host != ~subnetMask.bits
  }
}
