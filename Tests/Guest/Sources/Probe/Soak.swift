import ArgumentParser
import Deadlines
import NIOCore
import NIOPosix

/// Everything at once, for as long as is wanted: bulk into the peer, out of it
/// and both ways, small exchanges on many connections, and round trips of 64
/// bytes. Fails as soon as one of all these streams stands still.
struct Soak: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP echo, discard and chargen at once; none may ever stall."
  )

  @Option(help: "The IPv4 address.")
  var host: String

  @Option(help: "How long.")
  var seconds = 10

  @Option(help: "Fails when one stream stands still for so many seconds.")
  var stall = 5

  @Option(help: "Connections with small exchanges.")
  var connections = 64

  @Option(help: "Of the random bytes; chosen and said when not given.")
  var seed: UInt64?

  private static let echoPort = 7
  private static let discardPort = 9
  private static let characterPort = 19
  private static let pieceSize = 32_768
  private static let mostSmallBytes = 8_192
  private static let roundTripBytes = 64

  func run() async throws {
    let seed = seed ?? UInt64.random(in: 0...UInt64.max)
    let streams = streams(seed: seed)
    do {
      try await run(streams.map(\.progress), streams.map(\.body))
    } catch {
      let states = streams.map { "\n  \($0.progress)" }.joined()
      throw ProbeFailure("\(error) (--seed \(seed))\(states)")
    }
    for stream in streams.prefix(streams.count - connections) {
      print("soak: \(stream.progress)")
    }
    let small = streams.suffix(connections).map(\.progress.count)
    print(
      "soak: \(connections) small connections:"
        + " \(small.min() ?? 0) to \(small.max() ?? 0) bytes each,"
        + " \(small.reduce(0, +)) in all"
    )
  }

  private struct Stream: Sendable {
    let progress: StreamProgress
    let body: @Sendable () async throws -> Void
  }

  private func streams(seed: UInt64) -> [Stream] {
    let bytes = CyclicBytes(seed: seed)
    var streams: [Stream] = []
    func add(
      _ name: String,
      _ body: @escaping @Sendable (StreamProgress) async throws -> Void
    ) {
      let progress = StreamProgress(name)
      streams.append(Stream(progress: progress) { try await body(progress) })
    }
    add("bulk in") { try await discard(bytes, $0) }
    add("bulk out") { try await readCharacters($0) }
    for index in 1...2 {
      add("bulk both ways \(index)") { try await echo(bytes, $0) }
    }
    add("round trips of 64 bytes") {
      try await exchange(bytes, $0) { Self.roundTripBytes }
    }
    for index in 0..<connections {
      add("small connection \(index)") {
        var sizes = SeededBytes(seed: seed &+ UInt64(index))
        try await exchange(bytes, $0) {
          Int(sizes.nextWord() % UInt64(Self.mostSmallBytes)) + 1
        }
      }
    }
    return streams
  }

  /// Runs all until the time is over, or one fails, ends or stands still.
  private func run(
    _ progress: [StreamProgress],
    _ bodies: [@Sendable () async throws -> Void]
  ) async throws {
    try await withThrowingTaskGroup { group in
      for (progress, body) in zip(progress, bodies) {
        group.addTask {
          try await body()
          if !Task.isCancelled {
            throw ProbeFailure("\(progress.name) has ended")
          }
        }
      }
      group.addTask {
        try await StreamProgress.watch(
          progress,
          for: .seconds(seconds),
          patience: .seconds(stall)
        )
      }
      // Of all of them, the watch alone may return.
      try await group.next()
      group.cancelAll()
      while let end = await group.nextResult() {
        // A connection that is cut off is an error too, but no finding.
        if case .failure(let error as ProbeFailure) = end { throw error }
      }
    }
  }

  // MARK: The streams

  private func connect(_ port: Int) async throws -> ByteChannel {
    try await Service.connect(to: host, port: port, within: stall)
      .asByteChannel()
  }

  /// Writes, and waits until the system has taken the bytes: an async channel
  /// takes many megabytes when it is busy, and the stream is said to move.
  private func write(_ piece: ByteBuffer, to channel: ByteChannel) async throws
  {
    try await withTaskCancellationHandler {
      try await channel.channel.writeAndFlush(piece)
    } onCancel: {
      channel.channel.close(promise: nil)
    }
  }

  private func discard(
    _ bytes: CyclicBytes,
    _ progress: StreamProgress
  ) async throws {
    let channel = try await connect(Self.discardPort)
    try await channel.executeThenClose { _, _ in
      while !Task.isCancelled {
        let piece = bytes.piece(at: progress.count, atMost: Self.pieceSize)
        try await write(piece, to: channel)
        progress.add(piece.readableBytes)
      }
    }
  }

  private func readCharacters(_ progress: StreamProgress) async throws {
    let address = try SocketAddress(ipAddress: host, port: Self.characterPort)
    // The peer speaks first, so its bytes are wanted from the start on.
    let channel = try await ClientBootstrap(
      group: .singletonMultiThreadedEventLoopGroup
    ).connect(to: address) { channel in
      channel.eventLoop.makeCompletedFuture {
        try ByteChannel(wrappingChannelSynchronously: channel)
      }
    }
    try await channel.executeThenClose { inbound, _ in
      for try await piece in inbound {
        try CharacterGenerator.characters.compare(piece, at: progress.count)
        progress.add(piece.readableBytes)
      }
    }
  }

  private func echo(
    _ bytes: CyclicBytes,
    _ progress: StreamProgress
  ) async throws {
    let channel = try await connect(Self.echoPort)
    try await channel.executeThenClose { inbound, _ in
      try await withThrowingTaskGroup { group in
        group.addTask {
          var sent = 0
          while !Task.isCancelled {
            let piece = bytes.piece(at: sent, atMost: Self.pieceSize)
            try await write(piece, to: channel)
            sent += piece.readableBytes
          }
        }
        group.addTask {
          for try await piece in inbound {
            try bytes.compare(piece, at: progress.count)
            progress.add(piece.readableBytes)
          }
        }
        try await group.next()
        group.cancelAll()
      }
    }
  }

  /// Sends so many bytes and waits until they are back, again and again.
  private func exchange(
    _ bytes: CyclicBytes,
    _ progress: StreamProgress,
    size: () -> Int
  ) async throws {
    let channel = try await connect(Self.echoPort)
    try await channel.executeThenClose { inbound, outbound in
      var pieces = inbound.makeAsyncIterator()
      while !Task.isCancelled {
        let piece = bytes.piece(at: progress.count, atMost: size())
        let end = progress.count + piece.readableBytes
        try await outbound.write(piece)
        while progress.count < end {
          guard let piece = try await pieces.next() else { return }
          try bytes.compare(piece, at: progress.count)
          progress.add(piece.readableBytes)
        }
      }
    }
  }
}
