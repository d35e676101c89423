/// A keyed hash that who does not know the key cannot predict: SipHash of
/// Aumasson and Bernstein, 2012.
///
/// TCP's initial sequence numbers (RFC 6528), its ports, and the table of
/// connections use it.
public struct SipHash: Sendable {
  /// 128 secret bits.
  public struct Key: Sendable {
    let low: UInt64
    let high: UInt64

    /// The key of two random words.
    public init(_ low: UInt64, _ high: UInt64) {
      self.low = low
      self.high = high
    }
  }

  private var v0: UInt64
  private var v1: UInt64
  private var v2: UInt64
  private var v3: UInt64
  private var words: UInt64 = 0
  private let variant: Variant

  /// How many rounds there are for a word, and at the end.
  public enum Variant: Sendable {
    /// SipHash-2-4: what others see of it tells them nothing of the key.
    case full
    /// SipHash-1-3: for tables, whose hashes nobody sees.
    case short
  }

  /// A hash of nothing yet, under `key`.
  public init(key: Key, variant: Variant = .full) {
    self.variant = variant
    v0 = key.low ^ 0x736F_6D65_7073_6575
    v1 = key.high ^ 0x646F_7261_6E64_6F6D
    v2 = key.low ^ 0x6C79_6765_6E65_7261
    v3 = key.high ^ 0x7465_6462_7974_6573
  }

  /// Takes eight bytes in, least significant first.
  @inline(__always)
  public mutating func combine(_ word: UInt64) {
    v3 ^= word
    round()
    if variant == .full { round() }
    v0 ^= word
    words &+= 1
  }

  /// Takes the sixteen octets of an address in.
  mutating func combine(_ address: IPAddress) {
    combine(address.high)
    combine(address.low)
  }

  /// The hash of all that was taken in.
  @inline(__always)
  public consuming func finalize() -> UInt64 {
    // The last block holds the length in bytes, modulo 256, in its top byte.
    let last = (words &* 8) << 56
    v3 ^= last
    round()
    if variant == .full { round() }
    v0 ^= last
    v2 ^= 0xFF
    round()
    round()
    round()
    if variant == .full { round() }
    return v0 ^ v1 ^ v2 ^ v3
  }

  @inline(__always)
  private mutating func round() {
    v0 = v0 &+ v1
    v1 = Self.rotate(v1, 13) ^ v0
    v0 = Self.rotate(v0, 32)
    v2 = v2 &+ v3
    v3 = Self.rotate(v3, 16) ^ v2
    v0 = v0 &+ v3
    v3 = Self.rotate(v3, 21) ^ v0
    v2 = v2 &+ v1
    v1 = Self.rotate(v1, 17) ^ v2
    v2 = Self.rotate(v2, 32)
  }

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value &<< count | value &>> (64 &- count)
  }
}
