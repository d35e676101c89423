import Apus
import Testing
import TestMachines

/// Lets a machine begin to connect `count` times to another that never answers,
/// and returns what `body` makes of that.
func withUnansweredConnections<Result>(
  _ count: Int,
  _ body: (System) throws -> Result
) throws -> Result {
  var options = TestNetwork.Options()
  options.tcpLimits.connections = max(count, 64)
  let network = TestNetwork(client: options)
  // The announcements of the addresses leave, and come back to their pools.
  try network.run()
  network.loses = { _, _ in true }
  let system = network.client.system
  let tasks = (0..<count).map { _ in
    Task(executorPreference: network.executor) {
      try await system.network.connect(to: network.server.endpoint(9))
    }
  }
  network.executor.runReadyJobs()
  #expect(system.network.connectionCount == count)
  let result = try body(system)
  for task in tasks { task.cancel() }
  try network.run(for: .seconds(10))
  #expect(system.network.connectionCount == 0)
  return result
}
