/// The bytes that `text` names in hexadecimal; blanks and line ends are for the
/// reader.
func hex(_ text: String) -> [UInt8] {
  let digits = text.utf8.filter { $0 > 0x20 }
  precondition(digits.count % 2 == 0, "half a byte in \(text)")
  func value(_ digit: UInt8) -> UInt8 {
    let value = Character(UnicodeScalar(digit)).hexDigitValue
    precondition(value != nil, "no hexadecimal digit in \(text)")
    return UInt8(value!)
  }
  return stride(from: 0, to: digits.count, by: 2).map {
    value(digits[$0]) << 4 | value(digits[$0 + 1])
  }
}

/// The bytes in hexadecimal, for messages of failed tests.
func text(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

extension [UInt8] {
  /// The array as a span, for as long as it lives.
  var raw: RawSpan {
    @_lifetime(borrow self)
    borrowing get { unsafe span.bytes }
  }

  /// The big-endian number of two bytes at `offset`.
  func word(at offset: Int) -> UInt16 {
    UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
  }

  /// A copy with other bytes from `offset` on.
  func replacing(at offset: Int, with bytes: [UInt8]) -> [UInt8] {
    var copy = self
    copy.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    return copy
  }
}

/// The internet checksum as RFC 1071 §1 defines it, word by word: written
/// apart from the code under test.
func checksum(_ bytes: [UInt8]) -> UInt16 {
  var sum: UInt32 = 0
  for offset in stride(from: 0, to: bytes.count, by: 2) {
    let low = offset + 1 < bytes.count ? bytes[offset + 1] : 0
    sum += UInt32(bytes[offset]) << 8 | UInt32(low)
    if sum > 0xFFFF { sum = (sum & 0xFFFF) + 1 }
  }
  return ~UInt16(sum)
}
