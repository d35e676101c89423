import Apus
import Synchronization

/// The memory that requests which are not complete, and answers which are not
/// sent, hold together: clients who send or read slowly hold no more, however
/// many they are. Who comes then is told so, and let go.
final class HTTPMemory: Sendable {
  /// The most, in bytes: a page for each of 100 clients, or a head as long as
  /// they may be.
  static let limit = 1 << 20

  private let inUse = Atomic(0)

  /// Counts `count` bytes more, if there is room for them.
  func take(_ count: Int) -> Bool {
    guard inUse.load(ordering: .relaxed) + count <= Self.limit else {
      return false
    }
    inUse.add(count, ordering: .relaxed)
    return true
  }

  /// Counts `count` bytes less.
  func give(back count: Int) { inUse.subtract(count, ordering: .relaxed) }
}
