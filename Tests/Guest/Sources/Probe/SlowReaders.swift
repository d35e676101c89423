import ArgumentParser
import NIOCore
import NIOPosix

/// Connections of which nothing is read: to a service that sends for ever, or to
/// one that sends back what it gets, and gets all that it takes.
struct SlowReaders: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP: connects often and reads nothing, until it is ended."
  )

  @OptionGroup var service: Service

  @Option(help: "Connections.")
  var connections = 1000

  @Flag(help: "Writes all that the peer takes, up to 4 MiB a connection.")
  var writing = false

  /// How many are being made at once: less than any backlog.
  private static let atOnce = 32

  func run() async throws {
    try raiseDescriptorLimit(for: connections)
    var channels: [any Channel] = []
    while channels.count < connections {
      let more = min(Self.atOnce, connections - channels.count)
      channels += try await withThrowingTaskGroup { group in
        for _ in 0..<more { group.addTask { try await connect() } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
    }
    if writing {
      // All write the same bytes, so there is one copy of them.
      let bytes = SeededBytes.buffer(seed: 0, count: 4 << 20)
      for channel in channels { channel.writeAndFlush(bytes, promise: nil) }
    }
    say("slow-readers: \(channels.count) connected")
    // What ends it is a signal.
    for channel in channels { try await channel.closeFuture.get() }
    throw ProbeFailure("the peer has closed all of them")
  }

  private func connect() async throws -> any Channel {
    try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelOption(.autoRead, value: false)
      .channelOption(.socketOption(.so_rcvbuf), value: 4096)
      .connectTimeout(.seconds(Int64(service.within)))
      .connect(to: service.address)
      .get()
  }
}
