/// A run of numbers that who does not know the seed cannot predict: SipHash of
/// a counter. The seed comes from outside, so the same seed plays the same run.
public struct RandomNumbers: RandomNumberGenerator, Sendable {
  private let key: SipHash.Key
  private var counter: UInt64 = 0

  /// The run that belongs to `seed`.
  public init(seed: SipHash.Key) { key = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    var hash = SipHash(key: key)
    hash.combine(counter)
    counter &+= 1
    return hash.finalize()
  }
}
