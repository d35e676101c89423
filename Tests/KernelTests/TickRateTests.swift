import Net
import Testing

@testable import Kernel

private let year: UInt64 = 31_557_600

@Suite struct TickRateTests {
  /// A counter of just so many ticks a second.
  private func rate(_ frequency: UInt64) throws -> TickRate {
    try #require(
      TickRate(ticks: frequency, referenceTicks: 1, referenceFrequency: 1)
    )
  }

  @Test func measurement_isInProportion() throws {
    // 5 ms of the 8254 at 1,193,182 Hz, and of a counter of 3 GHz.
    let measured = try #require(
      TickRate(
        ticks: 14_999_711,
        referenceTicks: 5966,
        referenceFrequency: 1_193_182
      )
    )
    #expect(measured.frequency == 2_999_896_944)
  }

  @Test(
    arguments: [
      (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 2, 1), (.max, 1, 2),
    ] as [(UInt64, UInt64, UInt64)]
  )
  func measurement_thatSaysNothing_isNone(
    _ ticks: UInt64,
    _ referenceTicks: UInt64,
    _ referenceFrequency: UInt64
  ) {
    #expect(
      TickRate(
        ticks: ticks,
        referenceTicks: referenceTicks,
        referenceFrequency: referenceFrequency
      ) == nil
    )
  }

  @Test(
    arguments: [
      1, 1000, 1_193_182, 1_000_000_000, 3_000_000_000, 40_000_000_000,
    ] as [UInt64]
  )
  func interval_isRightForYears(_ frequency: UInt64) throws {
    let rate = try rate(frequency)
    #expect(rate.interval(ofTicks: 0) == .zero)
    for seconds in [1, 60, year, 10 * year, 100 * year] {
      let (ticks, overflow) = seconds.multipliedReportingOverflow(by: frequency)
      guard !overflow else { continue }
      let expected = Int64(seconds) * 1_000_000_000
      let difference = rate.interval(ofTicks: ticks).nanoseconds - expected
      // Never early by more than one part in 10^8, and never late.
      #expect((-(expected / 100_000_000) - 1...0).contains(difference))
    }
  }

  @Test func interval_neverGoesBack() throws {
    let rate = try rate(2_999_896_944)
    var numbers = SeededNumbers(seed: 1)
    var ticks: UInt64 = 0
    var last = Interval.zero
    for _ in 0..<10_000 {
      ticks += UInt64.random(in: 0...1 << 48, using: &numbers)
      let next = rate.interval(ofTicks: ticks)
      #expect(next >= last)
      last = next
    }
  }

  @Test func ticks_areRoundedDownAndNeverWrong() throws {
    let rate = try rate(999_999_999)
    #expect(rate.ticks(in: .zero) == 0)
    #expect(rate.ticks(in: Interval(nanoseconds: -1)) == 0)
    #expect(rate.ticks(in: Interval(nanoseconds: .min)) == 0)
    #expect(rate.ticks(in: Interval(nanoseconds: 1)) == 0)
    #expect(rate.ticks(in: Interval(nanoseconds: 2)) == 1)
    #expect(rate.ticks(in: .seconds(1)) == 999_999_999)
    #expect(rate.ticks(in: .seconds(3600)) == 3_599_999_996_400)
    // 292 years at 40 GHz are more than 64 bits hold.
    let fast = try self.rate(40_000_000_000)
    #expect(fast.ticks(in: Interval(nanoseconds: .max)) == .max)
    #expect(
      fast.ticks(in: .seconds(Int64(10 * year))) == 40_000_000_000 * 10 * year
    )
  }
}
