/// What a stack has to be told of an interface.
public struct InterfaceConfiguration: Sendable {
  /// Where an interface's address comes from.
  public enum Addressing: Sendable {
    /// A DHCP server of the link. RFC 2131.
    case dhcp
    /// Who configures it: this one, for good.
    ///
    /// - Precondition: A host can have the address under the prefix.
    case fixed(Lease)
  }

  /// The interface's hardware address.
  public var macAddress: MACAddress
  /// The largest IP datagram in bytes: 576 to 65,535, and no more than a packet
  /// of the pool holds with its headers. RFC 894 has 1,500 for Ethernet.
  public var mtu = 1500
  /// What the device does with what is sent; see also
  /// ``Stack/setCapabilities(_:on:)``.
  public var capabilities = LinkCapabilities()
  /// The address that the host had before, if it knows: DHCP servers are asked
  /// for it first. RFC 2131 §3.2.
  public var rememberedAddress: IPv4Address?
  /// Where the address comes from.
  public var addressing = Addressing.dhcp

  /// The defaults for an interface with this address.
  public init(macAddress: MACAddress) { self.macAddress = macAddress }
}
