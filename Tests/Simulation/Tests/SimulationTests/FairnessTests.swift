import Net
import Simulation
import Testing

/// How two transfers share a line of 20 Mbit/s: what each gets, and how fair
/// that is by Jain's index, in thousandths; 1000 when both get the same.
@Suite struct FairnessTests {
  struct Pair: Sendable {
    var name: String
    /// Milliseconds, of each flow.
    var roundTrips: [Int64]
    /// How much later the second begins, in seconds.
    var lateness: Int64 = 0
  }

  static let pairs = [
    Pair(name: "same round trip", roundTrips: [20, 20]),
    Pair(name: "second 10 s later", roundTrips: [20, 20], lateness: 10),
    Pair(name: "round trips 1:2", roundTrips: [20, 40]),
    Pair(name: "round trips 1:4", roundTrips: [20, 80]),
  ]

  /// What the flows of `pair` get in 40 s after both have begun, in kbit/s.
  static func shares(_ pair: Pair, seed: UInt64) throws -> [Int] {
    let simulation = Simulation(
      seed: seed,
      [MachineSettings(), MachineSettings(), MachineSettings()]
    )
    var path = PathSettings()
    path.rate = 20_000_000
    // What waits must not make round trips alike.
    path.queue = 50_000
    for sender in 0..<2 {
      path.delay = .milliseconds(pair.roundTrips[sender] / 2)
      simulation.wire[sender, 2].settings = path
      simulation.wire[2, sender].settings = path
    }
    simulation.wire.shareBottleneck(to: 2)
    let total = 1 << 30
    for sender in 0..<2 {
      let port = UInt16(7 + sender)
      try simulation.serve(on: 2, port: port, Plan(receives: total))
    }
    for sender in 0..<2 {
      if sender == 1 { try simulation.run(for: .seconds(pair.lateness)) }
      try simulation.connect(
        from: sender,
        to: 2,
        port: UInt16(7 + sender),
        Plan(sends: total)
      )
      // Its SYN may be lost where the first fills the queue.
      try simulation.run(limit: .seconds(10)) {
        simulation.machines[2].flows.count == sender + 1
      }
    }
    let flows = simulation.machines[2].flows
    let before = flows.map(\.read)
    try simulation.run(for: .seconds(40))
    let shares = flows.indices.map {
      (flows[$0].read - before[$0]) * 8 / 40_000
    }
    for machine in simulation.machines {
      for flow in machine.flows { machine.abort(flow, at: simulation.now) }
    }
    return shares
  }

  @Test func fairness_isAsBefore() async throws {
    var rows = [["pair", "first", "second", "fairness"]]
    for pair in Self.pairs {
      let shares = try Self.shares(pair, seed: 1)
      let sum = shares[0] + shares[1]
      let squares = shares[0] * shares[0] + shares[1] * shares[1]
      let index = sum * sum * 1000 / (2 * squares)
      rows.append([
        pair.name, String(shares[0]), String(shares[1]), String(index),
      ])
    }
    try compareSnapshot(
      "fairness",
      "kbit/s of 20 Mbit/s that two flows get in 40 s\n" + table(rows)
    )
  }
}
