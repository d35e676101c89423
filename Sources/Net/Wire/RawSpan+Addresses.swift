import Packets

/// Addresses of the wire in raw bytes, bounds checked.
extension RawSpan {
  /// The six octets at `offset`.
  ///
  /// - Precondition: They are within the span.
  func macAddress(at offset: Int) -> MACAddress {
    let high = UInt64(bigEndian(at: offset, as: UInt16.self))
    let low = UInt64(bigEndian(at: offset + 2, as: UInt32.self))
    return MACAddress(bits: high << 32 | low)
  }

  /// The four octets at `offset`.
  ///
  /// - Precondition: They are within the span.
  func ipv4Address(at offset: Int) -> IPv4Address {
    IPv4Address(bits: bigEndian(at: offset))
  }
}

extension MutableRawSpan {
  /// Writes six octets at `offset`.
  ///
  /// - Precondition: They are within the span.
  mutating func store(_ address: MACAddress, at offset: Int) {
    let high = UInt16(truncatingIfNeeded: address.bits >> 32)
    let low = UInt32(truncatingIfNeeded: address.bits)
    storeBigEndian(high, at: offset)
    storeBigEndian(low, at: offset + 2)
  }

  /// Writes four octets at `offset`.
  ///
  /// - Precondition: They are within the span.
  mutating func store(_ address: IPv4Address, at offset: Int) {
    storeBigEndian(address.bits, at: offset)
  }
}
