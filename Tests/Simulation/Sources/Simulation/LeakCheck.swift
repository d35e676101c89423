import Net

extension Simulation {
  /// Lets all come to rest, and looks for what is left: every packet has to be
  /// back, every connection gone, and no time awaited. What the stack has from
  /// the heap has to be back when it ends, or it traps.
  package func checkForLeaks() throws(Failure) {
    // The longest that is waited for: TIME-WAIT, or a peer that is gone.
    try runDry(limit: .seconds(400))
    for machine in machines {
      let what = "machine \(machine.number)"
      try require(
        machine.flows.allSatisfy { $0.isOver },
        "\(what): flows are not over"
      )
      let connections = machine.stack.connectionCount
      try require(connections == 0, "\(what): \(connections) connections")
      try require(
        machine.stack.nextDeadline() == nil,
        "\(what) waits for something"
      )
      try require(
        !machine.stack.hasUnacknowledged,
        "\(what): something is not acknowledged"
      )
      for pool in [machine.pool, machine.devicePool] {
        try require(
          pool.available == pool.capacity,
          "\(what): \(pool.capacity - pool.available) packets are missing"
        )
      }
    }
  }
}
