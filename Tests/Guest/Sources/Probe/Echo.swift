import ArgumentParser
import Deadlines
import NIOCore
import Synchronization

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

  /// How much is handed to the socket at a time.
  private static let pieceSize = 32_768

  func run() async throws {
    let seed = seed ?? UInt64.random(in: 0...UInt64.max)
    let progress = Progress()
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

  private func run(seed: UInt64, _ progress: Progress) async throws {
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
          try await exchange(
            channel.asByteChannel(),
            SeededBytes.buffer(seed: seed &+ UInt64(index), count: bytes),
            name: "connection \(index)",
            progress
          )
        }
      }
    }
  }

  private func exchange(
    _ channel: ByteChannel,
    _ bytes: ByteBuffer,
    name: String,
    _ progress: Progress
  ) async throws {
    try await channel.executeThenClose { inbound, outbound in
      try await withThrowingTaskGroup { group in
        group.addTask {
          var rest = bytes
          while rest.readableBytes > 0 {
            let count = min(rest.readableBytes, Self.pieceSize)
            if let piece = rest.readSlice(length: count) {
              try await outbound.write(piece)
            }
          }
          outbound.finish()
        }
        group.addTask {
          var comparison = Comparison(expecting: bytes, name: name)
          for try await piece in inbound {
            try comparison.receive(piece)
            progress.received.add(piece.readableBytes, ordering: .relaxed)
          }
          if !comparison.isComplete {
            throw ProbeFailure(
              "\(name) ended after \(comparison.receivedCount) of"
                + " \(bytes.readableBytes) bytes"
            )
          }
        }
        try await group.waitForAll()
      }
    }
  }

  /// How far it went, for the failure message.
  private final class Progress: Sendable, CustomStringConvertible {
    let connected = Atomic(0)
    let received = Atomic(0)

    var description: String {
      "\(connected.load(ordering: .relaxed)) connected,"
        + " \(received.load(ordering: .relaxed)) bytes back"
    }
  }
}
