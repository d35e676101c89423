import Net
import Packets

/// What a DHCP server would answer, written apart from the client under test.
/// RFC 2131 §2, RFC 2132.
enum DHCPReply {
  /// The message that a frame from a client is: 1 DISCOVER, 3 REQUEST; `nil`
  /// when it is none.
  static func messageType(of frame: [UInt8]) -> UInt8? {
    guard frame.count > 290, frame[23] == 17, frame[36] == 0, frame[37] == 67
    else { return nil }
    var offset = 282
    while offset + 2 < frame.count, frame[offset] != 255 {
      if frame[offset] == 53 { return frame[offset + 2] }
      offset += frame[offset] == 0 ? 1 : 2 + Int(frame[offset + 1])
    }
    return nil
  }

  /// The OFFER of a DISCOVER, or the ACK of a REQUEST: 10.0.0.1/24 for `lease`
  /// seconds, from 10.0.0.2.
  static func answer(to request: [UInt8], lease: UInt32) -> [UInt8]? {
    guard let type = messageType(of: request) else { return nil }
    var message = [UInt8](repeating: 0, count: 236)
    message.replaceSubrange(0..<4, with: [2, 1, 6, 0])
    message.replaceSubrange(4..<8, with: request[46..<50])
    message.replaceSubrange(16..<20, with: [10, 0, 0, 1])
    message.replaceSubrange(28..<34, with: request[6..<12])
    message += [99, 130, 83, 99, 53, 1, type == 1 ? 2 : 5]
    message += [54, 4, 10, 0, 0, 2, 1, 4, 255, 255, 255, 0, 51, 4]
    message += (0..<4).map { UInt8(truncatingIfNeeded: lease >> (24 - 8 * $0)) }
    message += [255]
    return frame(to: request[6..<12], message)
  }

  /// From port 67 of 10.0.0.2 to port 68 of everybody.
  private static func frame(
    to hardware: ArraySlice<UInt8>,
    _ message: [UInt8]
  ) -> [UInt8] {
    let length = message.count + 28
    var header: [UInt8] = [0x45, 0, UInt8(length >> 8), UInt8(length & 255)]
    header += [0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 255, 255, 255, 255]
    var checksum = InternetChecksum()
    checksum.add(header.rawBytes)
    header[10] = UInt8(checksum.value >> 8)
    header[11] = UInt8(checksum.value & 255)
    let payload = message.count + 8
    // RFC 768: a checksum of zero is none.
    let datagram: [UInt8] =
      [0, 67, 0, 68, UInt8(payload >> 8), UInt8(payload & 255), 0, 0]
    let ethernet = Array(hardware) + [2, 0, 0, 0, 0, 2, 8, 0]
    return ethernet + header + datagram + message
  }
}
