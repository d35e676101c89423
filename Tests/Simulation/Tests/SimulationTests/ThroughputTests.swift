import Net
import Simulation
import Testing

/// How fast a transfer is by loss and round trip: 100 Mbit/s, a queue of one
/// round trip, and what the loss does with the rest.
@Suite struct ThroughputTests {
  /// Parts of a million.
  static let losses = [0, 1000, 5000, 10_000, 20_000, 50_000, 100_000]
  /// Milliseconds.
  static let roundTrips: [Int64] = [1, 10, 50, 100, 200]
  static let seeds: [UInt64] = [1, 2, 3]

  /// The time that a transfer is given, and the bytes that end it.
  static let most = Interval.seconds(20)
  static let total = 32 << 20

  /// Kilobits a second, the app's bytes alone.
  static func throughput(
    loss: Int,
    roundTrip: Int64,
    seed: UInt64
  ) throws -> Int {
    let settings = MachineSettings()
    let simulation = Simulation(seed: seed, [settings, settings])
    var path = PathSettings()
    path.loss = loss
    path.delay = .microseconds(roundTrip * 500)
    path.rate = 100_000_000
    path.queue = max(Int(path.rate / 8000 * roundTrip), 15_140)
    simulation.wire[0, 1].settings = path
    path.loss = 0
    simulation.wire[1, 0].settings = path
    try simulation.serve(on: 1, port: 7, Plan(receives: total))
    let flow = try simulation.connect(
      from: 0,
      to: 1,
      port: 7,
      Plan(sends: total)
    )
    let start = simulation.now
    let receiver = simulation.machines[1]
    let end = start + most
    simulation.at(end) { _ in }
    try simulation.run(limit: most + .seconds(1)) {
      simulation.now >= end || receiver.flows.first?.isOver ?? false
    }
    let bytes = receiver.flows.first?.read ?? 0
    let time = (simulation.now - start).nanoseconds / 1000
    let result = Int64(bytes) * 8000 / time
    simulation.machines[0].abort(flow, at: simulation.now)
    return Int(result)
  }

  @Test func throughput_isAsBefore() async throws {
    let cells = Self.losses.flatMap { loss in
      Self.roundTrips.map { (loss, $0) }
    }
    let values = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
      for (number, (loss, roundTrip)) in cells.enumerated() {
        group.addTask {
          let values = try Self.seeds.map {
            try Self.throughput(loss: loss, roundTrip: roundTrip, seed: $0)
          }
          return (number, values.sorted()[1])
        }
      }
      return try await group.reduce(into: [Int: Int]()) { $0[$1.0] = $1.1 }
    }
    var rows = [["loss"] + Self.roundTrips.map { "\($0) ms" }]
    for (row, loss) in Self.losses.enumerated() {
      let places =
        row * Self.roundTrips.count..<(row + 1) * Self.roundTrips.count
      rows.append(
        ["\(loss / 10_000).\(loss / 1000 % 10) %"]
          + places.map { String(values[$0] ?? -1) }
      )
    }
    try compareSnapshot(
      "throughput",
      "kbit/s of 100 Mbit/s, by loss and round trip; queue of a round trip\n"
        + table(rows)
    )
  }
}
