import Foundation

/// Runs `probe`, which SwiftPM puts beside what runs this.
///
/// - Parameters:
///   - arguments: Its arguments.
///   - network: Where it runs; `nil` for here.
/// - Returns: What it prints.
/// - Throws: `CommandFailure` with what is wrong with the service.
@discardableResult
public func probe(
  _ arguments: String...,
  in network: NetworkNamespace? = nil
) async throws -> String {
  try await runProbe(arguments, in: network)
}

/// The same with an array, and how long it may take at most.
@discardableResult
func runProbe(
  _ arguments: [String],
  in network: NetworkNamespace?,
  within limit: Duration = .seconds(60)
) async throws -> String {
  try await runCommand(probeProgram, arguments, in: network, within: limit)
}

/// Runs `probe` while `body` runs, and ends it then.
///
/// - Parameters:
///   - arguments: Its arguments.
///   - network: Where it runs; `nil` for here.
///   - body: What is done meanwhile.
/// - Throws: ``ServiceFailure`` with what `body` throws.
public func withProbe<Result: Sendable>(
  _ arguments: String...,
  in network: NetworkNamespace? = nil,
  body: (Service) async throws -> Result
) async throws -> Result {
  try await withService(probeProgram, arguments, in: network, body: body)
    .result
}

/// Where it is.
var probeProgram: String {
  get throws {
    let program = try FileManager.default
      .destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(filePath: program).deletingLastPathComponent()
      .appending(path: "probe").path
  }
}
