import ArgumentParser
import Deadlines

/// TCP echo, RFC 862: what is sent comes back, byte for byte, and the peer
/// closes after we do.
struct Echo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP echo: sends random bytes and compares what comes back."
  )

  @OptionGroup var service: Service

  @Option(help: "Bytes a connection.")
  var bytes = 65_536

  @Option(help: "Connections, all open before any sends.")
  var connections = 1

  @Option(help: "Of the random bytes; chosen and said when not given.")
  var seed: UInt64?

  func run() async throws {
    let seed = seed ?? UInt64.random(in: 0...UInt64.max)
    let progress = EchoProgress()
    do {
      try await withDeadline(
        service.limit,
        waitingFor: "all echoes; \(progress)"
      ) { try await run(seed: seed, progress) }
    } catch {
      throw ProbeFailure("\(error) (--seed \(seed))")
    }
    print("echo: \(connections) connections, \(bytes) bytes each, all back")
  }

  private func run(seed: UInt64, _ progress: EchoProgress) async throws {
    let channels = try await withThrowingTaskGroup { group in
      for _ in 0..<connections {
        group.addTask {
          let channel = try await service.connect()
          progress.connected.add(1, ordering: .relaxed)
          return channel
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    try await withThrowingDiscardingTaskGroup { group in
      for (index, channel) in channels.enumerated() {
        group.addTask {
          try await progress.exchange(
            channel.asByteChannel(),
            SeededBytes.buffer(seed: seed &+ UInt64(index), count: bytes),
            name: "connection \(index)"
          )
        }
      }
    }
  }
}
