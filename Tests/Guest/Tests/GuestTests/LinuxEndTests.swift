import GuestHarness
import Testing

/// How connections to this machine's own TCP end, and how they outlast silence,
/// on a good line.
@Suite(.whereTAPIsAllowed) struct LinuxEndTests {
  /// What the page itself takes more, by its figures.
  private static let slack = 8 << 10

  @Test("Clients that go away in the middle of things leave nothing behind")
  func clientsReset() async throws {
    try await TAPNetwork.with { network in
      try await TAPDemo.with(GuestOptions(), on: network) { demo in
        // Tables grow to as many connections as were there at once, which is
        // chance, in pages that stay. What is lost is lost each time.
        let row = "heap: bytes in use"
        var inUse: [Int] = []
        for _ in 0..<5 {
          try await Self.abortAll(demo)
          // Sooner than any timer of a connection would have ended it.
          let page = try await demo.waitForRest(within: .seconds(10))
          #expect(page.counter("TCP connections") <= 1)
          inUse.append(page.counter(row))
        }
        let growths = zip(inUse.dropFirst(), inUse).map { $0 - $1 }
        #expect(try #require(growths.min()) < Self.slack, "\(inUse)")
        try await demo.probe("echo", port: 7)
      }
    }
  }

  /// Resets connections before and amid their transfers, at each service.
  private static func abortAll(_ demo: TAPDemo) async throws {
    for (port, bytes, connections) in [
      (19, 200_000, 32), (7, 200_000, 8), (7, 0, 32), (80, 0, 32),
    ] {
      try await demo.probe(
        "abort",
        port: port,
        ["--bytes", "\(bytes)", "--connections", "\(connections)"]
      )
    }
  }

  @Test("Both windows shut, and open again; keepalives are answered")
  func silence() async throws {
    try await TAPNetwork.with { network in
      try await TAPDemo.with(GuestOptions(), on: network) { demo in
        try await demo.probe("late", port: 7, ["--shut", "6"])
        try await network.impair(.counting("tcp sport 7"))
        _ = try await demo.withProbe(
          "keepalive",
          ["--port", "7", "--idle", "6"],
          saying: "keepalive: idle"
        ) { keepAlive in
          try await keepAlive.output.waitForLine(
            containing: "keepalive: goes on",
            within: .seconds(30)
          )
        }
        // One a second, beside the handshake and the echo.
        let answers = try await network.impaired()
        #expect(answers >= 6, "\(answers) segments of the guest")
        // What the test is about: without answers the connection does end.
        try await network.impair(.losing("tcp sport 7 tcp flags & syn == 0"))
        let end = try await demo.withProbe(
          "keepalive",
          ["--port", "7", "--idle", "6"],
          saying: "keepalive: idle"
        ) { keepAlive in
          try await keepAlive.errors.waitForLine(
            containing: "Error: ",
            within: .seconds(30)
          )
        }
        #expect(end.contains("gave it up"), "\(end)")
      }
    }
  }

  @Test("The guest asks a silent peer whether it is there, and gives it up")
  func keepalive() async throws {
    var options = GuestOptions()
    options.app = "Errand"
    try await TAPNetwork.with { network in
      try await TAPDemo.with(options, on: network) { guest in
        // What is not an errand's own connection and carries nothing.
        try await network.impair(
          .counting("tcp sport != 70 tcp flags == ack")
        )
        try await guest.call(["--silent", "6", "--bytes", "1000"])
        // One a second, and hardly more: the acknowledgements of the bytes.
        let probes = try await network.impaired()
        #expect((5...12).contains(probes), "\(probes) probes")
        // Our answers to the probes are lost: the guest hears nothing.
        try await network.impair(
          .losingLeaving("tcp dport != 70 tcp flags == ack")
        )
        let error = await #expect(throws: CommandFailure.self) {
          try await guest.call(["--silent", "40", "--within", "30"])
        }
        #expect(
          error?.description.contains("failed: timedOut") == true,
          "\(String(describing: error))"
        )
      }
    }
  }

  @Test(
    "The guest connects to this machine; both it and its clients see resets"
  )
  func calls() async throws {
    var options = GuestOptions()
    options.app = "Errand"
    try await TAPNetwork.with { network in
      try await TAPDemo.with(options, on: network) { guest in
        try await guest.call(["--bytes", "\(4 << 20)"])
        try await guest.call(["--bytes", "65536", "--connections", "64"])
        for _ in 0..<20 { try await guest.call(["--bytes", "100"]) }
        try await network.impair(.loss(oneOf: 40))
        try await guest.call(["--bytes", "\(1 << 20)", "--within", "50"])
        try await network.impair(.none)

        try await guest.call(["--reset", "100000", "--connections", "16"])
        try await guest.probe("reset", port: 71)
        // Nobody listens.
        let refused = try await guest.errand(
          "connect \(TAPNetwork.hostAddress) 9"
        )
        #expect(refused == ["failed: refused"])
      }
    }
  }
}
