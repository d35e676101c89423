import Packets

/// A command for the control queue, while it is written. VIRTIO 1.2 §5.1.6.5.
///
///     | class | command | data .................. | ack |
///       reads                                       device writes
struct ControlCommand: ~Copyable {
  /// The classes of commands, and the commands of each that this driver gives.
  enum Name {
    /// VIRTIO_NET_CTRL_RX: by the number of the mode. §5.1.6.5.1.
    case receive(UInt8)
    /// VIRTIO_NET_CTRL_MAC_TABLE_SET. §5.1.6.5.2.
    case setTable
    /// VIRTIO_NET_CTRL_MAC_ADDR_SET.
    case setAddress
    /// VIRTIO_NET_CTRL_VLAN_ADD. §5.1.6.5.3.
    case addVLAN
    /// VIRTIO_NET_CTRL_ANNOUNCE_ACK. §5.1.6.5.4.
    case acknowledgeAnnouncement
    /// VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET. §5.1.6.5.6.
    case setPairs
    /// VIRTIO_NET_CTRL_MQ_RSS_CONFIG. §5.1.6.5.7.1.
    case setScaling
    /// VIRTIO_NET_CTRL_MQ_HASH_CONFIG. §5.1.6.5.6.4.
    case setHash
    /// VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET. §5.1.6.5.8.
    case setOffloads
    /// VIRTIO_NET_CTRL_NOTF_COAL_TX_SET. §5.1.6.5.9.
    case coalesceTransmit
    /// VIRTIO_NET_CTRL_NOTF_COAL_RX_SET.
    case coalesceReceive

    fileprivate var numbers: (kind: UInt8, command: UInt8) {
      switch self {
      case .receive(let mode): (0, mode)
      case .setTable: (1, 0)
      case .setAddress: (1, 1)
      case .addVLAN: (2, 0)
      case .acknowledgeAnnouncement: (3, 0)
      case .setPairs: (4, 0)
      case .setScaling: (4, 1)
      case .setHash: (4, 2)
      case .setOffloads: (5, 0)
      case .coalesceTransmit: (6, 0)
      case .coalesceReceive: (6, 1)
      }
    }
  }

  /// Class and command, which some legacy devices want by themselves.
  static var headerSize: Int { 2 }
  /// The ack, which the device writes.
  static var answerSize: Int { 1 }
  /// VIRTIO_NET_OK.
  static var accepted: UInt8 { 0 }
  /// What the ack is until the device has written it: none that there is.
  private static var unwritten: UInt8 { 0xFF }

  private var packet: PacketBuffer
  /// Where a second part of the data begins, if there is one.
  private var secondStart: Int?

  /// A command without data, in `packet`, which is empty.
  init(_ name: Name, in packet: consuming PacketBuffer) {
    self.packet = packet
    let numbers = name.numbers
    append(numbers.kind)
    append(numbers.command)
  }

  /// Puts an integer behind the data. It is little-endian, also on legacy: that
  /// has the guest's own order, which on x86 is the same.
  mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value
  ) {
    let offset = packet.count
    packet.append(MemoryLayout<Value>.size)
    var bytes = packet.mutableBytes
    bytes.storeLittleEndian(value, at: offset)
  }

  /// Puts a hardware address behind the data.
  ///
  /// - Parameter bits: First octet most significant.
  mutating func append(address bits: UInt64) {
    for shift in stride(from: 40 as UInt64, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: bits >> shift))
    }
  }

  /// Begins a second part of the data, which some legacy devices want to have
  /// its own descriptor. §5.1.6.6.
  mutating func beginSecondPart() { secondStart = packet.count }

  /// How its descriptors are cut.
  ///
  /// - Parameter isSplit: Whether the device expects them as before the
  ///   standard. §5.1.6.6.
  func direction(isSplit: Bool) -> Virtqueue.Direction {
    Virtqueue.Direction(
      deviceWrites: false,
      headerSize: isSplit ? Self.headerSize : 0,
      secondSize: isSplit ? packet.count - (secondStart ?? packet.count) : 0,
      answerSize: Self.answerSize
    )
  }

  /// The packet, with place for the answer.
  consuming func finished() -> PacketBuffer {
    append(Self.unwritten)
    return packet
  }

  /// What the device has written into `packet`.
  static func answer(in packet: borrowing PacketBuffer) -> UInt8 {
    let bytes = packet.bytes
    return bytes.byte(at: bytes.byteCount - answerSize)
  }
}
