/// The feature bits of a network device and those that all devices share.
/// VIRTIO 1.2 §5.1.3 and §6.
public struct Features: OptionSet, Hashable, Sendable {
  /// One bit a feature.
  public let rawValue: UInt64

  /// The features whose bits are set in `rawValue`.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  private init(bit: UInt64) { rawValue = 1 << bit }

  /// The device handles packets with a partial checksum (VIRTIO_NET_F_CSUM).
  public static let csum = Features(bit: 0)
  /// The driver handles them (VIRTIO_NET_F_GUEST_CSUM).
  public static let guestCsum = Features(bit: 1)
  /// Offloads can be changed while running (VIRTIO_NET_F_CTRL_GUEST_OFFLOADS).
  public static let ctrlGuestOffloads = Features(bit: 2)
  /// The device says the largest packet (VIRTIO_NET_F_MTU).
  public static let mtu = Features(bit: 3)
  /// The device has an address (VIRTIO_NET_F_MAC).
  public static let mac = Features(bit: 5)
  /// The driver takes TCP over IPv4 unsegmented (VIRTIO_NET_F_GUEST_TSO4).
  public static let guestTSO4 = Features(bit: 7)
  /// The driver takes TCP over IPv6 unsegmented (VIRTIO_NET_F_GUEST_TSO6).
  public static let guestTSO6 = Features(bit: 8)
  /// The same with ECN (VIRTIO_NET_F_GUEST_ECN).
  public static let guestECN = Features(bit: 9)
  /// The driver takes UDP unfragmented (VIRTIO_NET_F_GUEST_UFO).
  public static let guestUFO = Features(bit: 10)
  /// The device segments TCP over IPv4 (VIRTIO_NET_F_HOST_TSO4).
  public static let hostTSO4 = Features(bit: 11)
  /// The device segments TCP over IPv6 (VIRTIO_NET_F_HOST_TSO6).
  public static let hostTSO6 = Features(bit: 12)
  /// The same with ECN (VIRTIO_NET_F_HOST_ECN).
  public static let hostECN = Features(bit: 13)
  /// The device fragments UDP (VIRTIO_NET_F_HOST_UFO).
  public static let hostUFO = Features(bit: 14)
  /// A packet may span buffers (VIRTIO_NET_F_MRG_RXBUF).
  public static let mrgRxbuf = Features(bit: 15)
  /// The device says whether its link is up (VIRTIO_NET_F_STATUS).
  public static let status = Features(bit: 16)
  /// There is a control queue (VIRTIO_NET_F_CTRL_VQ).
  public static let ctrlVQ = Features(bit: 17)
  /// It takes receive modes (VIRTIO_NET_F_CTRL_RX).
  public static let ctrlRX = Features(bit: 18)
  /// It takes VLAN filters (VIRTIO_NET_F_CTRL_VLAN).
  public static let ctrlVLAN = Features(bit: 19)
  /// It takes more receive modes (VIRTIO_NET_F_CTRL_RX_EXTRA).
  public static let ctrlRXExtra = Features(bit: 20)
  /// The driver announces itself when asked (VIRTIO_NET_F_GUEST_ANNOUNCE).
  public static let guestAnnounce = Features(bit: 21)
  /// There are several pairs of queues (VIRTIO_NET_F_MQ).
  public static let mq = Features(bit: 22)
  /// The address can be set by a command (VIRTIO_NET_F_CTRL_MAC_ADDR).
  public static let ctrlMACAddr = Features(bit: 23)

  /// Legacy: a request on an empty queue interrupts too
  /// (VIRTIO_F_NOTIFY_ON_EMPTY).
  public static let notifyOnEmpty = Features(bit: 24)
  /// Legacy: buffers may be laid out at will (VIRTIO_F_ANY_LAYOUT).
  public static let anyLayout = Features(bit: 27)
  /// Descriptors may point to tables of them (VIRTIO_F_INDIRECT_DESC).
  public static let indirectDesc = Features(bit: 28)
  /// Either side says when it wants to be notified (VIRTIO_F_EVENT_IDX).
  public static let eventIdx = Features(bit: 29)
  /// The device follows the standard, not its draft (VIRTIO_F_VERSION_1).
  public static let version1 = Features(bit: 32)
  /// Rings may be packed (VIRTIO_F_RING_PACKED).
  public static let ringPacked = Features(bit: 34)

  /// Each feature that this file names, with its name in the specification.
  private static let names: [(Features, StaticString)] = [
    (.csum, "CSUM"), (.guestCsum, "GUEST_CSUM"),
    (.ctrlGuestOffloads, "CTRL_GUEST_OFFLOADS"), (.mtu, "MTU"),
    (.mac, "MAC"), (.guestTSO4, "GUEST_TSO4"), (.guestTSO6, "GUEST_TSO6"),
    (.guestECN, "GUEST_ECN"), (.guestUFO, "GUEST_UFO"),
    (.hostTSO4, "HOST_TSO4"), (.hostTSO6, "HOST_TSO6"),
    (.hostECN, "HOST_ECN"), (.hostUFO, "HOST_UFO"),
    (.mrgRxbuf, "MRG_RXBUF"), (.status, "STATUS"), (.ctrlVQ, "CTRL_VQ"),
    (.ctrlRX, "CTRL_RX"), (.ctrlVLAN, "CTRL_VLAN"),
    (.ctrlRXExtra, "CTRL_RX_EXTRA"), (.guestAnnounce, "GUEST_ANNOUNCE"),
    (.mq, "MQ"), (.ctrlMACAddr, "CTRL_MAC_ADDR"),
    (.notifyOnEmpty, "NOTIFY_ON_EMPTY"), (.anyLayout, "ANY_LAYOUT"),
    (.indirectDesc, "INDIRECT_DESC"), (.eventIdx, "EVENT_IDX"),
    (.version1, "VERSION_1"), (.ringPacked, "RING_PACKED"),
  ]

  /// The names of the features in the set, lowest bit first.
  public var names: [StaticString] {
    Self.names.filter { contains($0.0) }.map { $0.1 }
  }
}
