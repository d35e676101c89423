import Packets

/// What stands before every packet on the way to and from a network device.
/// VIRTIO 1.2 §5.1.6.
///
///     0  flags      1  gso_type     2  hdr_len
///     4  gso_size   6  csum_start   8  csum_offset   10  num_buffers
///     12 hash_value 16 hash_report  18 padding_reserved
enum PacketHeader {
  private enum Field {
    static let flags = 0
    static let segmentation = 1
    static let headerLength = 2
    static let segmentSize = 4
    static let checksumStart = 6
    static let checksumOffset = 8
    static let bufferCount = 10
    static let hash = 12
    static let hashReport = 16
  }

  /// Of `flags`.
  private enum Flag {
    /// The checksum is only begun (VIRTIO_NET_HDR_F_NEEDS_CSUM).
    static let needsChecksum: UInt8 = 1
    /// The checksum is known to be right (VIRTIO_NET_HDR_F_DATA_VALID).
    static let dataValid: UInt8 = 2
    /// The fields of the checksum say something else
    /// (VIRTIO_NET_HDR_F_RSC_INFO), which is never agreed on.
    static let coalescingInfo: UInt8 = 4
  }

  /// Of `gso_type`.
  private enum GSOType {
    static let none: UInt8 = 0
    static let tcp4: UInt8 = 1
    static let udpFragments: UInt8 = 3
    static let tcp6: UInt8 = 4
    static let udp: UInt8 = 5
    /// Beside the others: the packet says that there is congestion.
    static let congestion: UInt8 = 0x80
  }

  /// Its size: a legacy device without merged buffers has no `num_buffers`
  /// (§5.1.6.1), and only one that reports hashes has fields for them.
  static func size(_ features: Features) -> Int {
    if features.contains(.hashReport) { return 20 }
    let hasBufferCount =
      features.contains(.version1) || features.contains(.mrgRxbuf)
    return hasBufferCount ? 12 : 10
  }

  /// Whether it must have a descriptor of its own. §2.7.4.3, §5.1.6.6.
  static func isSplitOff(_ features: Features) -> Bool {
    !features.contains(.version1) && !features.contains(.anyLayout)
  }

  // MARK: To the device

  /// Puts a header before `frame` that leaves to the device what the frame says
  /// is left to it.
  ///
  /// - Precondition: The headroom is as large, and what is left was agreed on.
  static func prepend(size: Int, to frame: inout PacketBuffer) {
    let checksum = frame.partialChecksum
    let segmentation = frame.segmentation
    frame.prepend(size)
    var bytes = frame.mutableBytes
    // The whole header, num_buffers too: §5.1.6.2.1 wants it 0.
    bytes.storeLittleEndian(0 as UInt64, at: 0)
    bytes.storeLittleEndian(0 as UInt16, at: Field.checksumOffset)
    if size > Field.bufferCount {
      bytes.storeLittleEndian(0 as UInt16, at: Field.bufferCount)
    }
    if size > Field.hash {
      bytes.storeLittleEndian(0 as UInt64, at: Field.hash)
    }
    if let checksum {
      bytes.storeLittleEndian(Flag.needsChecksum, at: Field.flags)
      store(checksum.start, at: Field.checksumStart, in: &bytes)
      store(checksum.field, at: Field.checksumOffset, in: &bytes)
    }
    if let segmentation {
      bytes.storeLittleEndian(
        type(of: segmentation),
        at: Field.segmentation
      )
      store(segmentation.headerSize, at: Field.headerLength, in: &bytes)
      store(segmentation.segmentSize, at: Field.segmentSize, in: &bytes)
    }
  }

  private static func store(
    _ value: Int,
    at offset: Int,
    in bytes: inout MutableRawSpan
  ) {
    bytes.storeLittleEndian(UInt16(value), at: offset)
  }

  private static func type(of segmentation: PacketBuffer.Segmentation) -> UInt8
  {
    let kind =
      switch segmentation.kind {
      case .none: GSOType.none
      case .tcp4: GSOType.tcp4
      case .tcp6: GSOType.tcp6
      case .udp: GSOType.udp
      case .udpFragments: GSOType.udpFragments
      }
    return segmentation.isCongestionMarked ? kind | GSOType.congestion : kind
  }

  /// What a device must have agreed to, to do what is left of `frame` to it.
  static func needs(_ frame: borrowing PacketBuffer) -> Features {
    guard let segmentation = frame.segmentation else {
      return frame.partialChecksum == nil ? [] : .csum
    }
    let kind: Features =
      switch segmentation.kind {
      case .none: .csum
      case .tcp4: [.csum, .hostTSO4]
      case .tcp6: [.csum, .hostTSO6]
      case .udp: [.csum, .hostUSO]
      case .udpFragments: [.csum, .hostUFO]
      }
    return segmentation.isCongestionMarked ? kind.union(.hostECN) : kind
  }

  // MARK: From the device

  /// What a received header says, checked.
  struct Received: Equatable {
    /// The buffers that hold the packet.
    var bufferCount: Int
    /// The device vouches for the checksum, or there was never a wire that
    /// could have changed what it would cover.
    var isChecksumVerified: Bool
    /// The payload of each merged segment; 0 for a frame.
    var segmentSize: Int
    /// Of what the device has reported a hash; 0: it has not.
    var hashReport: Int
    /// Where the checksum ends in the frame, if the device says so.
    fileprivate var checksumEnd: Int

    /// Whether what it says of places lies in a frame of `count` bytes. The
    /// length of the headers does not count: §5.1.6.4.2, it is a hint at best.
    func fits(_ count: Int) -> Bool { checksumEnd <= count }
  }

  /// The header that `bytes` begin with; `nil` when it says what was not agreed
  /// on, or what cannot be. §5.1.6.4.
  ///
  /// - Precondition: The header is in `bytes`.
  static func parse(_ bytes: RawSpan, _ features: Features) -> Received? {
    var received = Received(
      bufferCount: 1,
      isChecksumVerified: false,
      segmentSize: 0,
      hashReport: 0,
      checksumEnd: 0
    )
    if features.contains(.mrgRxbuf) {
      received.bufferCount = load(bytes, Field.bufferCount)
      guard received.bufferCount > 0 else { return nil }
    }
    if features.contains(.hashReport) {
      received.hashReport = load(bytes, Field.hashReport)
    }
    // Without merged buffers `num_buffers` is not looked at: there are devices
    // that do not set it then.
    let flags = bytes.byte(at: Field.flags)
    if flags != 0 {
      // §5.1.6.4.1: not to be set, since it was not agreed on. §5.1.6.4.2: flags
      // of which we know nothing are ignored.
      guard flags & Flag.coalescingInfo == 0 else { return nil }
      // §5.1.6.4.1: either only where it was agreed on. That a checksum is
      // right does no harm there, and some devices say so.
      received.isChecksumVerified =
        flags & (Flag.needsChecksum | Flag.dataValid) != 0
        && features.contains(.guestCsum)
      if flags & Flag.needsChecksum != 0 {
        guard received.isChecksumVerified else { return nil }
        received.checksumEnd =
          load(bytes, Field.checksumStart)
          + load(bytes, Field.checksumOffset) + 2
      }
    }
    let type = bytes.byte(at: Field.segmentation)
    guard type != GSOType.none else { return received }
    guard isAgreed(type, features) else { return nil }
    received.segmentSize = load(bytes, Field.segmentSize)
    return received.segmentSize > 0 ? received : nil
  }

  private static func isAgreed(_ type: UInt8, _ features: Features) -> Bool {
    if type & GSOType.congestion != 0, !features.contains(.guestECN) {
      return false
    }
    return switch type & ~GSOType.congestion {
    case GSOType.tcp4: features.contains(.guestTSO4)
    case GSOType.tcp6: features.contains(.guestTSO6)
    case GSOType.udpFragments: features.contains(.guestUFO)
    case GSOType.udp:
      !features.isDisjoint(with: [.guestUSO4, .guestUSO6])
    default: false
    }
  }

  private static func load(_ bytes: RawSpan, _ offset: Int) -> Int {
    Int(bytes.littleEndian(at: offset, as: UInt16.self))
  }
}
