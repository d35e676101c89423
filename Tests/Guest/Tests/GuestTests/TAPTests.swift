import GuestHarness
import Testing

/// The Demo on a network with nothing between: a TAP device, a real DHCP
/// server, and this machine's own TCP as the peer.
@Suite(.whereTAPIsAllowed) struct TAPTests {
  private static let macAddress = "52:54:00:0a:9b:02"

  /// Bytes of a ping's content; with 1472 it fills an Ethernet frame.
  private static let pingSizes = [56, 1400, 1472]

  /// Boots the Demo on `network` and runs `body` with its address.
  private func withDemo<Result: Sendable>(
    _ machine: Machine,
    on network: TAPNetwork,
    capture: Capture? = nil,
    body: (String) async throws -> Result
  ) async throws -> Result {
    var options = machine.options
    options.capture = capture?.file
    options.macAddress = Self.macAddress
    return try await TAPDemo.with(options, on: network) { demo in
      let bound = try await demo.guest.output.waitForLine(
        containing: "net: bound ",
        within: .seconds(1)
      )
      #expect(bound.hasSuffix(" lease \(TAPNetwork.leaseSeconds) s"))
      // The device is the one that the test is about.
      try await demo.guest.output.waitForLine(
        containing: "net: \(machine.driver), \(machine.interrupts)",
        within: .seconds(1)
      )
      return try await body(demo.address)
    }
  }

  /// Sends 200 pings, faster than a busy machine answers.
  ///
  /// Whether each was answered, ``checkPings(_:)`` says: ping itself gives up
  /// on the last ones when they take longer than those before.
  private func ping(
    _ address: String,
    byteCount: Int,
    on network: TAPNetwork
  ) async throws {
    let report = try await runCommand(
      "ping",
      ["-n", "-q", "-c", "200", "-i", "0.002", "-s", "\(byteCount)", address],
      in: network.namespace
    )
    #expect(report.contains("200 packets transmitted"), "\(report)")
  }

  /// Each of `count` echo requests on the wire got one reply, with its bytes.
  private func checkPings(_ capture: Capture, count: Int) async throws {
    let fields = ["icmp.ident", "icmp.seq", "data.data"]
    // Without their frame numbers.
    let requests = try await capture.packets(
      matching: "icmp.type == 8 && eth.dst == \(Self.macAddress)",
      fields: fields
    ).map { $0.drop { $0 != "\t" } }
    let replies = try await capture.packets(
      matching: "icmp.type == 0 && eth.src == \(Self.macAddress)",
      fields: fields
    ).map { $0.drop { $0 != "\t" } }
    #expect(requests.count == count)
    #expect(Set(requests).count == count)
    #expect(replies.count == count)
    let unanswered = Set(requests).subtracting(replies)
    #expect(unanswered.isEmpty, "\(unanswered.map { $0.prefix(40) })")
  }

  @Test(
    "Leases, renews, pings and echoes, in packets that are well formed",
    arguments: GuestOptions.Transport.pci.map { Machine("pc", $0) }
  )
  func everything(_ machine: Machine) async throws {
    try await TAPNetwork.with { network in
      let capture = Capture(network.folder.appending("guest.pcap"))
      let address = try await withDemo(
        machine,
        on: network,
        capture: capture
      ) { address in
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
    for byteCount in Self.pingSizes {
      try await ping(address, byteCount: byteCount, on: network)
    }
    let namespace = network.namespace
    try await probe(
      "echo",
      "--host",
      address,
      "--port",
      "7",
      "--bytes",
      "\(8 << 20)",
      in: namespace
    )
    try await probe(
      "echo",
      "--host",
      address,
      "--port",
      "7",
      "--bytes",
      "\(256 << 10)",
      "--connections",
      "64",
      in: namespace
    )
    try await probe(
      "udp-echo",
      "--host",
      address,
      "--port",
      "7",
      in: namespace
    )
    try await probe(
      "refused",
      "--host",
      address,
      "--port",
      "8",
      "--within",
      "1",
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

    try await checkPings(capture, count: 200 * Self.pingSizes.count)

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

  @Test(
    "Pings and echoes without MSI-X",
    arguments: [
      Machine("pc", .legacy, hasMessageInterrupts: false),
      Machine("q35", .modern, hasMessageInterrupts: false),
    ]
  )
  func lineInterrupts(_ machine: Machine) async throws {
    try await TAPNetwork.with { network in
      let capture = Capture(network.folder.appending("guest.pcap"))
      try await withDemo(
        machine,
        on: network,
        capture: capture
      ) { address in
        try await ping(address, byteCount: 1472, on: network)
        try await probe(
          "echo",
          "--host",
          address,
          "--port",
          "7",
          "--connections",
          "8",
          in: network.namespace
        )
      }
      try await checkPings(capture, count: 200)
    }
  }
}
