/// The configuration space of a network device. VIRTIO 1.2 §5.1.4.
///
///     0  mac     6  status    8  max_virtqueue_pairs    10  mtu
///     12 speed   16 duplex    17 rss_max_key_size
///     18 rss_max_indirection_table_length    20 supported_hash_types
///
/// Each field is there only if its feature was negotiated.
struct NetworkConfiguration<T: Transport> {
  let transport: T

  private enum Field {
    static var mac: Int { 0 }
    static var status: Int { 6 }
    static var mostPairs: Int { 8 }
    static var mtu: Int { 10 }
    static var speed: Int { 12 }
    static var duplex: Int { 16 }
    static var keySize: Int { 17 }
    static var tableLength: Int { 18 }
    static var hashTypes: Int { 20 }
  }

  /// What of `offered` the device says nothing sensible of: a field that is
  /// behind the end of its configuration, an MTU too small to be used, less
  /// than a device must allow.
  func unusable(_ offered: Features) -> Features {
    let size = transport.configurationSize
    var unusable: Features = []
    if size < Field.mac + 6 { unusable.insert(.mac) }
    if size < Field.status + 2 { unusable.insert(.status) }
    if size < Field.duplex + 1 { unusable.insert(.speedDuplex) }
    // Without the feature the field need not be there.
    if offered.contains(.mtu),
      size < Field.mtu + 2 || mtu < VirtioLimits.smallestMTU
    {
      unusable.insert(.mtu)
    }
    if !offered.isDisjoint(with: Self.severalPairs),
      size < Field.mostPairs + 2 || !(1...Self.largestMostPairs ~= mostPairs)
    {
      unusable.formUnion(Self.severalPairs)
    }
    // §5.1.4.1: what the device must allow.
    if !offered.isDisjoint(with: [.rss, .hashReport]),
      size < Field.hashTypes + 4
        || transport.configuration8(Field.keySize) < ReceiveScaling.keySize
    {
      unusable.formUnion([.rss, .hashReport])
    }
    if offered.contains(.rss), !unusable.contains(.rss),
      transport.configuration16(Field.tableLength)
        < ReceiveScaling.smallestTable
    {
      unusable.insert(.rss)
    }
    return unusable
  }

  // MARK: Several queues

  /// Either of these makes the device have several pairs of queues. §5.1.2.
  static var severalPairs: Features { [.mq, .rss] }
  /// §5.1.4.1 has one more, but then the control queue's number is none.
  private static var largestMostPairs: Int { 0x7FFF }

  /// The pairs of queues that the device has (max_virtqueue_pairs).
  private var mostPairs: Int {
    Int(transport.configuration16(Field.mostPairs))
  }

  /// The pairs to use with a device that `offers` this, at most as many as are
  /// asked for, and as there are vectors for.
  func pairs(_ offers: Features, _ settings: NetworkSettings) -> Int {
    guard settings.queuePairs > 1,
      !offers.isDisjoint(with: Self.severalPairs)
    else { return 1 }
    let vectors = settings.vectors.map { Int($0.queueCount) / 2 }
    return max(1, min(settings.queuePairs, mostPairs, vectors ?? .max))
  }

  /// The number of the control queue: behind the last pair of those that there
  /// are, used or not. §5.1.2.
  ///
  /// - Throws: `badQueue` when the device now says less or more pairs than there
  ///   can be: it was looked at before, but may say something else each time.
  func controlIndex(_ features: Features) throws(VirtioError) -> UInt16 {
    guard !features.isDisjoint(with: Self.severalPairs) else { return 2 }
    let mostPairs = mostPairs
    guard 1...Self.largestMostPairs ~= mostPairs else {
      throw VirtioError.badQueue
    }
    return UInt16(2 * mostPairs)
  }

  /// The hashes that the device can make.
  var hashTypes: UInt32 { transport.configuration32(Field.hashTypes) }

  // MARK: Address and link

  /// The interface's address, first octet most significant.
  var macAddressBits: UInt64 {
    transport.consistent { transport in
      var bits: UInt64 = 0
      for offset in Field.mac..<Field.mac + 6 {
        bits = bits << 8 | UInt64(transport.configuration8(offset))
      }
      return bits
    }
  }

  /// Sets it, on legacy, from the first byte to the last. §5.1.4.3.
  func writeMACAddress(_ bits: UInt64) {
    for index in 0..<6 {
      let byte = UInt8(truncatingIfNeeded: bits >> UInt64(40 - 8 * index))
      transport.writeConfiguration8(Field.mac + index, byte)
    }
  }

  /// Whether the interface is to make itself known (VIRTIO_NET_S_ANNOUNCE).
  var mustAnnounce: Bool { transport.configuration16(Field.status) & 2 != 0 }

  /// Whether the link is up (VIRTIO_NET_S_LINK_UP).
  var isLinkUp: Bool { transport.configuration16(Field.status) & 1 != 0 }

  /// How fast the link is. §5.1.4.2: above 0x7FFFFFFF it is unknown, and so is
  /// any duplex but 0 and 1.
  var linkSpeed: LinkSpeed {
    transport.consistent { transport in
      let speed = transport.configuration32(Field.speed)
      let duplex = transport.configuration8(Field.duplex)
      return LinkSpeed(
        megabits: speed <= 0x7FFF_FFFF ? speed : nil,
        isFullDuplex: duplex <= 1 ? duplex == 1 : nil
      )
    }
  }

  /// The largest IP packet.
  var mtu: Int { Int(transport.configuration16(Field.mtu)) }

  /// An address that is nobody's: locally administered, of one interface.
  /// IEEE 802-2014 §8.2.
  static func localAddressBits(_ randomBits: UInt64) -> UInt64 {
    let bits = randomBits & 0xFFFF_FFFF_FFFF
    return bits & ~0x0100_0000_0000 | 0x0200_0000_0000
  }
}
