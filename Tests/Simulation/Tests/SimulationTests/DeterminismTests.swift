import Net
import Simulation
import Testing

/// The same seed plays the same run.
@Suite struct DeterminismTests {
  /// What a run was like.
  struct Trace: Equatable {
    var end: Instant
    var steps: Int
    var frames: [UInt64]
    var lost: Int
  }

  static func trace(seed: UInt64) throws -> Trace {
    var settings = MachineSettings()
    settings.device = .offloading
    let simulation = Simulation(seed: seed, [settings, settings])
    var path = WorkloadTests.line
    path.corruption = 1000
    path.jitter = .milliseconds(1)
    simulation.wire.setAll(path)
    let plan = Plan(sends: 1 << 20, receives: 1 << 20)
    try simulation.serve(on: 1, port: 7, plan)
    for _ in 0..<4 { try simulation.connect(from: 0, to: 1, port: 7, plan) }
    try simulation.finish()
    return Trace(
      end: simulation.now,
      steps: simulation.steps,
      frames: simulation.machines.map { $0.stack.counters.framesSent },
      lost: simulation.wire[0, 1].counts.lost
    )
  }

  @Test func theSameSeed_playsTheSame() throws {
    let first = try Self.trace(seed: 5)
    #expect(try Self.trace(seed: 5) == first)
    #expect(try Self.trace(seed: 6) != first)
  }
}
