import Packets

/// What stands before every frame on the way to and from a network device.
/// VIRTIO 1.2 §5.1.6.
///
///     0  flags      1  gso_type     2  hdr_len
///     4  gso_size   6  csum_start   8  csum_offset   10  num_buffers
///
/// Without offloads all of it is zero on the way out.
enum PacketHeader {
  private enum Field {
    static let flags = 0
    static let segmentation = 1
    static let bufferCount = 10
  }

  /// VIRTIO_NET_HDR_F_NEEDS_CSUM: the checksum is only begun.
  private static var needsChecksum: UInt8 { 1 }

  /// Its size: a legacy device without merged buffers has no `num_buffers`.
  /// §5.1.6.1.
  static func size(_ features: Features) -> Int {
    let hasBufferCount =
      features.contains(.version1) || features.contains(.mrgRxbuf)
    return hasBufferCount ? 12 : 10
  }

  /// Puts a header before `frame`, for a frame that is complete as it is.
  ///
  /// - Precondition: The headroom is as large.
  static func prepend(size: Int, to frame: inout PacketBuffer) {
    frame.prepend(size)
    var bytes = frame.mutableBytes
    bytes.storeLittleEndian(0 as UInt64, at: 0)
    bytes.storeLittleEndian(0 as UInt16, at: 8)
    if size > Field.bufferCount {
      bytes.storeLittleEndian(0 as UInt16, at: Field.bufferCount)
    }
  }

  /// Whether the frame behind the header `bytes` begin with is complete as it
  /// is, as it must be where no offload was agreed on. `num_buffers` is not
  /// looked at: there are devices that do not set it without merged buffers.
  ///
  /// - Precondition: The header is in `bytes`.
  static func isComplete(_ bytes: RawSpan) -> Bool {
    bytes.byte(at: Field.flags) & needsChecksum == 0
      && bytes.byte(at: Field.segmentation) == 0
  }
}
