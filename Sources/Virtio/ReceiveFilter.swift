/// What a device is to receive, beside frames to its own address. VIRTIO 1.2
/// §5.1.6.5.1 and §5.1.6.5.2.
public struct ReceiveFilter: Equatable, Sendable {
  /// Ways to receive more or less than the table of addresses says.
  public struct Modes: OptionSet, Hashable, Sendable {
    /// Bit n is command n of the class.
    public let rawValue: UInt8

    /// The modes whose bits are `rawValue`.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// All frames (VIRTIO_NET_CTRL_RX_PROMISC).
    public static let promiscuous = Modes(rawValue: 1 << 0)
    /// All frames to groups (VIRTIO_NET_CTRL_RX_ALLMULTI).
    public static let allMulticast = Modes(rawValue: 1 << 1)
    /// All frames to single interfaces (VIRTIO_NET_CTRL_RX_ALLUNI).
    public static let allUnicast = Modes(rawValue: 1 << 2)
    /// No frames to groups (VIRTIO_NET_CTRL_RX_NOMULTI).
    public static let noMulticast = Modes(rawValue: 1 << 3)
    /// No frames to single interfaces (VIRTIO_NET_CTRL_RX_NOUNI).
    public static let noUnicast = Modes(rawValue: 1 << 4)
    /// No frames to all (VIRTIO_NET_CTRL_RX_NOBCAST).
    public static let noBroadcast = Modes(rawValue: 1 << 5)

    /// Those that every device with VIRTIO_NET_F_CTRL_RX knows; the others take
    /// VIRTIO_NET_F_CTRL_RX_EXTRA.
    static let basic: Modes = [.promiscuous, .allMulticast]
    static let all: Modes = [
      .promiscuous, .allMulticast, .allUnicast, .noMulticast, .noUnicast,
      .noBroadcast,
    ]
    /// The commands there are.
    static var commands: Range<UInt8> { 0..<6 }
  }

  /// The modes that were asked for.
  public internal(set) var modes: Modes = []
  /// The single interfaces' addresses that are received too.
  public internal(set) var unicast: [UInt64] = []
  /// The groups' addresses that are received.
  public internal(set) var multicast: [UInt64] = []

  /// Only what is sent to the interface itself, or to all.
  init() {}

  /// The bit of an address that says that it is a group's. IEEE 802-2014 §8.2.
  private static var groupBit: UInt64 { 0x0100_0000_0000 }

  /// Whether `bits` is the address of one interface.
  static func isUnicast(_ bits: UInt64) -> Bool {
    bits & groupBit == 0 && bits != 0 && bits >> 48 == 0
  }

  /// Whether `bits` is the address of a group.
  static func isMulticast(_ bits: UInt64) -> Bool {
    bits & groupBit != 0 && bits >> 48 == 0
  }

  /// What the device is told, when `own` must be in its table too because it
  /// does not know it otherwise: a table with more than `most` addresses is
  /// left out for the mode that receives all of its kind.
  func told(
    own: UInt64?,
    most: Int = VirtioLimits.filterAddresses
  ) -> ReceiveFilter {
    var told = self
    if let own { told.unicast.append(own) }
    if told.unicast.count > most {
      told.unicast = []
      told.modes.insert(.promiscuous)
    }
    if told.unicast.count + multicast.count > most {
      told.multicast = []
      told.modes.insert(.allMulticast)
    }
    return told
  }
}
