import GuestHarness
import Testing

/// The Demo and this machine's own TCP, on lines that are not good.
@Suite(.whereTAPIsAllowed) struct LinuxTests {
  struct Line: CustomTestStringConvertible, Sendable {
    var impairment: Impairment
    var offloads = NetworkSettings.Offloads.none
    /// Bytes of each of the echoes.
    var bytes = 2 << 20
    /// How often the guest has at least to have met what routers mark.
    var marks: (seen: Int, echoed: Int) = (0, 0)

    var testDescription: String {
      "\(impairment), offloads: \(offloads.rawValue)"
    }
  }

  static let lines = [
    Line(impairment: .loss(oneOf: 50)),
    Line(impairment: .loss(oneOf: 50), offloads: .all),
    Line(impairment: .loss(oneOf: 10), bytes: 256 << 10),
    Line(impairment: .pairsLost(oneOf: 40)),
    Line(impairment: .congestionMarks(oneOf: 10), marks: (100, 5)),
    Line(impairment: .marksForAll(oneOf: 3)),
  ]

  @Test("Bulk, half-close, many at once and many short", arguments: lines)
  func everythingArrives(_ line: Line) async throws {
    var settings = NetworkSettings()
    settings.offloads = line.offloads
    try await TAPNetwork.with { network in
      try await TAPDemo.with(settings.options, on: network) { demo in
        try await network.sendSingleSegments()
        // This machine asks for marks by itself, too.
        try await TAPNetwork.setSystem(
          "net/ipv4/tcp_ecn",
          to: "1",
          in: network.namespace
        )
        try await network.impair(line.impairment)
        // Each end closes its half when all of its own is sent.
        try await demo.probe(
          "echo",
          port: 7,
          ["--bytes", "\(line.bytes)", "--within", "50"]
        )
        try await demo.probe(
          "echo",
          port: 7,
          ["--bytes", "32768", "--connections", "32", "--within", "50"]
        )
        try await demo.probe("discard", port: 9)
        let served = try await demo.probe(
          "served",
          port: 80,
          ["--requests", "30", "--within", "20", "--patience", "20"]
        )
        print("\(line.testDescription): \(served)")
        let impaired = try await network.impaired()
        #expect(impaired > 10, "\(impaired) segments impaired")
        let page = try await demo.waitForRest(within: .seconds(90))
        // Marks that came, and our own windows made smaller for those that the
        // peer tells of: once a window. RFC 3168 §6.1.2.
        let seen = page.counter("tcp: congestion experienced")
        let echoed = page.counter("tcp: congestion echoes")
        #expect(seen >= line.marks.seen, "\(seen) marks")
        #expect(echoed >= line.marks.echoed, "\(echoed) echoes")
      }
    }
  }
}
