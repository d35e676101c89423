/// Sums and hashes as the device computes them, from their definitions.
enum Checksum {
  /// The ones' complement sum of 16-bit words. RFC 1071.
  static func sum(_ bytes: some Collection<UInt8>, from start: UInt64 = 0)
    -> UInt16
  {
    var total = start
    var isHigh = true
    for byte in bytes {
      total += isHigh ? UInt64(byte) << 8 : UInt64(byte)
      isHigh.toggle()
    }
    while total > 0xFFFF { total = total >> 16 + total & 0xFFFF }
    return UInt16(total)
  }

  /// The sum of the addresses, the protocol and the length, not inverted.
  /// RFC 9293 §3.1, RFC 8200 §8.1.
  static func pseudoHeader(
    _ addresses: [UInt8],
    protocolNumber: UInt8,
    length: Int
  ) -> UInt16 {
    sum(
      addresses + big(UInt32(length)) + big(UInt32(protocolNumber))
    )
  }

  /// The hash of Toeplitz: for each bit of the input that is set, the 32 bits
  /// of the key from there on. §5.1.6.4.3.
  static func toeplitz(key: [UInt8], _ input: [UInt8]) -> UInt32 {
    var hash: UInt32 = 0
    for (index, byte) in input.enumerated() {
      for bit in 0..<8 where byte & 0x80 >> UInt8(bit) != 0 {
        hash ^= window(key, at: 8 * index + bit)
      }
    }
    return hash
  }

  private static func window(_ key: [UInt8], at bit: Int) -> UInt32 {
    (0..<32).reduce(0) { window, offset in
      let place = bit + offset
      let byte = place / 8 < key.count ? key[place / 8] : 0
      return window << 1 | UInt32(byte >> UInt8(7 - place % 8) & 1)
    }
  }
}
