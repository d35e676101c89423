import Foundation

/// Runs `probe`, which SwiftPM puts beside what runs this.
///
/// - Parameters:
///   - arguments: Its arguments.
///   - network: Where it runs; `nil` for here.
///   - limit: How long it may take, beyond what it is told itself.
/// - Returns: What it prints.
/// - Throws: `CommandFailure` with what is wrong with the service.
@discardableResult
public func probe(
  _ arguments: String...,
  in network: NetworkNamespace? = nil,
  within limit: Duration = .seconds(60)
) async throws -> String {
  let program = try FileManager.default
    .destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let folder = URL(filePath: program).deletingLastPathComponent()
  return try await runCommand(
    folder.appending(path: "probe").path,
    arguments,
    in: network,
    within: limit
  )
}
