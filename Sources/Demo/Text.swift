import Apus

/// Text in the making, in UTF-8.
struct Text {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  mutating func append(byte: UInt8) { bytes.append(byte) }

  mutating func append(_ number: some BinaryInteger) {
    if number < 0 { append("-") }
    append(String(UInt64(truncatingIfNeeded: number.magnitude)))
  }

  /// A number of thousandths, such as 1.072 for 1072.
  mutating func append(thousandths: UInt64) {
    let (whole, rest) = thousandths.quotientAndRemainder(dividingBy: 1000)
    append(whole)
    append(rest < 10 ? ".00" : rest < 100 ? ".0" : ".")
    append(rest)
  }

  mutating func append(_ other: Text) {
    bytes.append(contentsOf: other.bytes)
  }

  mutating func append(_ address: IPv4Address) {
    for shift in stride(from: 24, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: address.bits >> UInt32(shift)))
      if shift > 0 { append(".") }
    }
  }

  mutating func append(_ address: MACAddress) {
    for index in 0..<6 {
      append(hexadecimal: address.octet(index))
      if index < 5 { append(":") }
    }
  }

  /// Two hexadecimal digits.
  mutating func append(hexadecimal byte: UInt8) {
    for digit in [byte >> 4, byte & 0xF] {
      bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// An address and a port, such as 10.0.2.15:80. RFC 3986 §3.2.2 has brackets
  /// for addresses of version 6, and RFC 4291 §2.2 groups of digits.
  mutating func append(_ endpoint: Endpoint) {
    if let address = endpoint.address.ipv4 {
      append(address)
    } else {
      append("[")
      for half in [endpoint.address.high, endpoint.address.low] {
        for shift in [UInt64(48), 32, 16, 0] {
          append(String(half >> shift & 0xFFFF, radix: 16))
          append(":")
        }
      }
      bytes[bytes.count - 1] = UInt8(ascii: "]")
    }
    append(":")
    append(endpoint.port)
  }

  /// A time in thousandths of a second, with three digits behind the point.
  mutating func append(milliseconds time: Interval) {
    append(thousandths: UInt64(max(time.microseconds, 0)))
  }
}
