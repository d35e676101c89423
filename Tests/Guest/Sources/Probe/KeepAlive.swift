import ArgumentParser
import Deadlines
import Glibc
import NIOCore

/// An idle connection whose peer is asked whether it is still there.
/// RFC 9293 §3.8.4.
struct KeepAlive: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keepalive",
    abstract: """
      TCP echo: is silent while the system asks each second whether the peer is \
      still there, and then goes on.
      """
  )

  @OptionGroup var service: Service

  @Option(help: "How long it is silent, in seconds.")
  var idle = 8

  /// tcp(7): after how many seconds the peer is asked first, and how often
  /// then; three questions without an answer end the connection.
  private static let settings: [(CInt, Int)] = [
    (TCP_KEEPIDLE, 1), (TCP_KEEPINTVL, 1), (TCP_KEEPCNT, 3),
  ]

  func run() async throws {
    try await withDeadline(service.limit, waitingFor: "the echo") {
      let channel = try await service.connect()
      try await channel.setOption(.socketOption(.so_keepalive), value: 1).get()
      for (name, value) in Self.settings {
        try await channel.setOption(
          .tcpOption(.init(rawValue: name)),
          value: value
        ).get()
      }
      let bytes = try await channel.asByteChannel()
      try await bytes.executeThenClose { inbound, outbound in
        say("keepalive: idle")
        // The passing of time is what the connection has to bear.
        try await Task.sleep(for: .seconds(idle))
        guard channel.isActive else {
          throw ProbeFailure("the peer did not answer, the system gave it up")
        }
        let content = SeededBytes.buffer(seed: 0, count: 1000)
        try await outbound.write(content)
        var comparison = Comparison(expecting: content, name: "the echo")
        for try await piece in inbound {
          try comparison.receive(piece)
          if comparison.isComplete { return }
        }
        throw ProbeFailure("ended after \(comparison.receivedCount) bytes")
      }
    }
    print("keepalive: goes on after \(idle) s")
  }
}
