/// What is known or wanted of a packet's checksum.
@usableFromInline
enum ChecksumState: UInt8 {
  /// Nothing: a received one is to be checked, one to send is complete.
  case unknown
  /// Received: the device vouches for it.
  case verified
  /// To send: the field holds the sum of the pseudo-header, and the device adds
  /// the rest.
  case partial
}

/// How a packet is larger than the link allows.
public enum SegmentationKind: UInt8, Sendable {
  /// It is not.
  case none
  /// TCP over IPv4: segments of a size, the headers before each.
  case tcp4
  /// TCP over IPv6, the same.
  case tcp6
  /// UDP over IPv4 or IPv6: datagrams of a size, the headers before each.
  case udp
  /// UDP: one datagram, to be sent as IP fragments.
  case udpFragments
}

/// What of a packet is left to the device that sends it, or was done by the one
/// that received it.
///
/// Positions are kept as places in the slot, so that headers can be put on and
/// taken off meanwhile; here they count from the packet's first byte.
extension PacketBuffer {
  /// Where a device is to complete a checksum: the sum of everything from
  /// `start` on goes into the two bytes `field` behind it, which hold the sum of
  /// the pseudo-header.
  public struct PartialChecksum: Equatable, Sendable {
    /// The first byte that is summed up.
    public let start: Int
    /// The field's distance from `start`.
    public let field: Int

    /// A checksum from `start` on, for the field `field` behind that.
    public init(start: Int, field: Int) {
      self.start = start
      self.field = field
    }
  }

  /// How a packet is cut into segments that the link can carry.
  public struct Segmentation: Equatable, Sendable {
    /// By which protocol.
    public let kind: SegmentationKind
    /// The bytes of payload of each segment but the last.
    public let segmentSize: Int
    /// The bytes of headers that each begins with.
    public let headerSize: Int
    /// Whether the TCP segment says that the window was reduced (CWR), which
    /// only the first that it is cut into may. RFC 3168 §6.1.2.
    public let isCongestionMarked: Bool

    /// Segments of `segmentSize` bytes behind `headerSize` bytes of headers.
    public init(
      kind: SegmentationKind,
      segmentSize: Int,
      headerSize: Int,
      isCongestionMarked: Bool = false
    ) {
      self.isCongestionMarked = isCongestionMarked
      self.kind = kind
      self.segmentSize = segmentSize
      self.headerSize = headerSize
    }
  }

  /// Whether the device that received the packet vouches for its checksum.
  public var isChecksumVerified: Bool {
    get { unsafe slot.pointee.checksum == .verified }
    set { unsafe slot.pointee.checksum = newValue ? .verified : .unknown }
  }

  /// What the device that sends the packet has to sum up; `nil` when the
  /// checksum is complete.
  public var partialChecksum: PartialChecksum? {
    get {
      guard unsafe slot.pointee.checksum == .partial else { return nil }
      return unsafe PartialChecksum(
        start: Int(slot.pointee.checksumStart) - Int(slot.pointee.start),
        field: Int(slot.pointee.checksumField)
          - Int(slot.pointee.checksumStart)
      )
    }
    set {
      guard let newValue else {
        unsafe slot.pointee.checksum = .unknown
        return
      }
      let start = headroom + newValue.start
      unsafe slot.pointee.checksumStart = UInt16(start)
      unsafe slot.pointee.checksumField = UInt16(start + newValue.field)
      unsafe slot.pointee.checksum = .partial
    }
  }

  /// How the device that sends the packet has to cut it; `nil`: not at all.
  public var segmentation: Segmentation? {
    get {
      let kind = unsafe slot.pointee.segmentation
      guard kind != .none else { return nil }
      return unsafe Segmentation(
        kind: kind,
        segmentSize: Int(slot.pointee.segmentSize),
        headerSize: Int(slot.pointee.payloadStart) - Int(slot.pointee.start),
        isCongestionMarked: slot.pointee.isCongestionMarked
      )
    }
    set {
      unsafe slot.pointee.segmentation = newValue?.kind ?? .none
      guard let newValue else { return }
      unsafe slot.pointee.segmentSize = UInt16(newValue.segmentSize)
      unsafe slot.pointee.isCongestionMarked = newValue.isCongestionMarked
      unsafe slot.pointee.payloadStart = UInt16(
        headroom + newValue.headerSize
      )
    }
  }

  /// The payload of each segment that a device has merged into this packet but
  /// the last, as it says; 0 when it merged none.
  public var mergedSegmentSize: Int {
    get {
      unsafe slot.pointee.segmentation == .none
        ? 0 : Int(slot.pointee.segmentSize)
    }
    set {
      unsafe slot.pointee.segmentation = newValue > 0 ? .tcp4 : .none
      unsafe slot.pointee.segmentSize = UInt16(newValue)
    }
  }

  /// Nothing is left to a device, and nothing was done by one: as when a
  /// received packet is sent.
  public mutating func clearOffload() {
    unsafe slot.pointee.checksum = .unknown
    unsafe slot.pointee.segmentation = .none
  }
}
