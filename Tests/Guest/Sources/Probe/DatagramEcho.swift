import ArgumentParser
import Deadlines
import NIOCore
import NIOPosix

/// UDP echo, RFC 862: each datagram comes back whole.
struct DatagramEcho: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "udp-echo",
    abstract: "UDP echo: sends datagrams one by one and compares each."
  )

  @OptionGroup var service: Service

  @Option(
    parsing: .upToNextOption,
    help: "Bytes of each datagram; 1472 fill an Ethernet frame."
  )
  var sizes = [0, 1, 2, 511, 1471, 1472]

  private typealias Envelope = AddressedEnvelope<ByteBuffer>

  func run() async throws {
    try await withDeadline(service.limit, waitingFor: "every datagram") {
      let peer = try service.address
      let channel = try await DatagramBootstrap(
        group: .singletonMultiThreadedEventLoopGroup
      ).connect(to: peer) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<Envelope, Envelope>(
            wrappingChannelSynchronously: channel
          )
        }
      }
      try await channel.executeThenClose { inbound, outbound in
        var replies = inbound.makeAsyncIterator()
        for size in sizes {
          let bytes = SeededBytes.buffer(seed: UInt64(size), count: size)
          try await outbound.write(
            Envelope(remoteAddress: peer, data: bytes)
          )
          guard let reply = try await replies.next() else {
            throw ProbeFailure("no reply to \(size) bytes")
          }
          guard reply.data == bytes else {
            throw ProbeFailure(
              "sent \(size) bytes, \(reply.data.readableBytes) others came"
            )
          }
        }
      }
    }
    print("udp-echo: \(sizes.count) datagrams, all back")
  }
}
