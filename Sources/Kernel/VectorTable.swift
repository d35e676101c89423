/// Which interrupt vectors of a range are taken.
struct VectorTable {
  private let vectors: ClosedRange<UInt8>
  /// A bit each, from the first on.
  private var taken = (low: UInt128(0), high: UInt128(0))

  /// All of `vectors` are free.
  init(_ vectors: ClosedRange<UInt8>) { self.vectors = vectors }

  /// The first of `count` free vectors in a row, which are taken then; `nil`
  /// when there are none.
  ///
  /// - Precondition: `count` is positive.
  mutating func take(_ count: Int) -> UInt8? {
    precondition(count > 0)
    var free = 0
    for vector in vectors {
      free = isTaken(vector) ? 0 : free + 1
      guard free == count else { continue }
      let first = vector - UInt8(count - 1)
      for taken in first...vector { set(taken, true) }
      return first
    }
    return nil
  }

  /// Gives back `count` vectors from `first` on.
  ///
  /// - Precondition: They are taken.
  mutating func giveBack(_ first: UInt8, _ count: Int) {
    for vector in Int(first)..<Int(first) + count {
      let vector = UInt8(vector)
      precondition(vectors.contains(vector) && isTaken(vector))
      set(vector, false)
    }
  }

  private func isTaken(_ vector: UInt8) -> Bool {
    let half = vector < 128 ? taken.low : taken.high
    return half >> UInt128(vector & 127) & 1 == 1
  }

  private mutating func set(_ vector: UInt8, _ isTaken: Bool) {
    let bit = UInt128(1) << UInt128(vector & 127)
    if vector < 128 {
      taken.low = isTaken ? taken.low | bit : taken.low & ~bit
    } else {
      taken.high = isTaken ? taken.high | bit : taken.high & ~bit
    }
  }
}
