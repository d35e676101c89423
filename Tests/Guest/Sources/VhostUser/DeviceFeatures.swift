/// Feature bits of a virtio network device, by the standard's names. VIRTIO
/// 1.2 §5.1.3 and §6.
public struct DeviceFeatures: OptionSet, Sendable, CustomStringConvertible {
  /// The bits.
  public let rawValue: UInt64

  /// The features with these bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  private init(bit: Int) { rawValue = 1 << bit }

  /// VIRTIO_NET_F_CSUM.
  public static let checksum = Self(bit: 0)
  /// VIRTIO_NET_F_GUEST_CSUM.
  public static let guestChecksum = Self(bit: 1)
  /// VIRTIO_NET_F_GUEST_TSO4.
  public static let guestTSO4 = Self(bit: 7)
  /// VIRTIO_NET_F_GUEST_TSO6.
  public static let guestTSO6 = Self(bit: 8)
  /// VIRTIO_NET_F_HOST_TSO4.
  public static let hostTSO4 = Self(bit: 11)
  /// VIRTIO_NET_F_HOST_TSO6.
  public static let hostTSO6 = Self(bit: 12)
  /// VIRTIO_NET_F_MRG_RXBUF.
  public static let mergedBuffers = Self(bit: 15)
  /// VIRTIO_F_ANY_LAYOUT.
  public static let anyLayout = Self(bit: 27)
  /// VIRTIO_F_INDIRECT_DESC.
  public static let indirect = Self(bit: 28)
  /// VIRTIO_F_EVENT_IDX.
  public static let eventIndex = Self(bit: 29)
  /// VHOST_USER_F_PROTOCOL_FEATURES: not of the guest's concern.
  static let protocolFeatures = Self(bit: 30)
  /// VIRTIO_F_VERSION_1.
  public static let version1 = Self(bit: 32)
  /// VIRTIO_F_RING_PACKED.
  public static let packed = Self(bit: 34)

  /// A device without offloads, on split rings.
  public static let plain: Self = [.version1, .anyLayout]

  /// All that the device of this package does. QEMU withholds those that its
  /// `-device` says are off, such as packed rings.
  public static let all: Self = [
    .plain, .checksum, .guestChecksum, .guestTSO4, .guestTSO6, .hostTSO4,
    .hostTSO6, .mergedBuffers, .indirect, .eventIndex, .packed,
  ]

  /// The bits in hexadecimal.
  public var description: String { "0x" + String(rawValue, radix: 16) }
}
