import NIOCore

/// Asks a guest that runs Errand for something, and hears what comes of it.
struct ErrandClient {
  private var pieces: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  private var received = ByteBuffer()

  /// Asks for what `line` says, and runs `body` with the answers.
  static func with<Result: Sendable>(
    _ line: String,
    of service: Service,
    body: @Sendable (inout ErrandClient) async throws -> Result
  ) async throws -> Result {
    let channel = try await service.connect().asByteChannel()
    return try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(string: line + "\n"))
      var client = ErrandClient(pieces: inbound.makeAsyncIterator())
      return try await body(&client)
    }
  }

  /// The next line of the answer; `nil` when it is over.
  mutating func next() async throws -> String? {
    while true {
      let view = received.readableBytesView
      if let end = view.firstIndex(of: 0x0A) {
        let line = received.readString(length: end - view.startIndex)
        received.moveReaderIndex(forwardBy: 1)
        return line
      }
      guard let piece = try await pieces.next() else { return nil }
      received.writeImmutableBuffer(piece)
    }
  }

  /// Fails unless the next line is `line`.
  mutating func expect(_ line: String) async throws {
    let answer = try await next()
    guard answer == line else {
      throw ProbeFailure("the guest says '\(answer ?? "")', not '\(line)'")
    }
  }
}
