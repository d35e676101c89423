import ArgumentParser
import Deadlines
import NIOCore
import NIOPosix

/// Many connections at once, most of which are silent, and what the guest says
/// of itself meanwhile.
///
///     rest    before anything
///     idle    all silent ones are connected, and have been answered once
///     open    the busy ones are connected as well
///     busy    those exchange bytes
///     after   those are gone; then each silent one is answered once more
///     end     all are gone
///
/// Prints the guest's status as JSON at each of these, in a line.
struct Crowd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP echo: silent connections, and busy ones beside them."
  )

  @OptionGroup var service: Service

  @Option(help: "Silent connections.")
  var connections = 10_000

  @Option(help: "Busy connections.")
  var busy = 1000

  @Option(help: "Bytes of a busy connection.")
  var bytes = 16_384

  @Option(help: "An address to connect from; several take turns.")
  var from: [String] = []

  @Option(help: "The port that tells of the guest, by HTTP.")
  var statusPort = 80

  @Option(help: "Of the random bytes; chosen and said when not given.")
  var seed: UInt64?

  func run() async throws {
    try raiseDescriptorLimit(for: connections + busy)
    let seed = seed ?? UInt64.random(in: 0...UInt64.max)
    let progress = EchoProgress()
    do {
      try await withDeadline(
        service.limit,
        waitingFor: "a crowd; \(progress)"
      ) { try await run(seed: seed, progress) }
    } catch {
      throw ProbeFailure("\(error) (--seed \(seed))")
    }
  }

  private func run(seed: UInt64, _ progress: EchoProgress) async throws {
    let clock = ContinuousClock()
    let peers = SilentPeers(service: service, from: from)
    try await report("rest")
    let connecting = clock.now
    let idle = try await peers.connect(connections, seed: seed)
    try await report("idle", since: connecting)
    if busy > 0 {
      let busyOnes = try await peers.inTurns(busy) { index in
        let channel = try await peers.bootstrap(index)
          .channelOption(.allowRemoteHalfClosure, value: true)
          .connect(to: service.address).get()
        progress.connected.add(1, ordering: .relaxed)
        return channel
      }
      try await report("open")
      let exchanging = clock.now
      try await withThrowingDiscardingTaskGroup { group in
        for (index, channel) in busyOnes.enumerated() {
          group.addTask {
            try await progress.exchange(
              channel.asByteChannel(),
              SeededBytes.buffer(seed: seed &+ UInt64(index), count: bytes),
              name: "busy connection \(index)"
            )
          }
        }
        group.addTask { try await report("busy") }
      }
      // What was lost of an end is sent again.
      _ = try await status.load(with: connections)
      try await report("after", since: exchanging)
    }
    try await peers.greet(idle, seed: seed &+ 1)
    try await peers.close(idle)
    _ = try await status.load(with: 0)
    try await report("end")
  }

  // MARK: What the guest says

  private var status: StatusOfGuest {
    StatusOfGuest(service: service, port: statusPort)
  }

  private func report(
    _ phase: String,
    since start: ContinuousClock.Instant? = nil
  ) async throws {
    let now = ContinuousClock().now
    let time = start.map { " in \(now - $0)" } ?? ""
    say("crowd: \(phase)\(time): \(try await status.load())")
  }
}
