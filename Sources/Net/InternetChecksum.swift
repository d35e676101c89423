import Packets

/// The internet checksum: the one's complement of the one's complement sum of
/// all 16-bit words. RFC 1071.
public struct InternetChecksum: Sendable {
  /// The sum so far, of words as memory holds them: RFC 1071 §2 (B), the order
  /// of the bytes matters only where the value is written.
  private var sum: UInt64 = 0
  /// Whether the next byte is the second of a word.
  private var isOdd = false

  /// The sum of nothing.
  public init() {}

  /// Adds `bytes`, which follow those added before; an odd last one is padded
  /// with zero until more come.
  public mutating func add(_ bytes: RawSpan) {
    var part = bytes.onesComplementSum
    if isOdd {
      // RFC 1071 §2 (B): what begins at an odd place is summed in its own
      // words, and the bytes of the sum change places.
      part = UInt64(Self.folded(part).byteSwapped)
    }
    sum = sum.addingWithCarry(part)
    if bytes.byteCount & 1 != 0 { isOdd.toggle() }
  }

  /// Adds all bytes of `packet`, its fragments included, from `start` on.
  ///
  /// - Precondition: The first slot has as many.
  mutating func add(_ packet: borrowing PacketBuffer, from start: Int = 0) {
    add(packet.bytes.extracting(droppingFirst: start))
    for index in 0..<packet.fragmentCount {
      add(packet.fragmentBytes(index))
    }
  }

  /// Adds one 16-bit word. The bytes added before are an even number.
  public mutating func add(_ word: UInt16) {
    sum = sum.addingWithCarry(UInt64(word.bigEndian))
  }

  /// Adds the pseudo-header that TCP and UDP put before theirs: both addresses,
  /// the protocol and the length. RFC 9293 §3.1, RFC 768, RFC 8200 §8.1.
  ///
  /// One of version 6 sums the addresses as they are. So does one of version 4,
  /// as the words before a mapped address are zero and 0xFFFF, which in one's
  /// complement is zero as well.
  public mutating func addPseudoHeader(
    source: IPAddress,
    destination: IPAddress,
    protocol number: UInt8,
    length: Int
  ) {
    let words = (UInt64(number) &+ UInt64(UInt32(truncatingIfNeeded: length)))
      .addingWithCarry(source.high).addingWithCarry(source.low)
      .addingWithCarry(destination.high).addingWithCarry(destination.low)
    sum = sum.addingWithCarry(UInt64(Self.folded(words).bigEndian))
  }

  /// The sum itself: what a device that completes a checksum finds in its
  /// field, over the pseudo-header. VIRTIO 1.2 §5.1.6.2.
  var partialValue: UInt16 { UInt16(bigEndian: Self.folded(sum)) }

  /// The value for the checksum field; over bytes that hold a right checksum,
  /// zero.
  public var value: UInt16 { ~partialValue }

  /// The 16 bits that `sum` is, the carries added.
  private static func folded(_ sum: UInt64) -> UInt16 {
    var folded = (sum & 0xFFFF_FFFF) &+ (sum >> 32)
    folded = (folded & 0xFFFF) &+ (folded >> 16)
    folded = (folded & 0xFFFF) &+ (folded >> 16)
    folded = (folded & 0xFFFF) &+ (folded >> 16)
    return UInt16(truncatingIfNeeded: folded)
  }
}
