import Testing

@testable import Net

@Suite struct TokenBucketTests {
  private func take(
    _ bucket: inout TokenBucket,
    _ tries: Int,
    at seconds: Double
  ) -> Int {
    (0..<tries).filter { _ in bucket.take(at: .at(seconds)) }.count
  }

  @Test func burst_thenTheRate() {
    var bucket = TokenBucket(perSecond: 100, burst: 20, at: .at(0))
    #expect(take(&bucket, 50, at: 0) == 20)
    #expect(take(&bucket, 50, at: 0.009) == 0)
    #expect(take(&bucket, 50, at: 0.010) == 1)
    #expect(take(&bucket, 50, at: 0.055) == 4)
    // The half token that was left counts.
    #expect(take(&bucket, 50, at: 0.060) == 1)
  }

  @Test func rest_fillsItNoFurtherThanTheBurst() {
    var bucket = TokenBucket(perSecond: 100, burst: 20, at: .at(0))
    #expect(take(&bucket, 50, at: 1e9) == 20)
    #expect(take(&bucket, 50, at: 2e9) == 20)
  }

  @Test func overALongTime_theRateIsKept() {
    var bucket = TokenBucket(perSecond: 100, burst: 20, at: .at(0))
    var taken = 0
    for step in 0..<10_000 {
      taken += take(&bucket, 1, at: Double(step) / 1000)
    }
    #expect(taken == 20 + 999)
  }
}
