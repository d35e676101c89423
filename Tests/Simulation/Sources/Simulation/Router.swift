/// What a router does with a datagram that the next link cannot carry.
extension Frame {
  /// The router that speaks of it, 10.0.0.254.
  static let router: UInt32 = 0x0A00_00FE
  static let routerHardware: UInt64 = 0x0200_0000_00FE

  /// What the sender is told: destination unreachable, fragmentation needed,
  /// with the size that would do. RFC 792, RFC 1191 §4.
  func tooBig(_ mtu: Int) -> Frame {
    let quote = bytes[Self.ip..<min(Self.ip + ipHeaderSize + 8, bytes.count)]
    let size = 20 + 8 + quote.count
    var reply = Frame(
      [UInt8](repeating: 0, count: Self.ip + size - quote.count) + quote
    )
    for index in 0..<6 {
      reply.bytes[index] = bytes[6 + index]
      reply.bytes[6 + index] = UInt8(
        truncatingIfNeeded: Self.routerHardware >> UInt64(8 * (5 - index))
      )
    }
    reply.setWord(12, 0x0800)
    reply.bytes[Self.ip] = 0x45
    reply.setWord(Self.ip + 2, size)
    reply.bytes[Self.ip + 8] = 64
    reply.bytes[Self.ip + 9] = 1
    reply.setLong(Self.ip + 12, Self.router)
    reply.setLong(Self.ip + 16, ipSource)
    reply.completeIPChecksum()
    let icmp = Self.ip + 20
    reply.bytes[icmp] = 3
    reply.bytes[icmp + 1] = 4
    reply.setWord(icmp + 6, mtu)
    reply.setWord(icmp + 2, reply.checksum(icmp..<reply.bytes.count))
    return reply
  }

  /// The datagram in parts of up to `mtu` bytes. RFC 791 §3.2.
  func fragments(_ mtu: Int) -> [Frame] {
    let header = Self.ip + ipHeaderSize
    let payload = Array(bytes[header..<Self.ip + ipTotalLength])
    let step = (mtu - ipHeaderSize) & ~7
    let old = word(Self.ip + 6)
    return stride(from: 0, to: payload.count, by: step).map { start in
      let end = min(start + step, payload.count)
      var part = Frame(Array(bytes[..<header] + payload[start..<end]))
      let isLast = end == payload.count && old & 0x2000 == 0
      part.setWord(Self.ip + 2, ipHeaderSize + end - start)
      part.setWord(
        Self.ip + 6,
        (old & 0x1FFF) + start / 8 | (isLast ? 0 : 0x2000)
      )
      part.completeIPChecksum()
      return part
    }
  }
}
