import Net

/// Chances that follow from a seed. They are counted in parts of a million:
/// nothing that decides what happens is a floating-point number, so that every
/// machine plays the same.
struct Dice {
  private var random: RandomNumbers

  init(seed: UInt64, _ stream: UInt64) {
    random = RandomNumbers(seed: SipHash.Key(seed, stream))
  }

  /// Whether something happens that does so `perMillion` times in a million.
  mutating func happens(_ perMillion: Int) -> Bool {
    perMillion > 0 && number(below: 1_000_000) < perMillion
  }

  /// A number from 0 on.
  mutating func number(below limit: Int) -> Int {
    let (high, _) = random.next().multipliedFullWidth(by: UInt64(limit))
    return Int(high)
  }

  /// A length of time up to `limit`.
  mutating func interval(upTo limit: Interval) -> Interval {
    guard limit > .zero else { return .zero }
    return Interval(nanoseconds: Int64(number(below: Int(limit.nanoseconds))))
  }
}
