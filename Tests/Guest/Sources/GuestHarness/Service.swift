import Subprocess
import SystemPackage

/// A process that runs while something else is done, and its output.
///
/// It is ended, and waited for, before ``withService(_:_:in:body:)`` returns,
/// whatever happens.
public struct Service: Sendable {
  /// The process.
  public let processIdentifier: Int32

  /// What it writes to its standard output.
  public let output: Console

  /// What it writes to its standard error.
  public let errors: Console
}

/// What a service came to.
public struct ServiceEnd<Result: Sendable>: Sendable {
  /// What the body returned.
  public let result: Result

  /// The exit code; `nil` when a signal ended the process.
  public let exitCode: Int32?

  /// All lines that the process wrote to its standard output.
  public let lines: [String]

  /// All lines that the process wrote to its standard error.
  public let errorLines: [String]
}

/// An error, with what the process said that it happened with.
public struct ServiceFailure: Error, CustomStringConvertible {
  /// What happened.
  public let cause: any Error

  /// The command and its output.
  public let description: String
}

/// Starts a process, runs `body`, and ends the process with SIGTERM, if it has
/// not ended by then, and with SIGKILL if that does not help.
///
/// - Parameters:
///   - executable: A path, or a name to look up on the PATH.
///   - arguments: Its arguments.
///   - network: Where it runs; `nil` for here.
///   - body: What is done meanwhile.
/// - Throws: ``ServiceFailure`` with what `body` throws.
public func withService<Result: Sendable>(
  _ executable: String,
  _ arguments: [String],
  in network: NetworkNamespace? = nil,
  body: (Service) async throws -> Result
) async throws -> ServiceEnd<Result> {
  let command = (network?.prefix ?? []) + [executable] + arguments
  let output = Console()
  let errors = Console()
  do {
    let outcome = try await run(
      Configuration(command: command),
      input: .none,
      output: .sequence,
      error: .sequence
    ) { execution in
      try await withThrowingTaskGroup { readers in
        readers.addTask {
          defer { output.end() }
          for try await line in execution.standardOutput.strings() {
            output.append(line)
          }
        }
        readers.addTask {
          defer { errors.end() }
          for try await line in execution.standardError.strings() {
            errors.append(line)
          }
        }
        let service = Service(
          processIdentifier: execution.processIdentifier.value,
          output: output,
          errors: errors
        )
        let result: Result
        do {
          result = try await body(service)
        } catch {
          // Before the group waits for the readers, whom this lets end.
          await execution.teardown(using: Configuration.teardownSequence)
          throw error
        }
        await execution.teardown(using: Configuration.teardownSequence)
        try await readers.waitForAll()
        return result
      }
    }
    return ServiceEnd(
      result: outcome.closureResult,
      exitCode: outcome.terminationStatus.exitCode,
      lines: output.lines,
      errorLines: errors.lines
    )
  } catch {
    throw ServiceFailure(
      cause: error,
      description: """
        \(error)
        --- command: \(command.joined(separator: " "))
        --- its standard output:
        \(output.lines.joined(separator: "\n"))
        --- its standard error:
        \(errors.lines.joined(separator: "\n"))
        ---
        """
    )
  }
}

extension Configuration {
  /// How a process is ended: kindly, then with all that it started.
  static let teardownSequence: [TeardownStep] = [
    .send(signal: .terminate, allowedDurationToNextStep: .seconds(10)),
    .send(
      signal: .kill,
      toProcessGroup: true,
      allowedDurationToNextStep: .seconds(1)
    ),
  ]

  /// A process in a group of its own, so that all of it can be ended.
  init(command: [String]) {
    var options = PlatformOptions()
    options.processGroupID = 0
    options.teardownSequence = Self.teardownSequence
    let name = command[0]
    self.init(
      executable: name.contains("/") ? .path(FilePath(name)) : .name(name),
      arguments: Arguments(Array(command.dropFirst())),
      platformOptions: options
    )
  }
}

extension TerminationStatus {
  /// The exit code; `nil` when a signal ended the process.
  var exitCode: Int32? {
    if case .exited(let code) = self { code } else { nil }
  }
}
