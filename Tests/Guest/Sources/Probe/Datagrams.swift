import ArgumentParser
import Deadlines
import NIOCore
import NIOPosix

/// Many datagrams to UDP echo, for what one costs: a few at once, then as many
/// again when the peer has them all.
struct Datagrams: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "UDP: sends many datagrams, of which all or few come back.",
    discussion: """
      A service does not answer another one, so those that come from a port \
      below 1024 are not answered: to send from one takes root.
      """
  )

  @OptionGroup var service: Service

  @Option(help: "How many.")
  var count = 1024

  @Option(help: "Bytes of each.")
  var size = 22

  @Option(help: "How many at once.")
  var burst = 32

  @Flag(help: "The peer answers each, not only the last of those at once.")
  var answered = false

  private typealias Envelope = AddressedEnvelope<ByteBuffer>
  private typealias DatagramChannel = NIOAsyncChannel<Envelope, Envelope>

  /// A port of a service, here that of discard.
  private static let servicePort = 9

  func run() async throws {
    guard burst > 0, count % burst == 0 else {
      throw ProbeFailure("--count \(count) is no multiple of --burst \(burst)")
    }
    try await withDeadline(service.limit, waitingFor: "\(count) datagrams") {
      try await exchange()
    }
    print("datagrams: \(count) of \(size) bytes")
  }

  private func exchange() async throws {
    let peer = try service.address
    let client = try await Self.socket(port: 0)
    let silent = try await Self.socket(port: answered ? 0 : Self.servicePort)
    try await client.executeThenClose { inbound, _ in
      try await silent.executeThenClose { _, _ in
        var replies = inbound.makeAsyncIterator()
        var sent = 0
        while sent < count {
          let datagram = Envelope(
            remoteAddress: peer,
            data: SeededBytes.buffer(seed: UInt64(sent), count: size)
          )
          let unanswered = answered ? 0 : burst - 1
          try await Self.send(datagram, times: unanswered, on: silent.channel)
          try await Self.send(
            datagram,
            times: burst - unanswered,
            on: client.channel
          )
          for _ in unanswered..<burst {
            guard let reply = try await replies.next() else {
              throw ProbeFailure("no reply to datagram \(sent)")
            }
            guard reply.data == datagram.data else {
              throw ProbeFailure("another reply to datagram \(sent)")
            }
          }
          sent += burst
        }
      }
    }
  }

  /// Sends the same so often, and waits until the system has taken all.
  private static func send(
    _ datagram: Envelope,
    times: Int,
    on channel: any Channel
  ) async throws {
    guard times > 0 else { return }
    for _ in 1..<times { channel.write(datagram, promise: nil) }
    try await channel.writeAndFlush(datagram)
  }

  private static func socket(port: Int) async throws -> DatagramChannel {
    try await DatagramBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "0.0.0.0", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try DatagramChannel(wrappingChannelSynchronously: channel)
        }
      }
  }
}
