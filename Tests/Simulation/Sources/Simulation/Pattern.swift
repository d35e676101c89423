import Packets

/// The bytes that a flow sends: known at every place, and different from each
/// other flow's, so that one that is lost, doubled or another's is seen.
struct Pattern {
  /// A prime number of bytes, so that nothing in a packet goes round with it.
  private static let period = 65_521
  private static let most = 65_536
  private static let bytes: [UInt8] = {
    var dice = Dice(seed: 0x5EED, 0)
    let one = (0..<period).map { _ in UInt8(dice.number(below: 256)) }
    return one + one + one.prefix(most - period)
  }()

  private let offset: Int

  init(_ number: Int) {
    offset = number * 7919 % Self.period
  }

  /// Up to 64 KiB, `count` bytes at the most, from `position` on.
  @_lifetime(immortal)
  func bytes(at position: Int, _ count: Int) -> RawSpan {
    let start = (offset + position) % Self.period
    let count = min(count, Self.most)
    // SAFETY: The array is a constant, and lives as long as the process.
    return unsafe _overrideLifetime(
      Self.bytes.rawBytes.extracting(start..<start + count),
      copying: ()
    )
  }

  /// The place of the first of `bytes` that is not what `position` has.
  func firstDifference(_ bytes: RawSpan, at position: Int) -> Int? {
    var start = (offset + position) % Self.period
    let own = Self.bytes.span
    for index in 0..<bytes.byteCount {
      if bytes.byte(at: index) != own[start] { return position + index }
      start += 1
      if start == Self.period { start = 0 }
    }
    return nil
  }
}
