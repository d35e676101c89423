import GuestHarness
import Testing

/// Nothing is booted here: what the matrix boots is reckoned out.
@Suite struct PairwiseTests {
  @Test("Of what is allowed, every pair occurs, and nothing else does")
  func everyPairOccurs() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<50 {
      let counts = (0..<Int.random(in: 2...5, using: &generator)).map { _ in
        Int.random(in: 1...5, using: &generator)
      }
      let allowed = Pairwise.all(counts).filter { _ in
        Int.random(in: 0..<3, using: &generator) > 0
      }
      let chosen = Pairwise.cover(allowed)
      let wanted = allowed.reduce(into: Set()) {
        $0.formUnion(Pairwise.pairs(in: $1))
      }
      let found = chosen.reduce(into: Set()) {
        $0.formUnion(Pairwise.pairs(in: $1))
      }
      #expect(found == wanted, "seed \(seed), \(counts)")
      #expect(Set(chosen).isSubset(of: allowed), "seed \(seed), \(counts)")
      #expect(Set(chosen).count == chosen.count, "seed \(seed), \(counts)")
      #expect(chosen == Pairwise.cover(allowed), "seed \(seed), \(counts)")
    }
  }

  @Test("Four axes of three values need not much more than nine combinations")
  func isSmall() {
    #expect(Pairwise.cover(Pairwise.all([3, 3, 3, 3])).count <= 12)
    #expect(Pairwise.all([2, 3]).count == 6)
  }

  @Test("The matrix has every two settings that a device can have")
  func matrix() {
    let cells = Matrix.cells
    let impossible = cells.filter { !$0.isPossible }
    #expect(impossible.isEmpty)
    for ring in NetworkSettings.Ring.allCases {
      for offloads in NetworkSettings.Offloads.allCases {
        #expect(cells.contains { $0.ring == ring && $0.offloads == offloads })
      }
    }
    for interrupts in NetworkSettings.Interrupts.allCases {
      for machine in ["pc", "q35"] {
        #expect(
          cells.contains {
            $0.machine == machine && $0.interrupts == interrupts
          }
        )
      }
    }
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
private struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
