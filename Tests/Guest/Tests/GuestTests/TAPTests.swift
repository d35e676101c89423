import GuestHarness
import Testing

/// The Demo on a network with nothing between: a TAP device, a real DHCP
/// server, and this machine's own TCP as the peer.
@Suite struct TAPTests {
  private static let macAddress = "52:54:00:0a:9b:02"

  /// Boots the Demo on `network` and runs `body` with its address.
  private func withDemo<Result: Sendable>(
    _ options: GuestOptions,
    on network: TAPNetwork,
    body: (Service, String) async throws -> Result
  ) async throws -> Result {
    var options = options
    options.network = TAPNetwork.argument
    options.macAddress = Self.macAddress
    return try await withGuest(options, in: network.namespace) { guest in
      try await guest.output.waitForLine(
        containing: "demo: ready",
        within: DemoServices.readyLimit
      )
      let bound = try await guest.output.waitForLine(
        containing: "net: bound ",
        within: .seconds(1)
      )
      let line = try #require(
        bound.wholeMatch(
          of: #/net: bound (10\.64\.0\.\d+)/24 gateway 10\.64\.0\.1 .*/#
        ),
        "\(bound)"
      )
      #expect(bound.hasSuffix(" lease \(TAPNetwork.leaseSeconds) s"))
      return try await body(guest, String(line.1))
    }.result
  }

  /// 200 pings, faster than their answers.
  private func checkPings(
    of byteCount: Int,
    to address: String,
    on network: TAPNetwork
  ) async throws {
    let report = try await runCommand(
      "ping",
      ["-n", "-q", "-c", "200", "-i", "0.002", "-s", "\(byteCount)", address],
      in: network.namespace
    )
    #expect(report.contains(" 200 received, 0% packet loss"), "\(report)")
    // Those would be replies that the guest sent twice, or changed.
    #expect(!report.contains("duplicates"), "\(report)")
    #expect(!report.contains("corrupted"), "\(report)")
  }

  @Test(
    "Leases, renews, pings and echoes, in packets that are well formed",
    arguments: GuestOptions.Transport.allCases
  )
  func everything(_ transport: GuestOptions.Transport) async throws {
    try await TAPNetwork.with { network in
      let capture = Capture(network.folder.appending("guest.pcap"))
      var options = GuestOptions()
      options.transport = transport
      options.capture = capture.file
      let address = try await withDemo(options, on: network) { _, address in
        try await checkServices(at: address, on: network)
        try await network.waitForRenewal(of: address, times: 2)
        return address
      }
      try await check(capture, address: address)
    }
  }

  private func checkServices(
    at address: String,
    on network: TAPNetwork
  ) async throws {
    let leases = try network.leases
    #expect(
      leases.contains {
        $0.count > 2 && $0[1] == Self.macAddress && $0[2] == address
      },
      "\(leases)"
    )
    for byteCount in [56, 1400, 1472] {
      try await checkPings(of: byteCount, to: address, on: network)
    }
    let namespace = network.namespace
    try await probe(
      "echo", "--host", address, "--port", "7", "--bytes", "\(8 << 20)",
      in: namespace
    )
    try await probe(
      "echo", "--host", address, "--port", "7", "--bytes", "\(256 << 10)",
      "--connections", "64",
      in: namespace
    )
    try await probe(
      "udp-echo", "--host", address, "--port", "7",
      in: namespace
    )
    try await probe(
      "refused", "--host", address, "--port", "8", "--within", "1",
      in: namespace
    )
  }

  /// Reads what went over the wire.
  private func check(_ capture: Capture, address: String) async throws {
    let sent = try await capture.packets(
      matching: "eth.src == \(Self.macAddress)"
    )
    // Not the check of an empty file: 8 MiB are more packets than this.
    #expect(sent.count > 5_000)
    let broken = try await capture.brokenPackets(from: Self.macAddress)
    #expect(broken.isEmpty, "\(broken.prefix(20))")

    // RFC 2131 §4.3.2: in RENEWING the request is sent to the server alone and
    // carries the address that the client has.
    let lease = try await capture.packets(
      matching: "dhcp.option.dhcp == 5 && ip.src == \(TAPNetwork.hostAddress)"
    )
    let renewals = try await capture.packets(
      matching: """
        dhcp.option.dhcp == 3 && eth.src == \(Self.macAddress) \
        && ip.src == \(address) && ip.dst == \(TAPNetwork.hostAddress) \
        && dhcp.ip.client == \(address)
        """
    )
    let leased = try #require(lease.first.flatMap { Int($0) })
    #expect(renewals.compactMap { Int($0) }.filter { $0 > leased }.count >= 2)
  }

  @Test("Pings and echoes without MSI-X", arguments: ["legacy", "modern"])
  func lineInterrupts(_ transport: String) async throws {
    try await TAPNetwork.with { network in
      var options = GuestOptions()
      options.transport = .init(rawValue: transport)
      options.qemuArguments = ["-global", "virtio-net-pci.vectors=0"]
      try await withDemo(options, on: network) { _, address in
        try await checkPings(of: 1472, to: address, on: network)
        try await probe(
          "echo", "--host", address, "--port", "7", "--connections", "8",
          in: network.namespace
        )
      }
    }
  }
}
