import Net

/// What the network device is, as it was found and agreed on at boot.
public struct InterfaceInformation: Sendable {
  /// How the device is driven, such as "virtio-net, modern PCI".
  public let driver: String
  /// How it interrupts, such as "MSI-X".
  public let interrupts: String
  /// The features that driver and device agreed on, by the specification's
  /// names.
  public let features: [StaticString]
  /// The interface's address.
  public let macAddress: MACAddress

  /// A device with these properties.
  public init(
    driver: String,
    interrupts: String,
    features: [StaticString],
    macAddress: MACAddress
  ) {
    self.driver = driver
    self.interrupts = interrupts
    self.features = features
    self.macAddress = macAddress
  }
}

/// Something that is counted since the machine started.
public struct Counter: Sendable {
  /// What is counted.
  public let name: StaticString
  /// How often it happened.
  public let value: UInt64

  /// `value` happenings of `name`.
  public init(_ name: StaticString, _ value: UInt64) {
    self.name = name
    self.value = value
  }
}
