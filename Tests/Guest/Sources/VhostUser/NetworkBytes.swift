/// Numbers in packets: most significant byte first.
extension [UInt8] {
  func number16(_ offset: Int) -> UInt16 {
    UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
  }

  func number32(_ offset: Int) -> UInt32 {
    UInt32(number16(offset)) << 16 | UInt32(number16(offset + 2))
  }

  mutating func append(bigEndian number: UInt16) {
    append(UInt8(number >> 8))
    append(UInt8(truncatingIfNeeded: number))
  }

  mutating func append(bigEndian number: UInt32) {
    append(bigEndian: UInt16(number >> 16))
    append(bigEndian: UInt16(truncatingIfNeeded: number))
  }

  mutating func set(_ number: UInt16, at offset: Int) {
    self[offset] = UInt8(number >> 8)
    self[offset + 1] = UInt8(truncatingIfNeeded: number)
  }
}

/// The checksum of IP, ICMP, UDP and TCP. RFC 1071.
func internetChecksum(_ bytes: ArraySlice<UInt8>) -> UInt16 {
  var sum: UInt64 = 0
  var index = bytes.startIndex
  while index + 1 < bytes.endIndex {
    sum += UInt64(bytes[index]) << 8 | UInt64(bytes[index + 1])
    index += 2
  }
  if index < bytes.endIndex { sum += UInt64(bytes[index]) << 8 }
  while sum >> 16 != 0 { sum = sum & 0xFFFF + sum >> 16 }
  return ~UInt16(sum)
}
