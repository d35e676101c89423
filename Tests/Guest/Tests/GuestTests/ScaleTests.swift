import GuestHarness
import Testing

/// What a connection costs does not grow with their number.
@Suite(.whereTAPIsAllowed) struct ScaleTests {
  private static let counts = [10, 1000, 10_000]

  /// So many that what else comes by is little for each.
  private static let times = 300

  /// By what it may cost more among the most connections than among the fewest:
  /// longer chains in the table of ends, which is more than half full then, and
  /// deadlines that stand deeper.
  private static let mostGrowth = 1.1

  @Test("Connecting and exchanging cost the same among 10 and 10,000")
  func cost() async throws {
    try await TAPNetwork.with(Dnsmasq(hasRenewals: false)) { network in
      var options = GuestOptions()
      options.memory = 64
      options.timeout = 400
      // The time-stamp counter counts instructions.
      options.qemuArguments += ["-icount", "shift=0,sleep=on"]
      try await TAPDemo.with(options, on: network) { demo in
        let costs = try await demo.scale(Self.counts, times: Self.times)
        var table = TextTable(["connections", "set-up and end", "exchange"])
        for (count, cost) in zip(Self.counts, costs) {
          table.add([
            "\(count)", "\(Int(cost.connection))", "\(Int(cost.exchange))",
          ])
        }
        print("instructions of the guest:\n\(table)")
        let (few, many) = (costs[0], costs[costs.count - 1])
        #expect(many.connection < few.connection * Self.mostGrowth)
        #expect(many.exchange < few.exchange * Self.mostGrowth)
      }
    }
  }
}
