/// Something that should have happened did not, in the time it had.
public struct DeadlineExceeded: Error, CustomStringConvertible {
  /// What was waited for.
  public let description: String
}

/// Waits for `operation`, which is cancelled when it takes longer than `limit`.
///
/// - Parameters:
///   - limit: How long it may take.
///   - awaited: Names what is waited for, evaluated when the time is over.
///   - operation: Must end when it is cancelled.
/// - Throws: ``DeadlineExceeded``, or what `operation` throws.
public func withDeadline<Result: Sendable>(
  _ limit: Duration,
  waitingFor awaited: @autoclosure () -> String,
  operation: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result?.self) { group in
    group.addTask { try await operation() }
    group.addTask {
      try await Task.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next(), let result = first else {
      throw DeadlineExceeded(
        description: "not within \(limit): \(awaited())"
      )
    }
    return result
  }
}
