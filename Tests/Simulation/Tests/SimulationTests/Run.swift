import Foundation
import Net
import Simulation
import Testing

/// Where the seeds of a run come from: each run has others, and says which.
enum Seed {
  /// The number that all seeds of this run follow from.
  static let base: UInt64 = {
    let seed =
      environment("SIMULATION_SEED").flatMap { UInt64($0) }
      ?? UInt64.random(in: 0..<1_000_000)
    print("SIMULATION_SEED=\(seed)")
    return seed
  }()

  /// The one of several cases that is wanted.
  static let onlyCase: Int? = environment("SIMULATION_CASE").flatMap {
    Int($0)
  }

  static func environment(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name]
  }
}

/// Plays `body` on machines with these settings. What goes against the rules is
/// played again and written down, frame by frame.
func play(
  _ number: Int = 0,
  _ what: String = "",
  _ settings: [MachineSettings] = [MachineSettings(), MachineSettings()],
  seed: UInt64? = nil,
  test: String = #function,
  location: SourceLocation = #_sourceLocation,
  _ body: (Simulation) throws -> Void
) {
  if let only = Seed.onlyCase, only != number { return }
  let seed = seed ?? Seed.base &+ UInt64(number)
  let simulation = Simulation(seed: seed, settings)
  do {
    try body(simulation)
  } catch {
    let name = test.prefix { $0 != "(" }
    var words =
      "\(error)\n  seed \(seed), case \(number): \(what)\n"
      + "  again: SIMULATION_SEED=\(Seed.base) SIMULATION_CASE=\(number) "
      + "Scripts/simulate.sh --filter \(name)"
    do {
      words += try "\n  " + capture(seed, settings, "\(name)-\(number)", body)
    } catch {
      words += "\n  no capture: \(error)"
    }
    Issue.record(Comment(rawValue: words), sourceLocation: location)
  }
}

/// Plays it again for a capture; says where that is.
private func capture(
  _ seed: UInt64,
  _ settings: [MachineSettings],
  _ name: String,
  _ body: (Simulation) throws -> Void
) throws -> String {
  let simulation = Simulation(seed: seed, settings)
  simulation.capture = Capture()
  do {
    try body(simulation)
  } catch {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("apus-simulation")
    try FileManager.default.createDirectory(
      at: folder,
      withIntermediateDirectories: true
    )
    let file = folder.appendingPathComponent("\(name)-\(seed).pcap").path
    try simulation.capture?.write(to: file)
    return "frames: \(file)"
  }
  return "the second time it did not fail"
}

extension Simulation {
  /// Whether every flow of every machine is over.
  var isQuiet: Bool {
    machines.allSatisfy { $0.flows.allSatisfy { $0.isOver } }
  }

  /// Lets all flows come to their ends, which have to be as planned, and what
  /// they had be given back.
  func finish(
    limit: Interval = .seconds(3600),
    _ expected: Flow.State = .done
  ) throws {
    try run(limit: limit) { isQuiet }
    for machine in machines {
      for flow in machine.flows where flow.state != expected {
        throw Unexpected(machine: machine.number, state: flow.state)
      }
    }
    try checkForLeaks()
  }
}

/// A flow that has not ended as planned.
struct Unexpected: Error {
  var machine: Int
  var state: Flow.State
}
