import Packets

/// The internet checksum: the one's complement of the one's complement sum of
/// all 16-bit words. RFC 1071.
public struct InternetChecksum: Sendable {
  /// The sum so far, not yet folded: the carries are in the upper half.
  private var sum: UInt64 = 0

  /// The sum of nothing.
  public init() {}

  /// Adds `bytes`, whose first is in an even place; an odd last one is padded
  /// with zero, so only the last span may be odd.
  public mutating func add(_ bytes: RawSpan) {
    var offset = 0
    let count = bytes.byteCount
    // Four bytes at a time into 64 bits: the carries cannot overflow before
    // 2^32 words, far beyond any packet.
    while offset &+ 4 <= count {
      sum &+= UInt64(bytes.bigEndian(at: offset, as: UInt32.self))
      offset &+= 4
    }
    if offset &+ 2 <= count {
      sum &+= UInt64(bytes.bigEndian(at: offset, as: UInt16.self))
      offset &+= 2
    }
    if offset < count {
      sum &+= UInt64(bytes.byte(at: offset)) << 8
    }
  }

  /// Adds one 16-bit word.
  public mutating func add(_ word: UInt16) { sum &+= UInt64(word) }

  /// Adds the pseudo-header that TCP and UDP put before theirs.
  /// RFC 9293 §3.1, RFC 768.
  public mutating func addPseudoHeader(
    source: IPv4Address,
    destination: IPv4Address,
    protocol number: UInt8,
    length: Int
  ) {
    sum &+= UInt64(source.bits) &+ UInt64(destination.bits)
    sum &+= UInt64(number) &+ UInt64(UInt16(truncatingIfNeeded: length))
  }

  /// The value for the checksum field; over bytes that hold a right checksum,
  /// zero.
  public var value: UInt16 {
    var folded = (sum & 0xFFFF_FFFF) &+ (sum >> 32)
    folded = (folded & 0xFFFF) &+ (folded >> 16)
    folded = (folded & 0xFFFF) &+ (folded >> 16)
    folded = (folded & 0xFFFF) &+ (folded >> 16)
    return ~UInt16(truncatingIfNeeded: folded)
  }
}
