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

  /// Interrupts of a queue can be put off, per queue
  /// (VIRTIO_NET_F_VQ_NOTF_COAL).
  public static let vqNotfCoal = Features(bit: 52)
  /// Interrupts can be put off (VIRTIO_NET_F_NOTF_COAL).
  public static let notfCoal = Features(bit: 53)
  /// The driver takes UDP over IPv4 unsegmented (VIRTIO_NET_F_GUEST_USO4).
  public static let guestUSO4 = Features(bit: 54)
  /// The driver takes UDP over IPv6 unsegmented (VIRTIO_NET_F_GUEST_USO6).
  public static let guestUSO6 = Features(bit: 55)
  /// The device segments UDP (VIRTIO_NET_F_HOST_USO).
  public static let hostUSO = Features(bit: 56)
  /// The device reports the hash of each packet (VIRTIO_NET_F_HASH_REPORT).
  public static let hashReport = Features(bit: 57)
  /// The driver gives the exact size of headers (VIRTIO_NET_F_GUEST_HDRLEN).
  public static let guestHdrlen = Features(bit: 59)
  /// The device spreads packets by a hash (VIRTIO_NET_F_RSS).
  public static let rss = Features(bit: 60)
  /// The device reports what it merged (VIRTIO_NET_F_RSC_EXT).
  public static let rscExt = Features(bit: 61)
  /// The device is a stand-in for another (VIRTIO_NET_F_STANDBY).
  public static let standby = Features(bit: 62)
  /// The device says its speed (VIRTIO_NET_F_SPEED_DUPLEX).
  public static let speedDuplex = Features(bit: 63)

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
  /// The device reaches memory as the platform lets it
  /// (VIRTIO_F_ACCESS_PLATFORM).
  public static let accessPlatform = Features(bit: 33)
  /// Rings may be packed (VIRTIO_F_RING_PACKED).
  public static let ringPacked = Features(bit: 34)
  /// The device uses buffers in order (VIRTIO_F_IN_ORDER).
  public static let inOrder = Features(bit: 35)
  /// Memory is ordered as for hardware (VIRTIO_F_ORDER_PLATFORM).
  public static let orderPlatform = Features(bit: 36)
  /// Notifications say how far the driver is (VIRTIO_F_NOTIFICATION_DATA).
  public static let notificationData = Features(bit: 38)
  /// A queue can be reset alone (VIRTIO_F_RING_RESET).
  public static let ringReset = Features(bit: 40)

  /// What VIRTIO_NET_F_CTRL_GUEST_OFFLOADS can switch. VIRTIO 1.2 §5.1.6.5.8.
  public static let guestOffloads: Features = [
    .guestCsum, .guestTSO4, .guestTSO6, .guestECN, .guestUFO, .guestUSO4,
    .guestUSO6,
  ]

  /// With any of these a received packet may be larger than a frame.
  static let guestSegmentation: Features = [
    .guestTSO4, .guestTSO6, .guestECN, .guestUFO, .guestUSO4, .guestUSO6,
  ]

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
    (.version1, "VERSION_1"), (.accessPlatform, "ACCESS_PLATFORM"),
    (.ringPacked, "RING_PACKED"), (.inOrder, "IN_ORDER"),
    (.orderPlatform, "ORDER_PLATFORM"),
    (.notificationData, "NOTIFICATION_DATA"), (.ringReset, "RING_RESET"),
    (.vqNotfCoal, "VQ_NOTF_COAL"), (.notfCoal, "NOTF_COAL"),
    (.guestUSO4, "GUEST_USO4"), (.guestUSO6, "GUEST_USO6"),
    (.hostUSO, "HOST_USO"), (.hashReport, "HASH_REPORT"),
    (.guestHdrlen, "GUEST_HDRLEN"), (.rss, "RSS"), (.rscExt, "RSC_EXT"),
    (.standby, "STANDBY"), (.speedDuplex, "SPEED_DUPLEX"),
  ]

  /// The names of the features in the set, lowest bit first.
  public var names: [StaticString] {
    Self.names.filter { contains($0.0) }.map { $0.1 }
  }
}
