import ArgumentParser
import Deadlines
import NIOCore
import NIOPosix

/// Lets the guest connect to this machine, which then sends random bytes and
/// compares what comes back.
struct Call: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP: lets a guest that runs Errand connect to us, and echo."
  )

  @OptionGroup var service: Service

  @Option(help: "The address of this machine that the guest connects to.")
  var to: String

  @Option(help: "Bytes a connection.")
  var bytes = 65_536

  @Option(help: "Connections, all open before any sends.")
  var connections = 1

  @Option(help: "The guest resets each after so many bytes.")
  var reset: Int?

  @Option(
    help: """
      Silent for so many seconds before the bytes, while the guest asks each \
      second whether we are there; three probes without an answer end it.
      """
  )
  var silent: Int?

  @Option(help: "Of the random bytes; chosen and said when not given.")
  var seed: UInt64?

  func run() async throws {
    let seed = seed ?? UInt64.random(in: 0...UInt64.max)
    let progress = EchoProgress()
    do {
      try await withDeadline(
        service.limit,
        waitingFor: "all calls; \(progress)"
      ) { try await run(seed: seed, progress) }
    } catch {
      throw ProbeFailure("\(error) (--seed \(seed))")
    }
    let end =
      reset.map { "reset after \($0)" } ?? "\(bytes) bytes each, all back"
    print("call: \(connections) connections, \(end)")
  }

  private func run(seed: UInt64, _ progress: EchoProgress) async throws {
    let server = try await ServerBootstrap(
      group: .singletonMultiThreadedEventLoopGroup
    )
    .serverChannelOption(.backlog, value: Int32(connections))
    .childChannelOption(.allowRemoteHalfClosure, value: true)
    .bind(host: to, port: 0) { channel in
      channel.eventLoop.makeCompletedFuture {
        let watch = ResetWatch()
        try channel.pipeline.syncOperations.addHandler(watch)
        return Caller(channel: channel, watch: watch)
      }
    }
    guard let port = server.channel.localAddress?.port else {
      throw ProbeFailure("no port to be called on")
    }
    try await server.executeThenClose { callers in
      try await withThrowingDiscardingTaskGroup { group in
        for _ in 0..<connections {
          group.addTask { try await ask(port: port) }
        }
        var connected: [Caller] = []
        for try await caller in callers {
          connected.append(caller)
          progress.connected.add(1, ordering: .relaxed)
          if connected.count == connections { break }
        }
        for (index, caller) in connected.enumerated() {
          group.addTask {
            try await serve(caller, seed &+ UInt64(index), progress)
          }
        }
      }
    }
  }

  /// Asks for one call, and for how it ended.
  private func ask(port: Int) async throws {
    let line =
      if let reset {
        "reset \(to) \(port) \(reset)"
      } else if silent != nil {
        "keep \(to) \(port) 3"
      } else {
        "connect \(to) \(port)"
      }
    try await ErrandClient.with(line, of: service) { client in
      try await client.expect("connected")
      let end = try await client.next() ?? ""
      guard reset != nil || end == "ended \(bytes)" else {
        throw ProbeFailure("the guest says '\(end)'")
      }
    }
  }

  private func serve(
    _ caller: Caller,
    _ seed: UInt64,
    _ progress: EchoProgress
  ) async throws {
    if reset != nil {
      try await caller.watch.expectReset(of: caller.channel.asByteChannel())
    } else {
      if let silent {
        // The passing of time is what the connection has to bear.
        try await Task.sleep(for: .seconds(silent))
      }
      try await progress.exchange(
        caller.channel.asByteChannel(),
        SeededBytes.buffer(seed: seed, count: bytes),
        name: "call \(seed)"
      )
    }
  }

  /// A connection that the guest opened. It is made a sequence of buffers by who
  /// serves it, as one that nobody iterates and ends is a fatal error.
  private struct Caller: Sendable {
    let channel: any Channel
    let watch: ResetWatch
  }
}
