import GuestHarness
import Testing

/// The Demo and a DHCP server of another make: leases of seconds, a server that
/// goes, one that moves.
@Suite(.whereTAPIsAllowed) struct ISCServerTests {
  /// Boots a Demo that has an address of `range`, and runs `body`.
  private static func withDemo<Result: Sendable>(
    in namespace: NetworkNamespace,
    body: (Service) async throws -> Result
  ) async throws -> Result {
    var options = GuestOptions()
    options.network = TAPNetwork.argument
    return try await withGuest(options, in: namespace, body: body).result
  }

  /// Waits until `guest` is bound to an address that begins with `prefix`, and
  /// asks it for its page.
  private static func waitForAddress(
    _ prefix: String,
    of guest: Service,
    in namespace: NetworkNamespace,
    within limit: Duration
  ) async throws {
    let bound = try await guest.output.waitForLine(
      containing: "net: bound \(prefix)",
      within: limit
    )
    let match = bound.firstMatch(of: #/10\.\d+\.\d+\.\d+/#)
    let address = String(match?.0 ?? "")
    try await probe(
      "served",
      "--host",
      address,
      "--port",
      "80",
      "--requests",
      "3",
      in: namespace
    )
  }

  @Test("Leases of four seconds; the server goes; another comes")
  func serverGoes() async throws {
    try await TAPNetwork.withDevice { namespace, _ in
      try await Self.withDemo(in: namespace) { guest in
        try await ISCServer(range: 50...59, seconds: 4)
          .serving(in: namespace) { server in
            try await Self.waitForAddress(
              "10.64.0.5",
              of: guest,
              in: namespace,
              within: .seconds(30)
            )
            // The first is that of the lease itself.
            try await ISCServer.waitForAcknowledgements(
              of: server,
              times: 5,
              within: .seconds(30)
            )
            #expect(
              !guest.output.lines.contains { $0.contains("given up") }
            )
          }
        // RFC 2131 §4.4.5: nobody extends the lease, so it ends.
        try await guest.output.waitForLine(
          containing: "net: address given up",
          within: .seconds(20)
        )
        try await ISCServer(range: 70...79, seconds: 600)
          .serving(in: namespace) { _ in
            try await Self.waitForAddress(
              "10.64.0.7",
              of: guest,
              in: namespace,
              // It looks for a server once a minute or so by then.
              within: .seconds(100)
            )
          }
      }
    }
  }

  @Test("A server that has moved to another network gives an address there")
  func serverMoves() async throws {
    try await TAPNetwork.withDevice { namespace, _ in
      try await Self.withDemo(in: namespace) { guest in
        try await ISCServer(range: 50...59, seconds: 16)
          .serving(in: namespace) { _ in
            try await Self.waitForAddress(
              "10.64.0.5",
              of: guest,
              in: namespace,
              within: .seconds(30)
            )
          }
        // The link is another from now on.
        for command in [
          ["address", "flush", "dev", TAPNetwork.device],
          ["address", "add", "10.65.0.1/24", "dev", TAPNetwork.device],
        ] {
          try await runCommand("ip", command, in: namespace)
        }
        var moved = ISCServer(range: 70...79, seconds: 600)
        moved.network = "10.65.0"
        try await moved.serving(in: namespace) { _ in
          // This make does not refuse who renews: it says nothing, and the lease
          // ends.
          try await Self.waitForAddress(
            "10.65.0.7",
            of: guest,
            in: namespace,
            within: .seconds(30)
          )
        }
        #expect(guest.output.lines.contains("net: address given up"))
      }
    }
  }
}
