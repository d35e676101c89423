import Packets

extension PacketBuffer {
  /// Does what was left to the device of the packet's checksum. RFC 1071.
  ///
  /// The field holds the sum of the pseudo-header already, so it is part of
  /// what is summed up; the parts may be of odd size.
  mutating func completeChecksum() {
    guard let partial = partialChecksum else { return }
    var sum: UInt32 = 0
    var isOdd = false
    add(bytes, from: partial.start, to: &sum, &isOdd)
    for index in 0..<fragmentCount {
      add(fragmentBytes(index), from: 0, to: &sum, &isOdd)
    }
    let value = ~UInt16(truncatingIfNeeded: sum)
    let field = partial.start + partial.field
    partialChecksum = nil
    var target = mutableBytes
    // RFC 768: a UDP checksum of 0 means none; both are 0 in one's complement.
    target.storeBigEndian(value == 0 ? 0xFFFF : value, at: field)
  }

  private borrowing func add(
    _ bytes: RawSpan,
    from start: Int,
    to sum: inout UInt32,
    _ isOdd: inout Bool
  ) {
    for offset in start..<bytes.byteCount {
      let byte = UInt32(bytes.byte(at: offset))
      sum &+= isOdd ? byte : byte << 8
      isOdd.toggle()
      // Fold the carry as it comes.
      sum = (sum & 0xFFFF) &+ (sum >> 16)
    }
  }
}
