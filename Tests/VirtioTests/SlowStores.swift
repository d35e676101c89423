import Foundation

/// Memory that no core has in its caches, so that stores to it are slow. The
/// stores of a core are seen in order: those behind slow ones are seen late,
/// while what the core loads meanwhile is not held up, unless a fence is between
/// them. What is a few nanoseconds in which a missing fence shows, this makes
/// some hundred.
@safe struct SlowStores: ~Copyable {
  /// More than the caches hold; a power of two.
  private static let byteCount = 1 << 26
  /// Few enough that those behind them find room beside them in the queue of
  /// stores that a core has under way.
  private static let count = 8

  private let memory: UnsafeMutableRawPointer
  private var numbers: SeededNumbers

  init(seed: UInt64) {
    // SAFETY: Freed in deinit only. Each page is there from now on.
    unsafe memory = .allocate(byteCount: Self.byteCount, alignment: 4096)
    unsafe memory.initializeMemory(
      as: UInt8.self,
      repeating: 1,
      count: Self.byteCount
    )
    numbers = SeededNumbers(state: seed)
  }

  // SAFETY: Nobody else has the address.
  deinit { unsafe memory.deallocate() }

  /// Writes to a few places chosen at random, of so many that they are in no
  /// cache.
  mutating func write() {
    let first = Int(truncatingIfNeeded: numbers.next())
    for index in 0..<Self.count {
      // A page and a line each, far from the others.
      let place = first &+ index &* 0x0123_4540
      // SAFETY: The place is cut down to what was allocated.
      unsafe memory.storeBytes(
        of: 2,
        toByteOffset: place & (Self.byteCount - 1),
        as: UInt8.self
      )
    }
  }
}
