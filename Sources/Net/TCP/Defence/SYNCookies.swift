/// What a SYN says is kept in the number that answers it, so that a listener
/// whose backlog is full keeps nothing, and yet knows who comes back.
/// RFC 4987 §3.6 and appendix A.
///
///     our initial sequence number
///     31        27 26   24 23                                     0
///     |  minute   |  MSS  |  hash of the ends, IRS, minute, MSS   |
///
///     the low bits of our first timestamp
///       5      4     3                0
///     | ECN | SACK | window shift, 15: none |
///
/// Who guesses has sixteen right numbers among 2^32: two minutes, eight sizes.
/// Without timestamps in the SYN there is no room for the rest: windows are not
/// scaled, nothing is acknowledged selectively. RFC 4987 §3.6 calls this the
/// price; timestamps pay it.
enum SYNCookies {
  /// What of a SYN comes back in the acknowledgement of its answer.
  struct Contents: Equatable {
    var maximumSegmentSize: UInt16
    var windowScale: UInt8?
    var permitsSACK = false
    var usesECN = false
  }

  /// The segment sizes that are told apart: the smallest believed, the one of
  /// who says nothing, and those of IPv6, tunnels, PPPoE and Ethernet.
  static let sizes: InlineArray<8, UInt16> = [
    48, 536, 1024, 1220, 1360, 1400, 1440, 1460,
  ]

  /// How long a number is good for at least, and half of the most.
  static let period = Interval.seconds(64)

  private static func minute(at now: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: now.nanoseconds / period.nanoseconds) & 31
  }

  private static func hash(
    _ key: TCP.Key,
    peer: SequenceNumber,
    _ minute: UInt32,
    _ size: UInt32,
    _ secret: SipHash.Key
  ) -> UInt32 {
    var hash = SipHash(key: secret)
    hash.combine(key.local.address)
    hash.combine(key.remote.address)
    // Apart from all other hashes that are made with this key.
    hash.combine(
      1 << 61 | UInt64(key.local.port) << 16 | UInt64(key.remote.port)
    )
    hash.combine(
      UInt64(peer.rawValue) << 8 | UInt64(minute) << 3 | UInt64(size)
    )
    return UInt32(truncatingIfNeeded: hash.finalize()) & 0xFF_FFFF
  }

  /// The number that answers a SYN with the number `peer`.
  static func sequenceNumber(
    for contents: Contents,
    key: TCP.Key,
    peer: SequenceNumber,
    secret: SipHash.Key,
    at now: Instant
  ) -> SequenceNumber {
    var size = 7
    while size > 0, sizes[size] > contents.maximumSegmentSize { size -= 1 }
    let minute = minute(at: now)
    let hash = hash(key, peer: peer, minute, UInt32(size), secret)
    return SequenceNumber(minute << 27 | UInt32(size) << 24 | hash)
  }

  /// The segment size that `number`, which an acknowledgement says was ours,
  /// tells; `nil` if it was not, or long ago.
  static func segmentSize(
    of number: SequenceNumber,
    key: TCP.Key,
    peer: SequenceNumber,
    secret: SipHash.Key,
    at now: Instant
  ) -> UInt16? {
    let minute = number.rawValue >> 27
    let size = number.rawValue >> 24 & 7
    guard (Self.minute(at: now) &- minute) & 31 <= 1,
      hash(key, peer: peer, minute, size, secret)
        == number.rawValue & 0xFF_FFFF
    else { return nil }
    return sizes[Int(size)]
  }

  private static let noScale: UInt32 = 15

  /// The timestamp to send in place of `clock`: no later, as later ones of the
  /// connection must not go back.
  static func timestamp(for contents: Contents, clock: UInt32) -> UInt32 {
    let bits =
      (contents.windowScale.map { UInt32(min($0, 14)) } ?? noScale)
      | (contents.permitsSACK ? 1 << 4 : 0) | (contents.usesECN ? 1 << 5 : 0)
    let value = clock & ~63 | bits
    return bits > clock & 63 ? value &- 64 : value
  }

  /// Adds what the echo of a timestamp says to `contents`.
  static func take(_ echo: UInt32, into contents: inout Contents) {
    let scale = echo & 15
    contents.windowScale = scale == noScale ? nil : UInt8(scale)
    contents.permitsSACK = echo & 1 << 4 != 0
    contents.usesECN = echo & 1 << 5 != 0
  }
}
