import GuestHarness
import Testing

/// The Demo among clients that do not mean well: who means well is served all
/// the same, and afterwards nothing is left of the others.
@Suite(.whereTAPIsAllowed) struct HostileTests {
  /// The page itself and what the allocator keeps.
  private static let slack = 64 << 10

  /// Packets that may be with the device: those of the page itself.
  private static let withDevice = 16

  private static var options: GuestOptions {
    var options = GuestOptions()
    options.macAddress = TAPDemo.attackedHardware
    // Half-open connections are given up after a minute.
    options.timeout = 290
    return options
  }

  /// How long each flood goes on.
  private static let floodSeconds = 30

  /// Is served while `name` goes on; says how often and how fast.
  private static func serve(
    _ demo: TAPDemo,
    during name: String,
    _ arguments: String...
  ) async throws {
    let served = try await demo.probe(
      "served",
      port: 80,
      ["--patience", "10", "--within", "10"] + arguments
    )
    print("\(name): \(served)")
  }

  /// Is served while a flood at full speed goes on, most of which the TAP
  /// device's queue does not hold. What is served is lost there as well, and
  /// sent again: so some of it may take long, and a few may not be served.
  private static func serve(
    _ demo: TAPDemo,
    duringFloodOf kind: String,
    port: Int
  ) async throws {
    let row = "tcp: segments received"
    let before = try await demo.pageWithoutTrace().counter(row)
    let (sent, _) = try await demo.withFlood(
      kind,
      port: port,
      seconds: floodSeconds
    ) {
      try await serve(
        demo,
        during: "\(kind) flood, port \(port)",
        "--seconds",
        "\(floodSeconds - 2)",
        "--failures",
        "5",
        "--least",
        "30"
      )
    }
    let received = try await demo.pageWithoutTrace().counter(row) - before
    let count = sent.firstMatch(of: #/flood: (\d+) sent/#).flatMap {
      Int($0.1)
    }
    print(
      "\(kind) flood: \((count ?? 0) / floodSeconds) a second, of which the"
        + " guest got \(received / floodSeconds)"
    )
    #expect(received > 1000 * floodSeconds, "\(sent)")
  }

  @Test("Floods of SYN and ACK; a thousand half-open; a scan of all ports")
  func floods() async throws {
    try await TAPNetwork.with { network in
      try await TAPDemo.with(Self.options, on: network) { demo in
        // The first time tables grow; from then on nothing does.
        try await demo.withProbe(
          "slow-readers",
          ["--port", "19", "--connections", "1500"],
          saying: "slow-readers: 1500 connected"
        ) { _ in }
        _ = try await demo.waitForRest(within: .seconds(60))
        try await Self.serve(demo, during: "peace", "--requests", "50")
        let before = try await demo.waitForRest(within: .seconds(10))

        try await Self.serve(demo, duringFloodOf: "ack", port: 80)
        let scan = try await demo.probe(
          "scan",
          [
            "--hardware", TAPDemo.attackedHardware, "--from",
            TAPNetwork.hostAddress,
          ]
        )
        #expect(scan.hasPrefix("scan: open 7 9 19 80; 65531 closed"), "\(scan)")
        // The very service that is asked for meanwhile: its backlog is full,
        // and who means well comes back with a cookie.
        try await Self.serve(demo, duringFloodOf: "syn", port: 80)
        let flooded = try await demo.pageWithoutTrace()
        #expect(flooded.counter("tcp: cookies sent") > 0)
        #expect(flooded.counter("tcp: cookies accepted") > 0)
        try await demo.probe(
          "flood",
          port: 9,
          [
            "--hardware", TAPDemo.attackedHardware, "--kind", "syn", "--count",
            "1000", "--rate", "1000",
          ]
        )
        try await demo.probe("echo", port: 7)

        let after = try await demo.waitForRest(within: .seconds(100))
        Self.expectNoLeak(before, after, connections: 0)
      }
    }
  }

  @Test("A thousand connections that read nothing")
  func slowReaders() async throws {
    try await TAPNetwork.with { network in
      try await TAPDemo.with(Self.options, on: network) { demo in
        // The first time tables grow; from then on nothing does.
        var page = try await demo.pageWithoutTrace()
        for round in 0..<2 {
          let before = page
          try await demo.withProbe(
            "slow-readers",
            ["--port", "19", "--connections", "1000"],
            saying: "slow-readers: 1000 connected"
          ) { _ in
            let page = try await demo.pageWithoutTrace()
            #expect(page.counter("TCP connections") >= 1000)
            try await Self.serve(
              demo,
              during: "1,000 slow readers",
              "--requests",
              "50"
            )
          }
          page = try await demo.waitForRest(within: .seconds(60))
          Self.expectNoLeak(
            before,
            page,
            connections: round == 0 ? 1000 : 0
          )
        }
      }
    }
  }

  @Test("Nine hundred that write all they can and read nothing")
  func writersThatDoNotRead() async throws {
    try await TAPNetwork.with { network in
      try await TAPDemo.with(Self.options, on: network) { demo in
        try await demo.withProbe(
          "slow-readers",
          ["--port", "7", "--connections", "900", "--writing"],
          saying: "slow-readers: 900 connected"
        ) { _ in
          try await Self.serve(
            demo,
            during: "900 that write and do not read",
            "--requests",
            "50"
          )
        }
        try await Self.serve(demo, during: "peace", "--requests", "50")
        let page = try await demo.waitForRest(within: .seconds(60))
        #expect(
          page.counter("memory: bytes of send buffers in use") <= Self.slack
        )
      }
    }
  }

  /// The heap is as full as it was, but for the slots of as many connections.
  private static func expectNoLeak(
    _ before: StatusPage,
    _ after: StatusPage,
    connections: Int
  ) {
    let row = "heap: bytes in use"
    let growth = after.counter(row) - before.counter(row)
    print("after it the heap has \(growth) bytes more in use")
    #expect(growth < connections * 2048 + slack, "\(growth) bytes are lost")
    for row in ["memory: packets in use", "memory: receive buffers in use"] {
      let more = after.counter(row) - before.counter(row)
      #expect(more <= withDevice, "\(row): \(more) more than before")
    }
    #expect(after.counter("memory: bytes of send buffers in use") <= slack)
  }
}
