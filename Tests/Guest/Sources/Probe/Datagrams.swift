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
    try await client.executeThenClose { inbound, outbound in
      try await silent.executeThenClose { _, silentOutbound in
        var replies = inbound.makeAsyncIterator()
        var sent = 0
        while sent < count {
          let datagram = Envelope(
            remoteAddress: peer,
            data: SeededBytes.buffer(seed: UInt64(sent), count: size)
          )
          let unanswered = answered ? 0 : burst - 1
          try await silentOutbound.write(
            contentsOf: repeatElement(datagram, count: unanswered)
          )
          try await outbound.write(
            contentsOf: repeatElement(datagram, count: burst - unanswered)
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

  private static func socket(port: Int) async throws -> DatagramChannel {
    try await DatagramBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "0.0.0.0", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try DatagramChannel(wrappingChannelSynchronously: channel)
        }
      }
  }
}
