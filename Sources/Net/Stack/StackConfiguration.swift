/// What a stack has to be told at its start.
public struct StackConfiguration: Sendable {
  /// Where the stack's address comes from.
  public enum Addressing: Sendable {
    /// A DHCP server of the link. RFC 2131.
    case dhcp
    /// The app: this one, for good.
    ///
    /// - Precondition: A host can have the address under the prefix.
    case fixed(Lease)
  }

  /// The interface's address.
  public var macAddress: MACAddress
  /// The largest IP datagram in bytes: 576 to 65,535, and no more than a packet
  /// of the pool holds with its headers. RFC 894 has 1,500 for Ethernet.
  public var mtu = 1500
  /// What the device does with what is sent; see also
  /// ``Stack/setCapabilities(_:)``.
  public var capabilities = LinkCapabilities()
  /// The secret that all random numbers of the stack come from: DHCP
  /// transactions, ports, initial sequence numbers.
  public var seed: SipHash.Key
  /// What the host tells DHCP servers it is called, in ASCII; empty for
  /// nothing. No more than 63 bytes are used.
  public var hostName: [UInt8] = []
  /// The address that the host had before, if it knows: DHCP servers are asked
  /// for it first. RFC 2131 §3.2.
  public var rememberedAddress: IPv4Address?
  /// Where the address comes from.
  public var addressing = Addressing.dhcp
  /// The limits of all layers but TCP.
  public var limits = Limits()
  /// The limits of TCP.
  public var tcpLimits = TCPLimits()

  /// The defaults for an interface with this address.
  public init(macAddress: MACAddress, seed: SipHash.Key) {
    self.macAddress = macAddress
    self.seed = seed
  }
}
