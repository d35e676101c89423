import Testing

@testable import Net

@Suite struct CubeRootTests {
  @Test(
    arguments: [
      (0, 0), (1, 1), (7, 1), (8, 2), (26, 2), (27, 3), (999_999, 99),
      (1_000_000, 100), (75_000_000_000, 4217),
      (UInt64.max, 2_642_245), (1 << 63, 2_097_152), (1 << 63 - 1, 2_097_151),
    ] as [(UInt64, UInt64)]
  )
  func root_isTheLargestWhoseCubeFits(value: UInt64, root: UInt64) {
    #expect(CubeRoot.of(value) == root)
  }

  @Test(arguments: [1, 2] as [UInt64])
  func random_isTheLargestWhoseCubeFits(seed: UInt64) {
    var random = RandomNumbers(seed: SipHash.Key(seed, 20))
    for _ in 0..<2000 {
      let shift = UInt64.random(in: 0..<64, using: &random)
      let value = UInt64.random(in: 0...UInt64.max, using: &random) >> shift
      let root = CubeRoot.of(value)
      #expect(root * root * root <= value, "seed \(seed), \(value)")
      let next = root + 1
      let (square, first) = next.multipliedReportingOverflow(by: next)
      let (cube, second) = square.multipliedReportingOverflow(by: next)
      #expect(first || second || cube > value, "seed \(seed), \(value)")
    }
  }
}
