import Net

/// What the network device is, as it was found and agreed on.
public struct InterfaceInformation: Sendable {
  /// Whether both ends of the link may send at once.
  public enum Duplex: Sendable {
    /// One at a time.
    case half
    /// Both.
    case full
  }

  /// How the rings between driver and device are laid out. VIRTIO 1.2 §2.6.
  public enum QueueFormat: Sendable {
    /// Descriptors and two rings. §2.7.
    case split
    /// One ring for all. §2.8.
    case packed
  }

  /// How the device is driven, such as "virtio-net, modern PCI".
  public let driver: String
  /// How it interrupts, such as "MSI-X".
  public let interrupts: String
  /// The features that driver and device agreed on, by the specification's
  /// names.
  public let features: [StaticString]
  /// The interface's address.
  public let macAddress: MACAddress
  /// The largest IP datagram that goes through it, in bytes.
  public let mtu: Int
  /// How fast the link is, in Mbit/s; `nil` when the device does not say.
  /// VIRTIO 1.2 §5.1.4.
  public let speed: Int?
  /// Whether both ends may send at once; `nil` when the device does not say.
  /// VIRTIO 1.2 §5.1.4.
  public let duplex: Duplex?
  /// How its queues are laid out.
  public let queueFormat: QueueFormat
  /// The pairs of queues, one each way, that are in use.
  public let queuePairs: Int

  /// A device with these properties.
  public init(
    driver: String,
    interrupts: String,
    features: [StaticString],
    macAddress: MACAddress,
    mtu: Int = 1500,
    speed: Int? = nil,
    duplex: Duplex? = nil,
    queueFormat: QueueFormat = .split,
    queuePairs: Int = 1
  ) {
    self.driver = driver
    self.interrupts = interrupts
    self.features = features
    self.macAddress = macAddress
    self.mtu = mtu
    self.speed = speed
    self.duplex = duplex
    self.queueFormat = queueFormat
    self.queuePairs = queuePairs
  }
}
