import Foundation
import Testing

/// Devices, traffic and time at random, the real driver, and what must hold
/// whatever happens: no rule is broken, every buffer is with exactly one side,
/// bytes arrive once, in order and unchanged, no wake-up is lost.
///
/// A failure prints its seed; `APUS_PROPERTY_SEED=seed swift test --filter
/// PropertyTests` plays that one again, and prints its steps.
@Suite struct PropertyTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static var chosen: UInt64? {
    environment["APUS_PROPERTY_SEED"].flatMap { UInt64($0) }
  }
  private static var count: UInt64 {
    environment["APUS_PROPERTY_COUNT"].flatMap { UInt64($0) } ?? 200
  }

  @Test func randomDevicesAndTraffic_keepEveryBufferAndEveryByte() {
    if let seed = Self.chosen {
      play(seed, isLoud: true)
      return
    }
    let first = UInt64.random(in: 0..<1 << 32)
    print("property tests: seeds \(first) to \(first + Self.count - 1)")
    for seed in first..<first + Self.count { play(seed, isLoud: false) }
  }

  /// The same in every run.
  @Test(arguments: [UInt64(1), 2, 3])
  func knownSeeds(_ seed: UInt64) { play(seed, isLoud: false) }

  private func play(_ seed: UInt64, isLoud: Bool) {
    let test = PropertyCase(seed: seed)
    if isLoud { print(test) }
    do {
      try PropertyRun(test, isLoud: isLoud).play()
    } catch {
      Issue.record("seed \(seed): \(error)")
    }
  }
}
