/// What the driver has set by the control queue. VIRTIO 1.2 §5.1.6.5.
struct ControlState {
  /// §5.1.6.5.1
  struct Modes: OptionSet, Hashable {
    let rawValue: UInt8
    static let promiscuous = Modes(rawValue: 1 << 0)
    static let allMulticast = Modes(rawValue: 1 << 1)
    static let allUnicast = Modes(rawValue: 1 << 2)
    static let noMulticast = Modes(rawValue: 1 << 3)
    static let noUnicast = Modes(rawValue: 1 << 4)
    static let noBroadcast = Modes(rawValue: 1 << 5)
  }

  /// §5.1.6.5.9
  struct Coalescing: Equatable {
    var packets: UInt32 = 0
    var microseconds: UInt32 = 0
  }

  /// §5.1.6.5.7
  struct Scaling: Equatable {
    /// Queue indices.
    var unclassified = 0
    var table: [Int] = []
    var transmitQueues: UInt16 = 0
  }

  var modes: Modes = []
  var macAddress: [UInt8] = []
  /// The filter table, both parts.
  var table: Set<[UInt8]> = []
  var vlans: Set<UInt16> = []
  /// The pairs in use.
  var pairs = 1
  /// Receive side scaling, if it is on.
  var scaling: Scaling?
  var hashTypes: UInt32 = 0
  var hashKey: [UInt8] = []
  /// The receive offloads that are on.
  var offloads: UInt64 = 0
  var transmitCoalescing = Coalescing()
  var receiveCoalescing = Coalescing()
  /// Announcements that were acknowledged.
  var acknowledgements = 0

  /// §5.1.6.5.8: the offloads that can be switched.
  static let offloadBits = FeatureBit.bits(
    .guestCsum,
    .guestTSO4,
    .guestTSO6,
    .guestECN,
    .guestUFO,
    .guestUSO4,
    .guestUSO6
  )
}

/// A command as it came. §5.1.6.5.
struct ControlCommand: Equatable {
  var kind: UInt8
  var command: UInt8
  var data: [UInt8]

  /// The little-endian integer at `offset`; `nil` when it is not all there.
  func integer<T: FixedWidthInteger & UnsignedInteger>(
    _ offset: Int,
    as type: T.Type = T.self
  ) -> T? {
    let size = MemoryLayout<T>.size
    guard offset >= 0, offset + size <= data.count else { return nil }
    return data[offset..<offset + size].reversed().reduce(0) {
      $0 << 8 | T($1)
    }
  }
}

/// How the device answers commands.
enum ControlAnswer: Equatable {
  /// At once, and with what is so.
  case honest
  /// VIRTIO_NET_ERR, and nothing is set.
  case refuses
  /// When a test says so.
  case late
  case never
  /// Honest, but says that so many bytes were written.
  case withLength(UInt32)
  /// This instead of OK or ERR.
  case with(UInt8)
}
