import Net
import Packets
import Synchronization
import Testing
import TestMachines

@testable import Apus

extension TestNetwork {
  /// Runs `app` with both systems until it returns and all has come to rest;
  /// then nobody waits, and every packet is back in its pool.
  func play(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ app: @escaping @Sendable (System, System) async throws -> Void
  ) throws {
    let end = Ended()
    let (client, server) = (client.system, server.system)
    let task = Task(executorPreference: executor) {
      do {
        try await app(client, server)
        end.outcome = .success(())
      } catch {
        end.outcome = .failure(error)
      }
    }
    do {
      try run(until: { end.outcome != nil }, mayEnd: false)
    } catch {
      task.cancel()
      try run(until: { end.outcome != nil })
      throw error
    }
    try end.outcome!.get()
    // The longest that a connection outlives its app: TIME-WAIT.
    try run(for: .seconds(150))
    for machine in [self.client, self.server] {
      #expect(
        machine.pool.available == machine.pool.capacity,
        "packets are lost",
        sourceLocation: sourceLocation
      )
      #expect(machine.host.waits.count == 0, sourceLocation: sourceLocation)
    }
  }
}

/// How an app ended, once it has.
private final class Ended: @unchecked Sendable {
  var outcome: Result<Void, any Error>?
}

extension Connection {
  /// All that comes until the end.
  func readAll() async -> [UInt8] {
    var all: [UInt8] = []
    while let bytes = await read() { bytes.append(to: &all) }
    return all
  }
}

extension ReceivedBytes {
  /// Puts a copy of the bytes behind `array`.
  func append(to array: inout [UInt8]) {
    for index in 0..<count { array.append(self[index]) }
  }

  /// A copy of the bytes.
  var array: [UInt8] { (0..<count).map { self[$0] } }
}
