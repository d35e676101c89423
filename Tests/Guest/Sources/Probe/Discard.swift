import ArgumentParser
import Deadlines
import NIOCore

/// TCP discard, RFC 863: everything is taken, nothing comes back.
struct Discard: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP discard: sends bytes and expects none, then a close."
  )

  @OptionGroup var service: Service

  @Option(help: "How many bytes.")
  var bytes = 65_536

  func run() async throws {
    try await withDeadline(service.limit, waitingFor: "the close") {
      let channel = try await service.connect().asByteChannel()
      try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(SeededBytes.buffer(seed: 0, count: bytes))
        outbound.finish()
        for try await piece in inbound {
          throw ProbeFailure("\(piece.readableBytes) bytes came back")
        }
      }
    }
    print("discard: \(bytes) bytes taken")
  }
}
