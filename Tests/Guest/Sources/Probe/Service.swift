import ArgumentParser
import Glibc
import NIOCore
import NIOPosix

/// Which service, and how long it has.
struct Service: ParsableArguments {
  @Option(help: "The IPv4 address.")
  var host = "127.0.0.1"

  @Option(help: "The port.")
  var port: Int

  @Option(help: "Fails when all is not done after so many seconds.")
  var within = 30

  var limit: Duration { .seconds(within) }

  var address: SocketAddress {
    get throws { try SocketAddress(ipAddress: host, port: port) }
  }

  /// Connects by TCP; either side may then end its direction alone.
  ///
  /// - Throws: ``ConnectFailure``.
  func connect() async throws -> any Channel {
    try await Self.connect(to: host, port: port, within: within)
  }

  /// Connects by TCP to another service than this one.
  static func connect(
    to host: String,
    port: Int,
    within seconds: Int
  ) async throws -> any Channel {
    do {
      return try await ClientBootstrap(
        group: .singletonMultiThreadedEventLoopGroup
      )
      .channelOption(.allowRemoteHalfClosure, value: true)
      .connectTimeout(.seconds(Int64(seconds)))
      .connect(to: SocketAddress(ipAddress: host, port: port))
      .get()
    } catch {
      throw ConnectFailure(host: host, port: port, cause: error)
    }
  }
}

/// A connection that did not come about.
struct ConnectFailure: Error, CustomStringConvertible {
  let host: String
  let port: Int
  let cause: any Error

  /// Whether the peer answered with a reset.
  var isRefusal: Bool { (cause as? IOError)?.errnoCode == ECONNREFUSED }

  var description: String { "cannot connect to \(host):\(port): \(cause)" }
}

/// A connection as two sequences of buffers.
typealias ByteChannel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

extension Channel {
  /// Reads and writes the channel as sequences. Nothing may have arrived yet
  /// that would be missed: the peer speaks second.
  func asByteChannel() async throws -> ByteChannel {
    try await eventLoop.submit {
      try ByteChannel(
        wrappingChannelSynchronously: self,
        configuration: .init(isOutboundHalfClosureEnabled: true)
      )
    }.get()
  }
}
