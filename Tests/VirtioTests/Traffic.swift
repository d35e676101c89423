/// Frames made up for tests that compare what left with what arrived: complete
/// checksums, and payloads that say which frame they are of.
enum Traffic {
  enum Kind: CaseIterable {
    case other, tcp4, tcp6, udp4, udp6

    var isTCP: Bool { self == .tcp4 || self == .tcp6 }
    var isVersion6: Bool { self == .tcp6 || self == .udp6 }

    /// The bytes of Ethernet's header and those behind it.
    var headerSize: Int {
      guard self != .other else { return 14 }
      return 14 + (isVersion6 ? 40 : 20) + (isTCP ? 20 : 8)
    }
  }

  /// Frame `number` with `count` bytes behind its headers.
  static func frame(
    _ kind: Kind,
    _ number: Int,
    payload count: Int,
    isCongestionMarked: Bool = false
  ) -> [UInt8] {
    let payload = (0..<count).map {
      UInt8(
        truncatingIfNeeded: $0 < 4
          ? number >> (8 * $0) : number &* 37 &+ $0 &* 11
      )
    }
    guard kind != .other else {
      return [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5] + payload
    }
    let transport = transport(kind, number, payload, isCongestionMarked)
    let packet =
      kind.isVersion6
      ? network6(kind, transport) : network4(kind, number, transport)
    let link: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]
    return Segmentation.completed(
      link + (kind.isVersion6 ? [0x86, 0xDD] : [8, 0]) + packet
    )
  }

  private static func transport(
    _ kind: Kind,
    _ number: Int,
    _ payload: [UInt8],
    _ isCongestionMarked: Bool
  ) -> [UInt8] {
    let ports: [UInt8] = [0x12, 0x34, 0, 7]
    guard kind.isTCP else {
      return ports + big(UInt16(8 + payload.count)) + [0, 0] + payload
    }
    // ACK and PSH, and CWR when congestion is to be marked.
    let flags: UInt8 = isCongestionMarked ? 0x98 : 0x18
    return ports + big(UInt32(truncatingIfNeeded: number)) + [0, 0, 0, 1]
      + [0x50, flags, 0x10, 0, 0, 0, 0, 0] + payload
  }

  private static func network4(
    _ kind: Kind,
    _ number: Int,
    _ transport: [UInt8]
  ) -> [UInt8] {
    var header: [UInt8] = [0x45, 0]
    header += big(UInt16(20 + transport.count))
    header += big(UInt16(truncatingIfNeeded: number))
    header += [0x40, 0, 64, kind.isTCP ? 6 : 17, 0, 0]
    header += [10, 0, 0, 1, 10, 0, 0, 2]
    header.replaceSubrange(10..<12, with: big(~Checksum.sum(header)))
    return header + transport
  }

  private static func network6(
    _ kind: Kind,
    _ transport: [UInt8]
  ) -> [UInt8] {
    let header: [UInt8] =
      [0x60, 0, 0, 0] + big(UInt16(transport.count))
      + [kind.isTCP ? 6 : 17, 64]
    let address = [UInt8](repeating: 0xFD, count: 15)
    return header + address + [1] + address + [2] + transport
  }

  /// A frame whose checksum is only begun: its field holds the sum of the
  /// pseudo-header.
  static func begun(_ frame: [UInt8]) -> [UInt8] {
    let parsed = ParsedFrame(frame)
    var frame = frame
    let place = parsed.transportStart + parsed.checksumOffset
    let sum = parsed.pseudoHeaderSum(end: frame.count)
    frame.replaceSubrange(place..<place + 2, with: big(sum))
    return frame
  }
}
