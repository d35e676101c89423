import ArgumentParser

/// Where hostile segments go: a guest, by its addresses, over an interface.
struct Target: ParsableArguments {
  @Option(help: "The guest's IPv4 address.")
  var host: String

  @Option(help: "The guest's hardware address.")
  var hardware: String

  @Option(help: "The interface that it is reached over.")
  var device = "tap0"

  func validate() throws {
    guard Self.numbers(host, ".", 10).count == 4,
      Self.numbers(hardware, ":", 16).count == 6
    else { throw ValidationError("\(host), \(hardware): no addresses") }
  }

  var address: [UInt8] { Self.numbers(host, ".", 10) }
  var hardwareAddress: [UInt8] { Self.numbers(hardware, ":", 16) }

  static func numbers(
    _ text: String,
    _ separator: Character,
    _ radix: Int
  ) -> [UInt8] {
    text.split(separator: separator).compactMap { UInt8($0, radix: radix) }
  }
}

/// A TCP segment without text, whose every field is as its sender likes.
/// RFC 9293 §3.1.
struct RawSegment {
  static let syn: UInt8 = 2
  static let rst: UInt8 = 4
  static let ack: UInt8 = 16

  var source: [UInt8]
  var destination: [UInt8]
  var sourcePort: UInt16
  var destinationPort: UInt16
  var number: UInt32 = 0
  var acknowledged: UInt32 = 0
  var flags: UInt8

  init(
    from source: [UInt8],
    _ sourcePort: UInt16,
    to destination: [UInt8],
    _ destinationPort: UInt16,
    flags: UInt8
  ) {
    self.source = source
    self.destination = destination
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.flags = flags
  }

  /// The segment in an Ethernet frame, if there is one.
  init?(_ frame: [UInt8]) {
    guard frame.count >= 54, frame[12] == 8, frame[13] == 0,
      frame[14] == 0x45, frame[23] == 6
    else { return nil }
    func word(_ offset: Int) -> UInt16 {
      UInt16(frame[offset]) << 8 | UInt16(frame[offset + 1])
    }
    source = Array(frame[26..<30])
    destination = Array(frame[30..<34])
    sourcePort = word(34)
    destinationPort = word(36)
    number = UInt32(word(38)) << 16 | UInt32(word(40))
    acknowledged = UInt32(word(42)) << 16 | UInt32(word(44))
    flags = frame[47]
  }

  /// The frame that carries it.
  func frame(from hardware: [UInt8], to target: [UInt8]) -> [UInt8] {
    var header: [UInt8] = [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0]
    header += source + destination
    Self.set(&header, 10, Self.checksum(header))
    var segment = Self.bytes(sourcePort) + Self.bytes(destinationPort)
    segment += Self.bytes(UInt16(number >> 16))
    segment += Self.bytes(UInt16(truncatingIfNeeded: number))
    segment += Self.bytes(UInt16(acknowledged >> 16))
    segment += Self.bytes(UInt16(truncatingIfNeeded: acknowledged))
    segment += [0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]
    let pseudo = source + destination + [0, 6, 0, 20]
    Self.set(&segment, 16, Self.checksum(pseudo + segment))
    return target + hardware + [8, 0] + header + segment
  }

  private static func bytes(_ word: UInt16) -> [UInt8] {
    [UInt8(word >> 8), UInt8(truncatingIfNeeded: word)]
  }

  private static func set(
    _ bytes: inout [UInt8],
    _ offset: Int,
    _ word: UInt16
  ) {
    bytes.replaceSubrange(offset..<offset + 2, with: Self.bytes(word))
  }

  /// RFC 1071.
  private static func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += Int(bytes[index]) << 8 | Int(bytes[index + 1])
    }
    while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
    return UInt16(~sum & 0xFFFF)
  }
}
