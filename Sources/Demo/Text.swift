import Apus

/// Text in the making, in UTF-8.
struct Text {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

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
      let octet = address.octet(index)
      for digit in [octet >> 4, octet & 0xF] {
        bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
      }
      if index < 5 { append(":") }
    }
  }
}
