import Deadlines
import Synchronization

/// The lines that a process writes, kept, and handed to all who wait for them.
public final class Console: Sendable {
  private struct State {
    var lines: [String] = []
    var hasEnded = false
    var readers: [Int: AsyncStream<String>.Continuation] = [:]
    var nextReader = 0
  }

  private let state = Mutex(State())

  init() {}

  /// All lines so far.
  public var lines: [String] { state.withLock { $0.lines } }

  /// Every line from the first on, as they come, until the process ends.
  public func reader() -> AsyncStream<String> {
    AsyncStream { continuation in
      let identifier: Int? = state.withLock { state in
        for line in state.lines { continuation.yield(line) }
        if state.hasEnded {
          continuation.finish()
          return nil
        }
        state.nextReader += 1
        state.readers[state.nextReader] = continuation
        return state.nextReader
      }
      guard let identifier else { return }
      continuation.onTermination = { [weak self] _ in
        self?.forget(reader: identifier)
      }
    }
  }

  /// Waits for the first line, earlier ones included, that `isWanted` takes.
  ///
  /// - Throws: ``MissingLine`` when the process ends without it, or
  ///   `DeadlineExceeded`.
  public func waitForLine(
    _ name: String,
    within limit: Duration,
    where isWanted: @escaping @Sendable (String) -> Bool
  ) async throws -> String {
    try await withDeadline(limit, waitingFor: name) { [self] in
      for await line in reader() where isWanted(line) { return line }
      try Task.checkCancellation()
      throw MissingLine(description: "the process ended without \(name)")
    }
  }

  /// Waits for a line that contains `text`.
  @discardableResult
  public func waitForLine(
    containing text: String,
    within limit: Duration
  ) async throws -> String {
    try await waitForLine("the line '\(text)'", within: limit) {
      $0.contains(text)
    }
  }

  /// How many lines so far begin with `prefix`.
  public func count(of prefix: String) -> Int {
    lines.count { $0.hasPrefix(prefix) }
  }

  /// Waits until `count` lines begin with `prefix`.
  ///
  /// - Throws: ``MissingLine`` when the process ends before, or
  ///   `DeadlineExceeded`.
  public func waitForLines(
    _ count: Int,
    of prefix: String,
    within limit: Duration
  ) async throws {
    let name = "line \(count) that begins with '\(prefix)'"
    try await withDeadline(limit, waitingFor: name) { [self] in
      var found = 0
      for await line in reader() where line.hasPrefix(prefix) {
        found += 1
        if found == count { return }
      }
      try Task.checkCancellation()
      throw MissingLine(description: "the process ended without \(name)")
    }
  }

  /// Waits until the process has closed its output, as it does when it ends.
  public func waitUntilEnd(within limit: Duration) async throws {
    try await withDeadline(limit, waitingFor: "the process to end") { [self] in
      for await _ in reader() {}
    }
  }

  func append(_ line: String) {
    state.withLock { state in
      state.lines.append(line)
      for reader in state.readers.values { reader.yield(line) }
    }
  }

  func end() {
    // Finished outside of the lock, which `onTermination` takes.
    let readers = state.withLock { state in
      state.hasEnded = true
      return Array(state.readers.values)
    }
    for reader in readers { reader.finish() }
  }

  private func forget(reader: Int) {
    state.withLock { _ = $0.readers.removeValue(forKey: reader) }
  }
}

/// A process ended before it said what was waited for.
public struct MissingLine: Error, CustomStringConvertible {
  /// What was waited for.
  public let description: String
}
