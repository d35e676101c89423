/// A Demo that has its lease on a ``TAPNetwork``.
public struct TAPDemo: Sendable {
  /// run-qemu.sh; its output is the guest's console.
  public let guest: Service

  /// The network it is on.
  public let network: TAPNetwork

  /// Its IPv4 address.
  public let address: String

  /// How long booting and getting a lease may take on a busy machine.
  private static let readyLimit = Duration.seconds(30)

  /// Boots a Demo, waits until it serves, and runs `body`.
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
    options.network = TAPNetwork.argument
    return try await withGuest(options, in: network.namespace) { guest in
      try await guest.output.waitForLine(
        containing: "demo: ready",
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

  /// What the guest says of itself.
  public func statusPage() async throws -> StatusPage {
    StatusPage(
      html: try await probe(
        "http",
        "--host",
        address,
        "--port",
        "80",
        "--within",
        "5",
        in: network.namespace
      )
    )
  }

  /// Sends `count` pings, each when the one before is answered, or after 10 ms.
  ///
  /// - Returns: How many were answered.
  public func flood(count: Int, byteCount: Int = 56) async throws -> Int {
    let report = try await runCommand(
      "ping",
      ["-n", "-q", "-f", "-c", "\(count)", "-s", "\(byteCount)", address],
      in: network.namespace
    )
    guard let line = report.firstMatch(of: #/(\d+) received/#),
      let received = Int(line.1)
    else { throw MissingLine(description: "ping says nothing: \(report)") }
    return received
  }
}

/// What went wrong, and what the guest counted until then.
private struct FailureWithPage: Error, CustomStringConvertible {
  let description: String
}
