/// What precedes each packet. VIRTIO 1.2 §5.1.6 (virtio_net_hdr).
///
///     flags 1 · gso_type 1 · hdr_len 2 · gso_size 2 · csum_start 2 ·
///     csum_offset 2 · num_buffers 2
struct PacketHeader {
  enum Flag {
    /// VIRTIO_NET_HDR_F_NEEDS_CSUM.
    static let needsChecksum: UInt8 = 1
    /// VIRTIO_NET_HDR_F_DATA_VALID.
    static let dataValid: UInt8 = 2
  }

  /// VIRTIO_NET_HDR_GSO_*.
  enum Segmentation {
    static let none: UInt8 = 0
    static let tcp4: UInt8 = 1
    static let udp: UInt8 = 3
    static let tcp6: UInt8 = 4
    static let ecn: UInt8 = 0x80
  }

  var flags: UInt8 = 0
  var segmentation = Segmentation.none
  var headerLength: UInt16 = 0
  var segmentSize: UInt16 = 0
  var checksumStart: UInt16 = 0
  var checksumOffset: UInt16 = 0
  var bufferCount: UInt16 = 0

  /// A header that says nothing.
  init() {}

  /// Reads the header in front of `packet`, which is long enough.
  init(_ packet: [UInt8]) {
    func number(_ offset: Int) -> UInt16 {
      UInt16(packet[offset]) | UInt16(packet[offset + 1]) << 8
    }
    flags = packet[0]
    segmentation = packet[1]
    headerLength = number(2)
    segmentSize = number(4)
    checksumStart = number(6)
    checksumOffset = number(8)
  }

  /// How many bytes it takes. §5.1.6.1.
  static func size(_ features: DeviceFeatures) -> Int {
    features.contains(.version1) || features.contains(.mergedBuffers) ? 12 : 10
  }

  /// Its first `size` bytes.
  func bytes(size: Int) -> [UInt8] {
    let numbers = [
      headerLength, segmentSize, checksumStart, checksumOffset, bufferCount,
    ]
    let bytes =
      [flags, segmentation]
      + numbers.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    return Array(bytes.prefix(size))
  }
}
