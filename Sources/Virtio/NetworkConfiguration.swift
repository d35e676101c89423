/// The configuration space of a network device. VIRTIO 1.2 §5.1.4.
///
///     0  mac     6  status    8  max_virtqueue_pairs    10  mtu
///     12 speed   16 duplex
///
/// Each field is there only if its feature was negotiated.
struct NetworkConfiguration<T: Transport> {
  let transport: T

  private enum Field {
    static var mac: Int { 0 }
    static var status: Int { 6 }
    static var mtu: Int { 10 }
    static var speed: Int { 12 }
    static var duplex: Int { 16 }
  }

  /// What of `offered` the device says nothing sensible of: a field that is
  /// behind the end of its configuration, or an MTU too small to be used.
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
    return unusable
  }

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
