import ArgumentParser
import Deadlines
import Foundation
import NIOCore
import NIOPosix

/// A peer that writes and never reads: what it gets stays where it is, and so
/// does, after a while, what it writes.
struct Unread: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: """
      TCP: writes until nothing more is taken, says so, and stays connected. \
      Never reads.
      """
  )

  @OptionGroup var service: Service

  @Option(help: "Nothing more is taken when nothing was for so many seconds.")
  var still = 2

  private static let pieceSize = 32_768

  func run() async throws {
    let channel = try await ClientBootstrap(
      group: .singletonMultiThreadedEventLoopGroup
    )
    .channelOption(.autoRead, value: false)
    .connect(to: service.address).get()
    let progress = StreamProgress("what was written")
    try await withThrowingTaskGroup { group in
      group.addTask { try await write(to: channel, progress) }
      group.addTask {
        try await withDeadline(
          service.limit,
          waitingFor: "the peer to take no more; \(progress)"
        ) { try await progress.waitForStandstill(of: .seconds(still)) }
      }
      // The writer does not return, but fails when the connection does.
      try await group.next()
      // At once: somebody waits for this line while this process stays.
      try FileHandle.standardOutput.write(
        contentsOf: Data("unread: \(progress.count) bytes taken\n".utf8)
      )
      try await group.next()
    }
  }

  private func write(
    to channel: any Channel,
    _ progress: StreamProgress
  ) async throws {
    let piece = SeededBytes.buffer(seed: 0, count: Self.pieceSize)
    while true {
      try await channel.writeAndFlush(piece)
      progress.add(piece.readableBytes)
    }
  }
}
