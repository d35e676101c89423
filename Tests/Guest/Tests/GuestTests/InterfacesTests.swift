import GuestHarness
import SystemPackage
import Testing

/// A machine on two links, each of which is a network of its own:
///
///     10.64.0.1/24  tap0  ⇄  net    10.64.0.50 to .99, by DHCP
///     10.67.0.1/24  tap1  ⇄  net1   10.67.0.0/24
@Suite(.whereTAPIsAllowed) struct InterfacesTests {
  private static let secondDevice = "tap1"
  private static let secondHost = "10.67.0.1"
  private static let limit = Duration.seconds(30)

  /// Boots `app` on both, waits until both addresses are bound, and runs `body`
  /// with those.
  private static func with(
    app: String,
    commandLine: String? = nil,
    leasesOnBoth: Bool,
    body: @Sendable (Service, NetworkNamespace, [String]) async throws -> Void
  ) async throws {
    try await TAPNetwork.withDevice { namespace, folder in
      try await TAPNetwork.setUp(
        [
          ["tuntap", "add", "dev", secondDevice, "mode", "tap"],
          ["address", "add", "\(secondHost)/24", "dev", secondDevice],
          ["link", "set", secondDevice, "up"],
        ],
        in: namespace
      )
      try await withLeases(leasesOnBoth, in: namespace, folder) {
        var options = GuestOptions()
        options.app = app
        options.network = TAPNetwork.argument
        options.macAddress = "52:54:00:0a:9b:20"
        options.qemuArguments = [
          "-netdev",
          "tap,id=net1,ifname=\(secondDevice),script=no,downscript=no",
          "-device",
          "virtio-net-pci,netdev=net1,romfile=,mac=52:54:00:0a:9b:21",
        ]
        if let commandLine {
          options.qemuArguments += ["-append", commandLine]
        }
        _ = try await withGuest(options, in: namespace) { guest in
          var addresses: [String] = []
          for name in ["net", "net1"] {
            let line = try await guest.output.waitForLine(
              containing: "\(name): bound ",
              within: limit
            )
            let found = try #require(
              line.firstMatch(of: #/bound ([\d.]+)/24/#),
              "\(line)"
            )
            addresses.append(String(found.1))
          }
          try await guest.output.waitForLine(
            containing: "\(app.lowercased()): ready",
            within: limit
          )
          try await body(guest, namespace, addresses)
        }
      }
    }
  }

  /// Gives leases on the first network, or on both, while `body` runs.
  private static func withLeases(
    _ areOnBoth: Bool,
    in namespace: NetworkNamespace,
    _ folder: FilePath,
    body: () async throws -> Void
  ) async throws {
    try await Dnsmasq().serving(in: namespace, folder) { _ in
      guard areOnBoth else { return try await body() }
      var second = Dnsmasq()
      second.device = secondDevice
      second.prefix = "10.67.0."
      try await second.serving(in: namespace, folder) { _ in
        try await body()
      }
    }
  }

  @Test("Two leases: what listens is reached over both, by the link's address")
  func twoLeases() async throws {
    try await Self.with(app: "Demo", leasesOnBoth: true) {
      _,
      namespace,
      addresses in
      #expect(addresses[0].hasPrefix("10.64.0."))
      #expect(addresses[1].hasPrefix("10.67.0."))
      for address in addresses {
        let page = StatusPage(
          html: try await probe(
            "http",
            "--host",
            address,
            "--port",
            "80",
            in: namespace
          )
        )
        #expect(page["address"] == "\(addresses[0])/24")
        #expect(page["net1 address"] == "\(addresses[1])/24")
        #expect(page["net1 link"] == "up")
        try await probe(
          "udp-echo",
          "--host",
          address,
          "--port",
          "7",
          in: namespace
        )
        try await probe("echo", "--host", address, "--port", "7", in: namespace)
      }
      // RFC 1122 §3.3.4.2: the address of one is not taken over the other, nor
      // told there.
      let report = try await runCommand(
        "sh",
        [
          "-c",
          // Status 1: none was answered.
          "ping -n -q -c 3 -i 0.2 -W 1 -I \(TAPNetwork.device) \(addresses[1])"
            + " || test $? -eq 1",
        ],
        in: namespace
      )
      #expect(report.contains(" 0 received"), "\(report)")
    }
  }

  /// The default route is that of the lease. The way to the far host leads over
  /// the other interface alone: nothing is forwarded for what comes from the
  /// first.
  @Test("An address and a route that are set, beside a lease")
  func setBesideALease() async throws {
    let address = "10.67.0.20"
    try await Self.with(
      app: "Errand",
      commandLine: "net1.address=\(address)/24"
        + " net1.route=10.66.0.0/24,\(Self.secondHost)",
      leasesOnBoth: false
    ) { guest, namespace, addresses in
      #expect(addresses[1] == address)
      #expect(
        guest.output.lines.contains("net1: bound \(address)/24"),
        "a gateway or a lease's end that nobody has set"
      )
      // Out over each, to who is on its link.
      for (own, host) in [
        (addresses[0], TAPNetwork.hostAddress), (address, Self.secondHost),
      ] {
        try await probe(
          "call",
          "--host",
          own,
          "--port",
          "70",
          "--to",
          host,
          in: namespace
        )
      }
      try await TAPNetwork.withFarHost(behind: namespace) { far in
        try await TAPNetwork.setSystem(
          "net/ipv4/conf/\(TAPNetwork.device)/forwarding",
          to: "0",
          in: namespace
        )
        // In, whose answers leave by the interface that was asked; and out, by
        // the longest prefix.
        try await probe(
          "call",
          "--host",
          address,
          "--port",
          "70",
          "--to",
          TAPNetwork.farAddress,
          in: far
        )
      }
    }
  }
}
