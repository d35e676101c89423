import ArgumentParser
import Deadlines
import Glibc
import NIOCore
import NIOPosix

/// Clients that go away in the middle of things, with a reset.
struct Abort: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP: resets connections while both ends have much to send."
  )

  @OptionGroup var service: Service

  @Option(help: "Connections, all at once.")
  var connections = 32

  @Option(help: "After how many bytes that came; none are sent if it is 0.")
  var bytes = 65_536

  func run() async throws {
    try await withDeadline(service.limit, waitingFor: "\(bytes) bytes each") {
      try await withThrowingDiscardingTaskGroup { group in
        for index in 0..<connections {
          group.addTask { try await abort(seed: UInt64(index)) }
        }
      }
    }
    print("abort: \(connections) connections after \(bytes) bytes each")
  }

  private func abort(seed: UInt64) async throws {
    let channel = try await service.connect()
    guard let options = channel as? any SocketOptionProvider else {
      throw ProbeFailure("a connection without options")
    }
    // socket(7): a close with no time to linger is a reset.
    try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    try await channel.asByteChannel().executeThenClose { inbound, outbound in
      guard bytes > 0 else { return }
      try await withThrowingTaskGroup { group in
        let content = SeededBytes.buffer(seed: seed, count: 32_768)
        // More than what is waited for, so that some is always under way.
        group.addTask {
          for _ in 0..<4 * bytes / content.readableBytes {
            try await outbound.write(content)
          }
        }
        defer { group.cancelAll() }
        var count = 0
        for try await piece in inbound {
          count += piece.readableBytes
          if count >= bytes { return }
        }
        throw ProbeFailure("ended after \(count) bytes")
      }
    }
  }
}
