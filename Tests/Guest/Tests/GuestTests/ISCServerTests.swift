import GuestHarness
import Testing

/// The Demo and a DHCP server of another make: leases of seconds, a server that
/// goes, one that moves.
@Suite(.whereTAPIsAllowed) struct ISCServerTests {
  /// Boots a Demo that has an address of `range`, and runs `body`.
  private static func withDemo<Result: Sendable>(
    in namespace: NetworkNamespace,
    _ options: GuestOptions = GuestOptions(),
    body: (Service) async throws -> Result
  ) async throws -> Result {
    var options = options
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

  @Test("Who comes back to another network with what it had is refused")
  func refusal() async throws {
    try await TAPNetwork.withDevice { namespace, folder in
      var options = GuestOptions()
      let socket = folder.appending("qmp")
      options.monitor = socket
      try await Self.withDemo(in: namespace, options) { guest in
        try await ISCServer(range: 50...59, seconds: 600)
          .serving(in: namespace) { _ in
            try await Self.waitForAddress(
              "10.64.0.5",
              of: guest,
              in: namespace,
              within: .seconds(30)
            )
          }
        try await QMP.with(socket) { monitor in
          try await monitor.execute("set_link", ["name": "net0", "up": false])
          try await guest.output.waitForLine(
            containing: "net: link down",
            within: .seconds(10)
          )
          try await Self.moveLink(in: namespace)
          var moved = ISCServer(range: 70...79, seconds: 600)
          moved.network = "10.65.0"
          try await moved.serving(in: namespace) { server in
            try await monitor.execute("set_link", ["name": "net0", "up": true])
            try await Self.waitForAddress(
              "10.65.0.7",
              of: guest,
              in: namespace,
              within: .seconds(40)
            )
            // RFC 2131 §4.3.2, INIT-REBOOT: the address is on the wrong
            // network.
            #expect(
              server.errors.lines.contains {
                $0.contains("DHCPNAK on 10.64.0.5")
              }
            )
          }
        }
      }
    }
  }

  @Test("The MTU of the link is heeded; at the end the lease goes back")
  func release() async throws {
    try await TAPNetwork.withDevice { namespace, folder in
      var options = GuestOptions()
      options.app = "Errand"
      let capture = Capture(folder.appending("guest.pcap"))
      options.capture = capture.file
      var server = ISCServer(range: 50...50, seconds: 600)
      server.statements = "option interface-mtu 1400;"
      try await server.serving(in: namespace) { server in
        try await Self.withDemo(in: namespace, options) { guest in
          try await guest.output.waitForLine(
            containing: "errand: ready",
            within: .seconds(30)
          )
          let answer = try await probe(
            "errand",
            "--host",
            "10.64.0.50",
            "--port",
            "70",
            "end",
            in: namespace
          )
          #expect(answer == "ends\n")
          // RFC 2131 §4.4.6.
          try await server.errors.waitForLine(
            containing: "DHCPRELEASE of 10.64.0.50 from",
            within: .seconds(20)
          )
          try await guest.output.waitUntilEnd(within: .seconds(20))
        }
      }
      let sizes = try await capture.packets(
        matching: "tcp.flags.syn == 1 && tcp.srcport == 70",
        fields: ["tcp.options.mss_val"]
      )
      #expect(!sizes.isEmpty)
      #expect(sizes.allSatisfy { $0.hasSuffix("\t1360") }, "\(sizes)")
    }
  }

  /// The link is that of another network from now on.
  private static func moveLink(in namespace: NetworkNamespace) async throws {
    try await TAPNetwork.setUp(
      [
        ["address", "flush", "dev", TAPNetwork.device],
        ["address", "add", "10.65.0.1/24", "dev", TAPNetwork.device],
      ],
      in: namespace
    )
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
        try await Self.moveLink(in: namespace)
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
