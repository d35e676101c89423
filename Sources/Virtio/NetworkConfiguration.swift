/// The configuration space of a network device. VIRTIO 1.2 §5.1.4.
///
///     0  mac    6  status    8  max_virtqueue_pairs    10  mtu
///
/// Each field is there only if its feature was negotiated.
struct NetworkConfiguration<T: Transport> {
  let transport: T

  /// The interface's address, first octet most significant.
  var macAddressBits: UInt64 {
    transport.consistent { transport in
      var bits: UInt64 = 0
      for offset in 0..<6 {
        bits = bits << 8 | UInt64(transport.configuration8(offset))
      }
      return bits
    }
  }

  /// Whether the link is up (VIRTIO_NET_S_LINK_UP).
  var isLinkUp: Bool { transport.configuration16(6) & 1 != 0 }

  /// The largest IP packet.
  var mtu: Int { Int(transport.configuration16(10)) }
}
