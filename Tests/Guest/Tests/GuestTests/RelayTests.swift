import GuestHarness
import Testing

/// The Demo and this machine's own TCP on lines that lose, double, delay,
/// reorder and change what they carry, by chance.
@Suite(.whereTAPIsAllowed) struct RelayTests {
  struct Line: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let rules: [String]
    /// Bytes of the echo.
    let bytes: Int
    /// What the relay has to have done.
    let done: [String]
  }

  static let lines = [
    Line(
      testDescription: "a fifth overtaken, a twentieth twice",
      rules: ["--late", "200", "--doubled", "50"],
      bytes: 1 << 20,
      done: ["late", "doubled"]
    ),
    Line(
      testDescription: "40 ms each way, one of 100 lost",
      rules: ["--delay", "40", "--lost", "10"],
      bytes: 256 << 10,
      done: ["lost"]
    ),
    Line(
      testDescription: "all at once",
      rules: [
        "--delay", "5", "--lost", "10", "--doubled", "10", "--late", "20",
        "--changed", "10",
      ],
      bytes: 256 << 10,
      done: ["lost", "doubled", "late", "changed"]
    ),
  ]

  @Test("All arrives, over a line that does things by chance", arguments: lines)
  func everythingArrives(_ line: Line) async throws {
    var settings = NetworkSettings()
    settings.offloads = .none
    var options = settings.options
    let said = try await TAPNetwork.withRelay(line.rules) { network in
      try await TAPDemo.with(options, on: network) { demo in
        try await demo.probe(
          "echo",
          port: 7,
          ["--bytes", "\(line.bytes)", "--within", "50"]
        )
        try await demo.probe(
          "echo",
          port: 7,
          ["--bytes", "8192", "--connections", "32", "--within", "50"]
        )
        let served = try await demo.probe(
          "served",
          port: 80,
          ["--requests", "10", "--within", "20", "--patience", "20"]
        )
        print("\(line.testDescription): \(served)")
        _ = try await demo.waitForRest(within: .seconds(60))
      }
      // And the other way: the guest connects to this machine.
      options.app = "Errand"
      try await TAPDemo.with(options, on: network) { guest in
        try await guest.call([
          "--bytes", "\(line.bytes / 2)", "--within", "50",
        ])
        try await guest.call([
          "--bytes", "4096", "--connections", "8", "--within", "50",
        ])
      }
    }
    print("\(line.testDescription): \(said)")
    for name in line.done {
      let count = said.firstMatch(of: try Regex("\(name) (\\d+)"))?[1].substring
      #expect(Int(count ?? "") ?? 0 > 0, "\(said)")
    }
  }
}
