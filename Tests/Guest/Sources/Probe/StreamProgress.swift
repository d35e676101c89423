import Synchronization

/// How far a stream of bytes has come.
final class StreamProgress: Sendable, CustomStringConvertible {
  /// Which stream.
  let name: String

  private let bytes = Atomic(0)

  /// A stream that has not begun.
  init(_ name: String) { self.name = name }

  /// The bytes so far.
  var count: Int { bytes.load(ordering: .relaxed) }

  /// Notes that so many more bytes went by.
  func add(_ more: Int) { bytes.add(more, ordering: .relaxed) }

  var description: String { "\(name): \(count) bytes" }

  /// How often the watch looks.
  private static let interval = Duration.milliseconds(100)

  /// Watches `streams` for `time`, and then until each has moved once more:
  /// what has come to a stand is found however short the time is.
  ///
  /// - Throws: ``ProbeFailure`` when one of them does not move for as long as
  ///   `patience`.
  static func watch(
    _ streams: [StreamProgress],
    for time: Duration,
    patience: Duration
  ) async throws {
    let clock = ContinuousClock()
    let end = clock.now + time
    var seen = streams.map { (count: $0.count, at: clock.now) }
    while clock.now < end || seen.contains(where: { $0.at < end }) {
      // The passing of time is what is watched.
      try await Task.sleep(for: interval)
      let now = clock.now
      for (index, stream) in streams.enumerated() {
        let count = stream.count
        if count != seen[index].count {
          seen[index] = (count, now)
        } else if now - seen[index].at > patience {
          throw ProbeFailure("\(stream.name) stood still for \(patience)")
        }
      }
    }
  }

  /// Waits until it has moved, and then has not for as long as `duration`.
  func waitForStandstill(of duration: Duration) async throws {
    let clock = ContinuousClock()
    var seen = 0
    var moved = clock.now
    while seen == 0 || clock.now - moved < duration {
      // The passing of time is what is watched.
      try await Task.sleep(for: Self.interval)
      if count != seen {
        seen = count
        moved = clock.now
      }
    }
  }
}
