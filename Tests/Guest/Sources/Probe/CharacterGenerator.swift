import ArgumentParser
import Deadlines
import NIOCore
import NIOPosix

/// TCP chargen, RFC 864: lines of 72 printable characters, each line beginning
/// one character further on, until the client has enough.
struct CharacterGenerator: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chargen",
    abstract: "TCP chargen: reads lines, compares them, and closes."
  )

  @OptionGroup var service: Service

  @Option(help: "How many bytes to read.")
  var bytes = 100_000

  @Option(help: "Reads nothing for so many seconds after the first bytes.")
  var pause = 0

  func run() async throws {
    try await withDeadline(service.limit, waitingFor: "\(bytes) characters") {
      // The peer speaks first, so its bytes are wanted from the start on.
      let channel = try await ClientBootstrap(
        group: .singletonMultiThreadedEventLoopGroup
      ).connect(to: service.address) { channel in
        channel.eventLoop.makeCompletedFuture {
          try ByteChannel(wrappingChannelSynchronously: channel)
        }
      }
      try await channel.executeThenClose { inbound, _ in
        var offset = 0
        for try await piece in inbound {
          if offset == 0 {
            say("chargen: reads")
            // The passing of time is what the peer has to bear.
            try await Task.sleep(for: .seconds(pause))
          }
          try Self.characters.compare(piece, at: offset)
          offset += piece.readableBytes
          if offset >= bytes { return }
        }
        throw ProbeFailure("ended after \(offset) characters")
      }
    }
    print("chargen: \(bytes) characters as in RFC 864")
  }

  /// RFC 864's example pattern, from the space to the tilde and round.
  static let characters = CyclicBytes(
    ByteBuffer(bytes: (0..<95 * 74).map { character(at: $0) })
  )

  private static func character(at offset: Int) -> UInt8 {
    let (line, column) = offset.quotientAndRemainder(dividingBy: 74)
    return switch column {
    case 72: 0x0D
    case 73: 0x0A
    default: UInt8(0x20 + (line + column) % 95)
    }
  }
}
