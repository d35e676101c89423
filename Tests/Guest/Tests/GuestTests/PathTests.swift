import GuestHarness
import Testing

/// A Demo and a host behind a router, whose link there becomes smaller: it says
/// so (RFC 1191), or it does not (RFC 2923 §2.1).
@Suite(.whereTAPIsAllowed) struct PathTests {
  struct Router: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// What is done with what it says.
    let impairment: Impairment
  }

  /// Of the transfer that is under way when the link becomes smaller: more than
  /// Linux keeps of what is not read (6 MiB, tcp_rmem of tcp(7)).
  private static let bytes = 10 << 20

  private static let tooLarge =
    "icmp type destination-unreachable icmp code 4"

  static let routers = [
    Router(
      testDescription: "says so",
      impairment: .countingLeaving(tooLarge)
    ),
    Router(
      testDescription: "says nothing",
      impairment: .losingLeaving(tooLarge)
    ),
  ]

  @Test("A link becomes smaller in the middle of things", arguments: routers)
  func smallerLink(_ router: Router) async throws {
    try await TAPNetwork.with { network in
      try await TAPNetwork.withFarHost(behind: network.namespace) { far in
        try await TAPDemo.with(GuestOptions(), on: network) { demo in
          try await network.impair(router.impairment)
          let before = try await network.impaired()
          #expect(before == 0)
          try await demo.withProbe(
            "chargen",
            [
              "--port", "19", "--bytes", "\(Self.bytes)", "--within", "50",
              // Until the link has changed, no more than the receive buffer.
              "--pause", "3",
            ],
            in: far,
            saying: "chargen: reads"
          ) { reader in
            let link = ["link", "set", TAPNetwork.farDevice, "mtu", "1000"]
            try await runCommand("ip", link, in: network.namespace)
            try await reader.output.waitForLine(
              containing: "as in RFC 864",
              within: .seconds(60)
            )
          }
          let told = try await network.impaired()
          print("a router that \(router.testDescription): told \(told) times")
          #expect(told > 0, "all was sent before the link became smaller")
          // One that begins when it is small.
          _ = try await demo.withProbe(
            "chargen",
            ["--port", "19", "--bytes", "200000", "--within", "50"],
            in: far,
            saying: "as in RFC 864"
          ) { _ in }
        }
      }
    }
  }
}
