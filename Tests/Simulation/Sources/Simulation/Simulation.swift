import Net

/// Machines, the wire between them, and the time, which leaps to what comes
/// next. All that happens follows from the seed and from what is called.
///
///     Machine 0 --Path 0>1--> Machine 1        every pair has a path
///     10.0.0.1 <--Path 1>0--- 10.0.0.2  ...    in each direction
package final class Simulation {
  private enum Event {
    case departs(Frame, from: Int)
    case arrives(Frame, at: Int)
    case change((Simulation) -> Void)
  }

  package let seed: UInt64
  package private(set) var now = Instant(nanoseconds: 1_000_000_000)
  package let machines: [Machine]
  package var wire: Wire
  /// Every frame that is sent, if it is wanted.
  package var capture: Capture?
  /// How often anything was done.
  package private(set) var steps = 0
  private var queue = EventQueue<Event>()
  private var stepsAtThisTime = 0
  private var flowCount = 0

  package init(seed: UInt64, _ settings: [MachineSettings]) {
    self.seed = seed
    let start = now
    machines = settings.enumerated().map { number, settings in
      Machine(number: number, settings, seed: seed, at: start)
    }
    wire = Wire(machines: settings.count, seed: seed)
  }

  // MARK: What happens from outside

  /// Lets `change` happen at `instant`.
  package func at(_ instant: Instant, _ change: @escaping (Simulation) -> Void)
  {
    queue.add(.change(change), at: instant)
  }

  /// Takes the link of a machine down, or brings it up. What is under way to it
  /// is lost.
  package func setLink(of machine: Int, up isUp: Bool) {
    machines[machine].isLinkUp = isUp
    machines[machine].stack.setLink(up: isUp, at: now)
  }

  /// Accepts on machine `server` at `port` connections that do what `plan`
  /// says.
  package func serve(
    on server: Int,
    port: UInt16,
    backlog: Int = 128,
    _ plan: Plan
  ) throws(NetworkError) {
    let machine = machines[server]
    try machine.listen(port, backlog: backlog) { [unowned machine] id in
      // The client's port tells which of its flows it is.
      let remote = Int(machine.stack.remote(of: id)?.port ?? 0)
      return Flow(id, plan, writes: remote + 1, reads: remote)
    }
  }

  /// Connects from one machine to `port` of another.
  @discardableResult
  package func connect(
    from client: Int,
    to server: Int,
    port: UInt16,
    _ plan: Plan
  ) throws(NetworkError) -> Flow {
    let machine = machines[client]
    return try machine.connect(to: machines[server], port, at: now) { id in
      let local = Int(machine.stack.local(of: id)?.port ?? 0)
      return Flow(id, plan, writes: local, reads: local + 1)
    }
  }

  // MARK: Running

  /// Lets everything happen until `isDone`.
  ///
  /// - Throws: What went against the rules; that nothing is left to happen, or
  ///   that `limit` has passed, before `isDone` holds.
  package func run(
    limit: Interval,
    until isDone: () -> Bool
  ) throws(Failure) {
    let end = now + limit
    try turnAll(at: now)
    while !isDone() {
      guard let next else { throw Failure("nothing is left to happen") }
      guard next <= end else {
        throw Failure("not done after \(limit.milliseconds) ms")
      }
      try step(to: next)
    }
  }

  /// Lets everything happen for a time.
  package func run(for interval: Interval) throws(Failure) {
    let end = now + interval
    try turnAll(at: now)
    while let next, next <= end { try step(to: next) }
    now = end
  }

  /// Lets everything happen until nothing is left to, or `limit` has passed.
  package func runDry(limit: Interval) throws(Failure) {
    let end = now + limit
    try turnAll(at: now)
    while let next {
      guard next <= end else {
        throw Failure("still at work after \(limit.milliseconds) ms")
      }
      try step(to: next)
    }
  }

  private var next: Instant? {
    var first = queue.deadline
    for machine in machines {
      guard let due = machine.deadline else { continue }
      first = min(first ?? due, due)
    }
    return first
  }

  private func step(to next: Instant) throws(Failure) {
    steps += 1
    stepsAtThisTime = next > now ? 0 : stepsAtThisTime + 1
    try require(stepsAtThisTime < 10_000, "the time stands still")
    now = max(now, next)
    while let event = queue.next(at: now) { try happen(event) }
    for machine in machines {
      if let due = machine.deadline, due <= now { try turn(machine) }
    }
  }

  private func happen(_ event: Event) throws(Failure) {
    switch event {
    case .departs(let frame, let from):
      for to in wire.receivers(of: frame, from: from) where to != from {
        carry(frame, from: from, to: to)
      }
    case .arrives(let frame, let to):
      if machines[to].isLinkUp { try machines[to].arrive(frame, at: now) }
    case .change(let change):
      change(self)
      try turnAll(at: now)
    }
  }

  private func carry(_ frame: Frame, from: Int, to: Int) {
    // The path is changed while it adds to the queue.
    var arrivals: [(Frame, at: Int, Instant)] = []
    wire[from, to].carry(frame, at: now) { frame, instant in
      arrivals.append((frame, to, instant))
    } tell: { frame, instant in
      arrivals.append((frame, from, instant))
    }
    for (frame, machine, instant) in arrivals {
      queue.add(.arrives(frame, at: machine), at: instant)
    }
  }

  private func turnAll(at now: Instant) throws(Failure) {
    for machine in machines { try turn(machine) }
  }

  private func turn(_ machine: Machine) throws(Failure) {
    let number = machine.number
    do throws(Failure) {
      try machine.turn(at: now) { frame, instant in
        capture?.add(frame, at: instant)
        queue.add(.departs(frame, from: number), at: instant)
      }
    } catch {
      throw Failure(
        "machine \(number) at \(now.nanoseconds) ns: \(error.description)"
      )
    }
  }
}
