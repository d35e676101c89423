import GuestHarness
import Testing

/// The Demo with each setting of QEMU's network device, pairwise.
@Suite(.whereTAPIsAllowed) struct MatrixTests {
  private static let pingCount = 20

  private struct Cell {
    let settings: NetworkSettings
    let outcome: Result<StatusPage, any Error>
  }

  @Test("Leases, pings and echoes with every two settings")
  func matrix() async {
    let clock = ContinuousClock()
    let start = clock.now
    let outcomes = await twoAtATime(Matrix.cells) { try await Self.run($0) }
    let cells = zip(Matrix.cells, outcomes).map(Cell.init)
    print(Self.table(cells))
    print("\(cells.count) cells in \(start.duration(to: clock.now))")
    for cell in cells { Self.check(cell) }
  }

  /// One boot: a lease, pings, and 1 MiB there and back.
  private static func run(_ settings: NetworkSettings) async throws
    -> StatusPage
  {
    try await TAPNetwork.with { network in
      try await TAPDemo.with(settings.options, on: network) { demo in
        let answered = try await demo.flood(count: pingCount)
        #expect(answered == pingCount, "\(settings)")
        try await demo.probe("echo", port: 7, ["--bytes", "\(1 << 20)"])
        return try await demo.statusPage()
      }
    }
  }

  /// What was agreed on is what these settings are about.
  private static func check(_ cell: Cell) {
    switch cell.outcome {
    case .failure(let error):
      Issue.record("\(cell.settings): \(error)")
    case .success(let page):
      let surprises = cell.settings.surprises(on: page)
      #expect(surprises.isEmpty, "\(cell.settings)")
    }
  }

  private static func table(_ cells: [Cell]) -> TextTable {
    var table = TextTable([
      "machine", "transport", "ring", "interrupts", "offloads", "driver",
      "how it interrupts", "negotiated",
    ])
    for cell in cells {
      let settings = cell.settings
      let found: [String] =
        switch cell.outcome {
        case .failure: ["FAILED", "", ""]
        case .success(let page):
          [
            page["driver"] ?? "", page["interrupts"] ?? "",
            page["negotiated features"] ?? "",
          ]
        }
      table.add(
        [
          settings.machine, settings.transport.rawValue,
          settings.ring.rawValue, settings.interrupts.rawValue,
          settings.offloads.rawValue,
        ] + found
      )
    }
    return table
  }
}
