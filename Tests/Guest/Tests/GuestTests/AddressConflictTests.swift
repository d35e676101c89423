import GuestHarness
import Testing

/// Addresses that a DHCP server gives and another host of the link has.
/// RFC 5227, RFC 2131 §3.1.5.
@Suite(.whereTAPIsAllowed) struct AddressConflictTests {
  private static let macAddress = "52:54:00:0a:9b:0a"

  private static var options: GuestOptions {
    var options = GuestOptions()
    options.macAddress = macAddress
    options.network = TAPNetwork.argument
    return options
  }

  @Test("An address that another host has is declined, and another one taken")
  func conflict() async throws {
    let taken = "10.64.0.50"
    let dnsmasq = Dnsmasq("--dhcp-host=\(Self.macAddress),\(taken)")
    try await TAPNetwork.with(dnsmasq) { network in
      try await TAPNetwork.withNeighbour(
        of: network.namespace,
        ["\(taken)/24"]
      ) { _ in
        try await TAPDemo.with(Self.options, on: network) { demo in
          #expect(demo.address != taken)
          let lines = network.server.errors.lines
          #expect(
            lines.contains {
              $0.contains("DHCPDECLINE(\(TAPNetwork.device)) \(taken) ")
            },
            "\(lines)"
          )
          try await demo.probe("echo", port: 7)
        }
      }
    }
  }

  @Test("The same with the other make, all of whose first addresses are taken")
  func conflictWithISC() async throws {
    let taken = (50...51).map { "10.64.0.\($0)" }
    try await TAPNetwork.withDevice { namespace, _ in
      try await TAPNetwork.withNeighbour(
        of: namespace,
        taken.map { "\($0)/24" }
      ) { _ in
        try await ISCServer(range: 50...52, seconds: 600)
          .serving(in: namespace) { server in
            _ = try await withGuest(Self.options, in: namespace) { guest in
              try await guest.output.waitForLine(
                containing: "net: bound 10.64.0.52/24",
                within: .seconds(60)
              )
            }
            #expect(
              server.errors.lines.contains {
                $0.contains("DHCPDECLINE of \(taken[0])")
                  || $0.contains("DHCPDECLINE of \(taken[1])")
              },
              "\(server.errors.lines)"
            )
          }
      }
    }
  }
}
