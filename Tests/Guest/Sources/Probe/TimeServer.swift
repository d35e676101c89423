import ArgumentParser
import NIOCore
import NIOPosix

/// A time server, RFC 4330 §6, for whom it is whatever time it is told.
struct TimeServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "SNTP: tells all who ask what time it is, until it is ended."
  )

  @Option(help: "The address to serve on, port 123.")
  var on: String

  @Option(help: "What time it is at the start, in seconds since 1900.")
  var seconds: UInt32

  private typealias Envelope = AddressedEnvelope<ByteBuffer>

  private static let port = 123
  private static let messageSize = 48
  /// Where the client's own time is.
  private static let transmitTimestamp = 40

  func run() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let socket = try await DatagramBootstrap(
      group: .singletonMultiThreadedEventLoopGroup
    ).bind(host: on, port: Self.port) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<Envelope, Envelope>(
          wrappingChannelSynchronously: channel
        )
      }
    }
    say("time-server: ready")
    try await socket.executeThenClose { inbound, outbound in
      for try await question in inbound {
        let elapsed = UInt32((clock.now - start).components.seconds)
        guard let answer = answer(to: question.data, at: seconds + elapsed)
        else { continue }
        try await outbound.write(
          Envelope(remoteAddress: question.remoteAddress, data: answer)
        )
        say("time-server: asked")
      }
    }
  }

  private func answer(to question: ByteBuffer, at now: UInt32) -> ByteBuffer? {
    guard question.readableBytes >= Self.messageSize,
      let originate = question.getInteger(
        at: question.readerIndex + Self.transmitTimestamp,
        as: UInt64.self
      )
    else { return nil }
    let time = UInt64(now) << 32
    var answer = ByteBuffer()
    // No leap second, version 4, server; stratum 1; polled each 64 s; 1 s.
    answer.writeBytes([0b00_100_100, 1, 6, 0])
    answer.writeRepeatingByte(0, count: 8)
    answer.writeString("LOCL")
    for timestamp in [time, originate, time, time] {
      answer.writeInteger(timestamp)
    }
    return answer
  }
}
