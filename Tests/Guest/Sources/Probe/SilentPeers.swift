import Deadlines
import NIOCore
import NIOPosix

/// Connections to an echo that are silent, but for a few bytes when they are
/// asked to say something.
struct SilentPeers {
  let service: Service
  /// Addresses to connect from, which take turns; none: any.
  var from: [String] = []

  /// How many do something at once: less than any backlog.
  private static let atOnce = 64
  /// What one says, in bytes.
  private static let greeting = 24

  /// Connects as often, and lets each say something.
  func connect(_ count: Int, seed: UInt64) async throws -> [any Channel] {
    let channels = try await inTurns(count) { try await connect($0) }
    try await greet(channels, seed: seed)
    return channels
  }

  /// The connection of that number.
  func connect(_ index: Int) async throws -> any Channel {
    try await bootstrap(index).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(IdlePeer())
      }
    }.connect(to: service.address).get()
  }

  /// Each says something, and gets it back.
  func greet(_ channels: [any Channel], seed: UInt64) async throws {
    _ = try await inTurns(channels.count) { index in
      try await greet(channels[index], seed: seed &+ UInt64(index))
    }
  }

  /// One says something, and gets it back.
  func greet(_ channel: any Channel, seed: UInt64) async throws {
    let bytes = SeededBytes.buffer(seed: seed, count: Self.greeting)
    try await IdlePeer.exchange(bytes, on: channel).get()
  }

  /// Closes all of them.
  func close(_ channels: [any Channel]) async throws {
    _ = try await inTurns(channels.count) { try await channels[$0].close() }
  }

  /// How the connection of that number is made.
  func bootstrap(_ index: Int) throws -> ClientBootstrap {
    let plain = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.seconds(Int64(service.within)))
    guard !from.isEmpty else { return plain }
    return plain.bind(
      to: try SocketAddress(ipAddress: from[index % from.count], port: 0)
    )
  }

  /// Does `body` so many times, some at once.
  func inTurns<Result: Sendable>(
    _ count: Int,
    _ body: @escaping @Sendable (Int) async throws -> Result
  ) async throws -> [Result] {
    var results: [Result] = []
    while results.count < count {
      let first = results.count
      results += try await withThrowingTaskGroup { group in
        for index in first..<min(first + Self.atOnce, count) {
          group.addTask { try await body(index) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
    }
    return results
  }
}

/// What the guest says of itself, on `port`.
struct StatusOfGuest {
  let service: Service
  let port: Int

  /// Its JSON.
  func load() async throws -> String {
    try await Page.load("/status.json", host: service.host, port: port)
  }

  /// The same once it has `connections`, that of the question not counted.
  func load(with connections: Int) async throws -> String {
    while true {
      let status = try await load()
      if status.contains("\"connectionCount\":\(connections + 1),") {
        return status
      }
    }
  }
}
