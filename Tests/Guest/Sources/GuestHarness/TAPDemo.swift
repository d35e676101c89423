import Deadlines

/// A Demo, or an Errand, that has its lease on a ``TAPNetwork``.
public struct TAPDemo: Sendable {
  /// run-qemu.sh; its output is the guest's console.
  public let guest: Service

  /// The network it is on.
  public let network: TAPNetwork

  /// Its IPv4 address.
  public let address: String

  /// How long booting and getting a lease may take on a busy machine.
  private static let readyLimit = Duration.seconds(30)

  /// Boots it, waits until it serves, and runs `body`.
  ///
  /// - Parameters:
  ///   - options: How it is booted; the network is filled in.
  ///   - network: Where.
  ///   - body: What is done with it.
  /// - Throws: What `body` throws, with the guest's status page and console.
  public static func with<Result: Sendable>(
    _ options: GuestOptions,
    on network: TAPNetwork,
    body: (TAPDemo) async throws -> Result
  ) async throws -> Result {
    var options = options
    options.network = "tap:\(network.guestDevice)"
    return try await withGuest(options, in: network.namespace) { guest in
      try await guest.output.waitForLine(
        containing: "\(options.app.lowercased()): ready",
        within: readyLimit
      )
      let bound = try await guest.output.waitForLine(
        containing: "net: bound ",
        within: .seconds(1)
      )
      guard
        let line = bound.wholeMatch(
          of: #/net: bound (10\.64\.0\.\d+)/24 gateway 10\.64\.0\.1 .*/#
        )
      else { throw MissingLine(description: "no address in: \(bound)") }
      let demo = TAPDemo(
        guest: guest,
        network: network,
        address: String(line.1)
      )
      return try await demo.withPageOnFailure { try await body(demo) }
    }.result
  }

  /// Runs `body`, and adds what the status page says to what it throws.
  private func withPageOnFailure<Result>(
    _ body: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await body()
    } catch {
      let page: String
      do {
        page = try await statusPage().rows.sorted { $0.key < $1.key }
          .map { "\($0.key): \($0.value)" }.joined(separator: "\n")
      } catch {
        page = "none: \(error)"
      }
      throw FailureWithPage(
        description: "\(error)\n--- its status page:\n\(page)"
      )
    }
  }

  /// Runs `probe` for a service of the guest.
  ///
  /// - Parameters:
  ///   - command: The subcommand.
  ///   - port: The guest's port.
  ///   - arguments: More of them.
  @discardableResult
  public func probe(
    _ command: String,
    port: Int,
    _ arguments: [String] = []
  ) async throws -> String {
    try await runProbe(
      [command, "--host", address, "--port", "\(port)"] + arguments,
      in: network.namespace
    )
  }

  /// The same for what is not about one service.
  @discardableResult
  public func probe(
    _ command: String,
    _ arguments: [String]
  ) async throws -> String {
    try await runProbe(
      [command, "--host", address] + arguments,
      in: network.namespace,
      within: .seconds(150)
    )
  }

  /// What the guest says of itself.
  public func statusPage() async throws -> StatusPage {
    StatusPage(html: try await probe("http", port: 80, ["--within", "5"]))
  }

  /// Sends `count` pings, each when the one before is answered, or after 10 ms.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - byteCount: Bytes of each.
  ///   - patience: Seconds to wait for what is missing at the end.
  /// - Returns: How many were answered.
  public func flood(
    count: Int,
    byteCount: Int = 56,
    patience: Int = 10
  ) async throws -> Int {
    let report = try await runProbe(
      [
        "ping", "--host", address, "--count", "\(count)", "--size",
        "\(byteCount)", "--patience", "\(patience)",
      ],
      in: network.namespace,
      within: .seconds(60 + patience)
    )
    guard let line = report.firstMatch(of: #/ping: (\d+) of/#),
      let answered = Int(line.1)
    else { throw MissingLine(description: "ping says nothing: \(report)") }
    return answered
  }

  /// Runs every kind of TCP stream at once.
  ///
  /// - Parameters:
  ///   - seconds: How long; then each must move once more.
  ///   - mostSeconds: How long a stream may stand still.
  /// - Returns: How far each came.
  @discardableResult
  public func soak(seconds: Int, mostSeconds: Int) async throws -> String {
    try await runProbe(
      [
        "soak", "--host", address, "--seconds", "\(seconds)", "--stall",
        "\(mostSeconds)",
      ],
      in: network.namespace,
      within: .seconds(seconds + mostSeconds + 30)
    )
  }

  /// Waits until the guest has all connections of ``soak(seconds:mostSeconds:)``
  /// and that of the question.
  public func waitForSoak() async throws {
    try await withDeadline(.seconds(20), waitingFor: "70 connections") {
      while try await statusPage().counter("TCP connections") < 70 {}
    }
  }
}

/// What went wrong, and what the guest counted until then.
private struct FailureWithPage: Error, CustomStringConvertible {
  let description: String
}
