import Deadlines
import Subprocess

/// A command that failed.
public struct CommandFailure: Error, CustomStringConvertible {
  /// The command, its exit code and its output.
  public let description: String
}

/// Runs a command to its end.
///
/// - Parameters:
///   - executable: A path, or a name to look up on the PATH.
///   - arguments: Its arguments.
///   - network: Where it runs; `nil` for here.
///   - limit: How long it may take; then it is ended.
/// - Returns: What it wrote to its standard output.
/// - Throws: ``CommandFailure`` when it exits with another code than 0.
@discardableResult
public func runCommand(
  _ executable: String,
  _ arguments: [String],
  in network: NetworkNamespace? = nil,
  within limit: Duration = .seconds(60)
) async throws -> String {
  let command = (network?.prefix ?? []) + [executable] + arguments
  let line = command.joined(separator: " ")
  let outcome = try await withDeadline(limit, waitingFor: line) {
    try await run(
      Configuration(command: command),
      input: .none,
      output: .string(limit: 1 << 24),
      error: .string(limit: 1 << 20)
    )
  }
  guard outcome.terminationStatus.isSuccess else {
    throw CommandFailure(
      description: """
        \(line): \(outcome.terminationStatus)
        \(outcome.standardOutput)\(outcome.standardError)
        """
    )
  }
  return outcome.standardOutput
}
