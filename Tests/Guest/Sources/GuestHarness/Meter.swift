/// Reads what the guest has spent, and takes out what reading costs.
public struct Meter {
  /// The guest.
  public let demo: TAPDemo
  private let log: AccessLog

  /// Reads the status page of `demo`, and `log`.
  public init(_ demo: TAPDemo, _ log: AccessLog) {
    self.demo = demo
    self.log = log
  }

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

  /// What `body` costs, and by how much it raised the counters called `names`,
  /// together.
  public func measure(
    counting names: String...,
    body: () async throws -> Void
  ) async throws -> (cost: Cost, count: Double) {
    let first = try await read()
    let second = try await read()
    try await body()
    let third = try await read()
    let cost = third.cost(since: second) - second.cost(since: first)
    let counts = [first, second, third].map { reading in
      names.reduce(0) { $0 + reading.page.counter($1) }
    }
    return (cost, Double(counts[2] - counts[1] - (counts[1] - counts[0])))
  }
}
