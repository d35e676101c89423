import Foundation
import GuestHarness

/// Runs `probe`, which SwiftPM puts beside the tests.
///
/// - Returns: What it prints.
/// - Throws: `CommandFailure` with what is wrong with the service.
@discardableResult
func probe(
  _ arguments: String...,
  in network: NetworkNamespace? = nil
) async throws -> String {
  let tests = try FileManager.default
    .destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let folder = URL(filePath: tests).deletingLastPathComponent()
  return try await runCommand(
    folder.appending(path: "probe").path,
    arguments,
    in: network
  )
}
