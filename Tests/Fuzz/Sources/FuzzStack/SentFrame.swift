import Fuzzing
import Packets

/// A frame that the stack has sent, which has to be right.
struct SentFrame {
  let bytes: [UInt8]

  init(_ packet: borrowing PacketBuffer) {
    var bytes: [UInt8] = []
    let span = packet.bytes
    for index in 0..<span.byteCount { bytes.append(span.byte(at: index)) }
    for fragment in 0..<packet.fragmentCount {
      let span = packet.fragmentBytes(fragment)
      for index in 0..<span.byteCount { bytes.append(span.byte(at: index)) }
    }
    self.bytes = bytes
    check(bytes.count >= 14, "a frame of \(bytes.count) bytes")
    if isIPv4 { checkDatagram() }
  }

  func word(_ offset: Int) -> Int {
    Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
  }

  func long(_ offset: Int) -> UInt32 {
    UInt32(word(offset)) << 16 | UInt32(word(offset + 2))
  }

  var isIPv4: Bool { word(12) == 0x0800 }
  var isARPRequest: Bool {
    word(12) == 0x0806 && bytes.count >= 42 && word(20) == 1
  }
  var isTCP: Bool { isIPv4 && bytes[23] == 6 && word(20) & 0x3FFF == 0 }
  var tcp: Int { 14 + Int(bytes[14] & 15) * 4 }
  var flags: UInt8 { bytes[tcp + 13] }
  var payloadSize: Int { bytes.count - tcp - Int(bytes[tcp + 12] >> 4) * 4 }

  /// The number behind the last of the segment.
  var end: UInt32 {
    long(tcp + 4) &+ UInt32(payloadSize) &+ (flags & Segment.syn != 0 ? 1 : 0)
      &+ (flags & Segment.fin != 0 ? 1 : 0)
  }

  /// The stack's clock, if the segment says it.
  var timestamp: UInt32? {
    var offset = tcp + 20
    let end = bytes.count - payloadSize
    while offset + 10 <= end {
      switch bytes[offset] {
      case 0: return nil
      case 1: offset += 1
      case 8: return long(offset + 2)
      default: offset += max(Int(bytes[offset + 1]), 2)
      }
    }
    return nil
  }

  private func checkDatagram() {
    check(bytes.count >= 34, "a datagram of \(bytes.count) bytes")
    check(word(16) == bytes.count - 14, "\(word(16)) of \(bytes.count) bytes")
    check(word(16) <= 1500, "\(word(16)) bytes")
    check(complement(sum(bytes[14..<tcp])) == 0, "a wrong IP checksum")
    guard isTCP else { return }
    check(bytes.count >= tcp + 20 && payloadSize >= 0, "a short segment")
    let pseudo = sum(bytes[26..<34]) + 6 + bytes.count - tcp
    check(
      complement(sum(bytes[tcp...]) + pseudo) == 0,
      "a wrong TCP checksum"
    )
  }
}
