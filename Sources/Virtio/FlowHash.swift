import Packets

/// Which of several queues a frame is sent on: the same for all frames of a
/// flow, so that they stay in order. VIRTIO 1.2 §5.1.6.5.6.
///
/// A flow is a pair of addresses and, for whole TCP and UDP packets, of ports.
enum FlowHash {
  private enum EtherType {
    static let ipv4: UInt16 = 0x0800
    static let ipv6: UInt16 = 0x86DD
  }

  /// The protocols with ports.
  private static func hasPorts(_ number: UInt8) -> Bool {
    number == 6 || number == 17
  }

  /// A number below `count`.
  ///
  /// - Precondition: `frame` begins with an Ethernet header, without a tag.
  static func queue(for frame: borrowing PacketBuffer, of count: Int) -> Int {
    // The upper bits of the product are the best mixed.
    let mixed = sum(frame.bytes) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: ((mixed >> 32) &* UInt64(count)) >> 32)
  }

  private static func sum(_ frame: RawSpan) -> UInt64 {
    let network = 14
    switch frame.bigEndian(at: 12, as: UInt16.self) {
    case EtherType.ipv4:
      guard frame.byteCount >= network + 20 else { return 0 }
      let sum =
        load32(frame, network + 12) &* 31 &+ load32(frame, network + 16)
      // RFC 791 §3.1: a fragment has MF or an offset; only one has the ports.
      let fragment = frame.bigEndian(at: network + 6, as: UInt16.self)
      guard fragment & 0x3FFF == 0,
        hasPorts(frame.byte(at: network + 9))
      else { return sum }
      let size = 4 * Int(frame.byte(at: network) & 0xF)
      return ports(frame, network + size, sum)
    case EtherType.ipv6:
      guard frame.byteCount >= network + 40 else { return 0 }
      var sum: UInt64 = 0
      for word in 2..<10 {
        sum = sum &* 31 &+ load32(frame, network + 4 * word)
      }
      guard hasPorts(frame.byte(at: network + 6)) else { return sum }
      return ports(frame, network + 40, sum)
    default: return 0
    }
  }

  private static func ports(
    _ frame: RawSpan,
    _ offset: Int,
    _ sum: UInt64
  ) -> UInt64 {
    guard frame.byteCount >= offset + 4 else { return sum }
    return sum &* 31 &+ load32(frame, offset)
  }

  private static func load32(_ frame: RawSpan, _ offset: Int) -> UInt64 {
    UInt64(frame.bigEndian(at: offset, as: UInt32.self))
  }
}
