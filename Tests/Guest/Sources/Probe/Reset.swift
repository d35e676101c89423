import ArgumentParser
import Deadlines
import NIOCore

/// A service that resets whoever has sent it enough.
struct Reset: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP: writes until the peer resets the connection, as it must."
  )

  @OptionGroup var service: Service

  @Option(help: "Connections, one after the other.")
  var connections = 8

  func run() async throws {
    try await withDeadline(service.limit, waitingFor: "the resets") {
      for _ in 0..<connections {
        let channel = try await service.connect()
        let watch = ResetWatch()
        try await channel.pipeline.addHandler(watch).get()
        try await watch.expectReset(of: channel.asByteChannel())
      }
    }
    print("reset: \(connections) connections")
  }
}

extension ResetWatch {
  /// Sends bytes without end, throws away what comes, and fails unless the peer
  /// ends that by a reset.
  func expectReset(of channel: ByteChannel) async throws {
    let bytes = SeededBytes.buffer(seed: 0, count: 32_768)
    // Whether reading or writing throws is a matter of chance.
    try? await channel.executeThenClose { inbound, outbound in
      try await withThrowingTaskGroup { group in
        group.addTask { while true { try await outbound.write(bytes) } }
        group.addTask { for try await _ in inbound {} }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
    guard hasSeenReset else {
      throw ProbeFailure("the connection was closed, and not reset")
    }
  }
}
