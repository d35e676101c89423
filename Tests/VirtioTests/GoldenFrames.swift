/// Packets and the frames that they become, computed elsewhere: large packets
/// hold the sum of the pseudo-header, frames are complete.
enum GoldenFrames {
  private static let link = "52540012345602000000000108"
  private static let link6 = "52540012345602000000000186dd"
  private static let addresses6 =
    "fd000000000000000000000000000001fd000000000000000000000000000002"
  private static let options = "0101080a0000000100000002"

  /// TCP over IPv4 with CWR, PSH and FIN; identification and sequence number
  /// wrap within it.
  static let tcp4 = bytes(
    link + "004500003efffe4000400622ab0a00020f0a000202"
      + "04d20050fffffffa01020304809901f418410000" + options
      + "0102030405060708090a"
  )
  /// Segments of four bytes.
  static let tcp4Frames = [
    link + "0045000038fffe4000400622b10a00020f0a000202"
      + "04d20050fffffffa01020304809001f44f090000" + options + "01020304",
    link + "0045000038ffff4000400622b00a00020f0a000202"
      + "04d20050fffffffe01020304801001f4477d0000" + options + "05060708",
    link + "004500003600004000400622b20a00020f0a000202"
      + "04d200500000000201020304801901f44a770000" + options + "090a",
  ].map(bytes)

  /// TCP over IPv6 with PSH.
  static let tcp6 = bytes(
    link6 + "60000000002a0640" + addresses6
      + "04d20050fffffffa01020304801801f4fa340000" + options
      + "0102030405060708090a"
  )
  static let tcp6Frames = [
    link6 + "6000000000240640" + addresses6
      + "04d20050fffffffa01020304801001f46d950000" + options + "01020304",
    link6 + "6000000000240640" + addresses6
      + "04d20050fffffffe01020304801001f465890000" + options + "05060708",
    link6 + "6000000000220640" + addresses6
      + "04d200500000000201020304801801f468840000" + options + "090a",
  ].map(bytes)

  /// UDP to be segmented: each frame has its own header.
  static let udpSegments = bytes(
    link + "004500002600074000401122b00a00020f0a000202"
      + "04d20035001218340102030405060708090a"
  )
  static let udpSegmentsFrames = [
    link + "004500002000074000401122b60a00020f0a000202"
      + "04d20035000cdeb801020304",
    link + "004500002000084000401122b50a00020f0a000202"
      + "04d20035000cd6b005060708",
    link + "004500001e00094000401122b60a00020f0a000202"
      + "04d20035000ad9b8090a",
  ].map(bytes)

  /// UDP to be cut by IP, into eight bytes each.
  static let udpFragments = bytes(
    link + "004500002600070000401162b00a00020f0a000202"
      + "04d20035001218340102030405060708090a"
  )
  static let udpFragmentsFrames = [
    link + "004500001c00072000401142ba0a00020f0a000202"
      + "04d200350012c994",
    link + "004500001c00072001401142b90a00020f0a000202"
      + "0102030405060708",
    link + "004500001600070002401162be0a00020f0a000202" + "090a",
  ].map(bytes)

  static let udp6Fragments = bytes(
    link6 + "6000000000121140" + addresses6
      + "04d200350012fa270102030405060708090a"
  )
  static let udp6FragmentsFrames = [
    link6 + "6000000000102c40" + addresses6
      + "110000010000000104d200350012e7a0",
    link6 + "6000000000102c40" + addresses6
      + "11000009000000010102030405060708",
    link6 + "60000000000a2c40" + addresses6 + "1100001000000001090a",
  ].map(bytes)

  /// A complete frame of TCP over IPv4.
  static let complete = bytes(
    link + "004500003e00014000400622a90a00020f0a000202"
      + "04d200500000000501020304801801f43a590000" + options
      + "0102030405060708090a"
  )

  /// The bytes of hexadecimal digits.
  static func bytes(_ digits: String) -> [UInt8] {
    let values = digits.compactMap(\.hexDigitValue)
    return stride(from: 0, to: values.count - 1, by: 2).map {
      UInt8(values[$0] << 4 | values[$0 + 1])
    }
  }

  /// The header for a large packet.
  static func header(
    _ packet: [UInt8],
    _ type: UInt8,
    segmentSize: UInt16
  ) -> PacketHeaderFields {
    let parsed = ParsedFrame(packet)
    var fields = PacketHeaderFields()
    fields.flags = 1
    fields.segmentation = type
    fields.segmentSize = segmentSize
    fields.headerLength = UInt16(parsed.payloadStart)
    fields.checksumStart = UInt16(parsed.transportStart)
    fields.checksumOffset = UInt16(parsed.checksumOffset)
    return fields
  }
}
