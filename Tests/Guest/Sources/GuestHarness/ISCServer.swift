import Deadlines
import Foundation
import SystemPackage

/// The DHCP server of the ISC, beside dnsmasq: another make, and one whose
/// leases may be seconds.
public struct ISCServer: Sendable {
  /// The first three octets of its network, whose first host this machine is.
  public var network = "10.64.0"
  /// The last octets of the addresses that it gives.
  public var range: ClosedRange<Int>
  /// How long a lease is.
  public var seconds: Int
  /// The gateway, if it is not this machine.
  public var router: String?
  /// More statements, which stand before the network's.
  public var statements = ""

  /// A server of these addresses.
  public init(range: ClosedRange<Int>, seconds: Int) {
    self.range = range
    self.seconds = seconds
  }

  private var configuration: String {
    """
    authoritative;
    default-lease-time \(seconds);
    min-lease-time \(seconds);
    max-lease-time \(seconds);
    ping-check false;
    \(statements)
    subnet \(network).0 netmask 255.255.255.0 {
      range \(network).\(range.lowerBound) \(network).\(range.upperBound);
      option routers \(router ?? "\(network).1");
    }
    """
  }

  /// Runs the server while `body` runs; it remembers no lease of before.
  public func serving<Result: Sendable>(
    in namespace: NetworkNamespace,
    _ body: (Service) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder { folder in
      let file = folder.appending("dhcpd.conf").string
      let leases = folder.appending("leases").string
      try configuration.write(toFile: file, atomically: true, encoding: .utf8)
      try "".write(toFile: leases, atomically: true, encoding: .utf8)
      return try await withService(
        "timeout",
        // Bounds what a run leaves behind that was killed.
        [
          "300", "dhcpd", "-4", "-f", "-d", "--no-pid", "-cf", file, "-lf",
          leases, TAPNetwork.device,
        ],
        in: namespace
      ) { server in
        try await server.errors.waitForLine(
          containing: "Server starting service.",
          within: .seconds(10)
        )
        return try await body(server)
      }.result
    }
  }

  /// Waits until `server` has acknowledged so often, as it says itself.
  public static func waitForAcknowledgements(
    of server: Service,
    times: Int,
    within limit: Duration
  ) async throws {
    try await withDeadline(limit, waitingFor: "\(times) acknowledgements") {
      var seen = 0
      for await line in server.errors.reader() where line.contains("DHCPACK") {
        seen += 1
        if seen == times { return }
      }
      throw MissingLine(description: "dhcpd ended")
    }
  }
}
