/// The header of a packet as it is in memory. VIRTIO 1.2 §5.1.6.
struct PacketHeaderFields: Equatable {
  enum Flag {
    static let needsChecksum: UInt8 = 1
    static let dataValid: UInt8 = 2
  }

  /// §5.1.6: gso_type without the ECN bit.
  enum Segmentation {
    static let none: UInt8 = 0
    static let tcp4: UInt8 = 1
    static let udpFragments: UInt8 = 3
    static let tcp6: UInt8 = 4
    static let udpSegments: UInt8 = 5
    static let ecn: UInt8 = 0x80
  }

  var flags: UInt8 = 0
  /// gso_type
  var segmentation: UInt8 = 0
  /// hdr_len
  var headerLength: UInt16 = 0
  /// gso_size
  var segmentSize: UInt16 = 0
  /// csum_start
  var checksumStart: UInt16 = 0
  /// csum_offset
  var checksumOffset: UInt16 = 0
  /// num_buffers
  var bufferCount: UInt16 = 0
  /// hash_value
  var hash: UInt32 = 0
  /// hash_report
  var hashReport: UInt16 = 0

  var needsChecksum: Bool { flags & Flag.needsChecksum != 0 }
  var isECN: Bool { segmentation & Segmentation.ecn != 0 }
  var segmentationType: UInt8 { segmentation & ~Segmentation.ecn }

  init() {}

  /// Reads as much as there is; 10, 12 or 20 bytes.
  init(_ bytes: [UInt8]) {
    func short(_ offset: Int) -> UInt16 {
      guard offset + 1 < bytes.count else { return 0 }
      return UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }
    flags = bytes.first ?? 0
    segmentation = bytes.count > 1 ? bytes[1] : 0
    headerLength = short(2)
    segmentSize = short(4)
    checksumStart = short(6)
    checksumOffset = short(8)
    bufferCount = short(10)
    hash = UInt32(short(12)) | UInt32(short(14)) << 16
    hashReport = short(16)
  }

  /// The bytes, as many as the header has.
  func bytes(_ size: Int) -> [UInt8] {
    let all =
      [flags, segmentation] + little(headerLength) + little(segmentSize)
      + little(checksumStart) + little(checksumOffset) + little(bufferCount)
      + little(hash) + little(hashReport) + [0, 0]
    return Array(all.prefix(size))
  }
}
