import Deadlines
import Foundation

/// A guest among clients that do not mean well.
extension TAPDemo {
  /// The hardware address of guests that are attacked: who makes frames has to
  /// know it.
  public static let attackedHardware = "52:54:00:0a:9b:06"

  /// Runs `probe` while `body` runs, from when it says `line` on.
  ///
  /// - Parameters:
  ///   - command: The subcommand.
  ///   - arguments: Its arguments.
  ///   - namespace: Where it runs; `nil`: where the TAP device is.
  ///   - line: What the first line contains that tells that it has begun.
  ///   - limit: How long that may take.
  ///   - body: What is done meanwhile, with the process.
  public func withProbe<Result: Sendable>(
    _ command: String,
    _ arguments: [String],
    in namespace: NetworkNamespace? = nil,
    saying line: String,
    within limit: Duration = .seconds(60),
    body: (Service) async throws -> Result
  ) async throws -> Result {
    try await withService(
      try probeProgram,
      [command, "--host", address] + arguments,
      in: namespace ?? network.namespace
    ) { service in
      try await service.output.waitForLine(containing: line, within: limit)
      return try await body(service)
    }.result
  }

  /// Floods the guest as fast as this machine can for so many seconds, and runs
  /// `body` meanwhile.
  ///
  /// - Returns: What the flood says of itself, and what `body` returned.
  public func withFlood<Result: Sendable>(
    _ kind: String,
    port: Int,
    seconds: Int,
    body: () async throws -> Result
  ) async throws -> (flood: String, result: Result) {
    try await withProbe(
      "flood",
      [
        "--hardware", Self.attackedHardware, "--port", "\(port)", "--kind",
        kind, "--rate", "0", "--seconds", "\(seconds)",
      ],
      saying: "flood:"
    ) { flood in
      let result = try await body()
      let sent = try await flood.output.waitForLine(
        containing: " sent",
        within: .seconds(seconds + 30)
      )
      return (sent, result)
    }
  }

  /// What the guest says of itself, on a connection that leaves nothing there:
  /// the client closes first.
  public func pageWithoutTrace() async throws -> StatusPage {
    StatusPage(html: try await probe("served", port: 80, ["--requests", "1"]))
  }

  /// Waits until the guest has no connection but that of the question.
  ///
  /// - Returns: What it says then.
  public func waitForRest(within limit: Duration) async throws -> StatusPage {
    try await withDeadline(limit, waitingFor: "the end of all connections") {
      while true {
        let page = try await pageWithoutTrace()
        if page.counter("TCP connections") <= 1 { return page }
      }
    }
  }
}
