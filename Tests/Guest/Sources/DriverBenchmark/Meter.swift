import GuestHarness

/// Reads what the guest has spent, and takes out what reading costs.
struct Meter {
  let demo: TAPDemo
  let log: AccessLog

  private struct Reading {
    let page: StatusPage
    let accesses: AccessLog.Counts

    /// What was spent between `earlier` and this.
    func cost(since earlier: Reading) -> Cost {
      let accesses = self.accesses - earlier.accesses
      let name = "cpu: busy ticks"
      return Cost(
        instructions: Double(page.counter(name) - earlier.page.counter(name)),
        device: Double(accesses.device),
        controller: Double(accesses.controller + accesses.other),
        interrupts: Double(accesses.interrupts)
      )
    }
  }

  private func read() async throws -> Reading {
    let page = try await demo.statusPage()
    return Reading(page: page, accesses: try log.counts())
  }

  /// What `body` costs, and by how much it raised the counter called `name`.
  func measure(
    counting name: String = "",
    _ body: () async throws -> Void
  ) async throws -> (cost: Cost, count: Double) {
    let first = try await read()
    let second = try await read()
    try await body()
    let third = try await read()
    let cost = third.cost(since: second) - second.cost(since: first)
    let counts = [first, second, third].map { $0.page.counter(name) }
    return (cost, Double(counts[2] - counts[1] - (counts[1] - counts[0])))
  }
}
