/// What a stack has to be told at its start.
public struct StackConfiguration: Sendable {
  /// Where an interface's address comes from.
  public typealias Addressing = InterfaceConfiguration.Addressing

  /// Its first interface; others may be added later.
  public var interface: InterfaceConfiguration
  /// The secret that all random numbers of the stack come from: DHCP
  /// transactions, ports, initial sequence numbers.
  public var seed: SipHash.Key
  /// What the host tells DHCP servers it is called, in ASCII; empty for
  /// nothing. No more than 63 bytes are used.
  public var hostName: [UInt8] = []
  /// The limits of all layers but TCP.
  public var limits = Limits()
  /// The limits of TCP.
  public var tcpLimits = TCPLimits()

  /// The defaults for a host whose first interface is this.
  public init(_ interface: InterfaceConfiguration, seed: SipHash.Key) {
    self.interface = interface
    self.seed = seed
  }

  /// The defaults for a host whose first interface has this address.
  public init(macAddress: MACAddress, seed: SipHash.Key) {
    self.init(InterfaceConfiguration(macAddress: macAddress), seed: seed)
  }
}

/// The first interface's properties, for the many hosts that have one.
extension StackConfiguration {
  /// ``InterfaceConfiguration/macAddress`` of the first interface.
  public var macAddress: MACAddress {
    get { interface.macAddress }
    set { interface.macAddress = newValue }
  }

  /// ``InterfaceConfiguration/mtu`` of the first interface.
  public var mtu: Int {
    get { interface.mtu }
    set { interface.mtu = newValue }
  }

  /// ``InterfaceConfiguration/capabilities`` of the first interface.
  public var capabilities: LinkCapabilities {
    get { interface.capabilities }
    set { interface.capabilities = newValue }
  }

  /// ``InterfaceConfiguration/rememberedAddress`` of the first interface.
  public var rememberedAddress: IPv4Address? {
    get { interface.rememberedAddress }
    set { interface.rememberedAddress = newValue }
  }

  /// ``InterfaceConfiguration/addressing`` of the first interface.
  public var addressing: Addressing {
    get { interface.addressing }
    set { interface.addressing = newValue }
  }
}
