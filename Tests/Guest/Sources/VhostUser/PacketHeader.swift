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

  /// Reads the header of `size` bytes in front of `packet`, which is longer.
  init(_ packet: [UInt8], size: Int) {
    func number(_ offset: Int) -> UInt16 {
      UInt16(packet[offset]) | UInt16(packet[offset + 1]) << 8
    }
    flags = packet[0]
    segmentation = packet[1]
    headerLength = number(2)
    segmentSize = number(4)
    checksumStart = number(6)
    checksumOffset = number(8)
    bufferCount = size > 10 ? number(10) : 0
  }

  /// A header for a TCP segment whose checksum, and segmentation, is left to
  /// the guest. §5.1.6.4.1.
  ///
  /// - Parameters:
  ///   - tcpHeaderSize: The bytes up to the segment's data.
  ///   - packetSize: How long the packet is.
  init(tcpHeaderSize: Int, packetSize: Int) {
    flags = Flag.needsChecksum
    checksumStart = UInt16(Offset.transport)
    checksumOffset = UInt16(Offset.tcpChecksum - Offset.transport)
    guard packetSize - tcpHeaderSize > Exchange.segmentSize else { return }
    segmentation = Segmentation.tcp4
    segmentSize = UInt16(Exchange.segmentSize)
    headerLength = UInt16(tcpHeaderSize)
  }

  /// What is wrong with it in front of a packet of the driver. §5.1.6.2.
  func fault(packetSize: Int, _ features: DeviceFeatures) -> String? {
    if flags & ~Flag.needsChecksum != 0 {
      return "flags \(flags) that are not a driver's"
    }
    if bufferCount != 0 { return "num_buffers is not 0" }
    if flags & Flag.needsChecksum != 0 {
      guard features.contains(.checksum) else {
        return "NEEDS_CSUM without CSUM"
      }
      guard Int(checksumStart) + Int(checksumOffset) + 2 <= packetSize else {
        return "the checksum is outside of the packet"
      }
    }
    switch segmentation & ~Segmentation.ecn {
    case Segmentation.none: return nil
    case Segmentation.tcp4 where features.contains(.hostTSO4): break
    case Segmentation.tcp6 where features.contains(.hostTSO6): break
    default: return "gso_type \(segmentation), which was not agreed on"
    }
    return flags & Flag.needsChecksum == 0 || segmentSize == 0
      ? "a segmented packet without a checksum or size" : nil
  }

  /// Does to `frame` what the driver has left to the device.
  func completeChecksum(of frame: inout [UInt8]) {
    guard flags & Flag.needsChecksum != 0 else { return }
    let sum = internetChecksum(frame[Int(checksumStart)...])
    frame.set(sum, at: Int(checksumStart) + Int(checksumOffset))
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
