import ArgumentParser
import Deadlines
import NIOCore

/// Writes to an echo and reads nothing until nothing more is taken: then both
/// windows are shut. Reads on after a while, and compares all of it.
struct Late: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP echo: reads only when both windows have long been shut."
  )

  @OptionGroup var service: Service

  @Option(help: "How long both windows stay shut, in seconds.")
  var shut = 5

  @Option(help: "How many bytes are written when both are open again.")
  var bytes = 1 << 20

  @Option(help: "Of the random bytes; chosen and said when not given.")
  var seed: UInt64?

  func run() async throws {
    let seed = seed ?? UInt64.random(in: 0...UInt64.max)
    let written = StreamProgress("what was written")
    do {
      try await withDeadline(service.limit, waitingFor: "all of \(written)") {
        try await exchange(CyclicBytes(seed: seed), written)
      }
    } catch {
      throw ProbeFailure("\(error) (--seed \(seed))")
    }
    print("late: \(written.count) bytes, all back")
  }

  private func exchange(
    _ content: CyclicBytes,
    _ written: StreamProgress
  ) async throws {
    let channel = try await service.connect().asByteChannel()
    let isOpenAgain = StreamProgress("what is to be written still")
    try await channel.executeThenClose { inbound, outbound in
      try await withThrowingTaskGroup { group in
        group.addTask {
          // Until they were shut there is no end; then there is.
          while isOpenAgain.count == 0 || written.count < isOpenAgain.count {
            let piece = content.piece(at: written.count, atMost: 32_768)
            try await outbound.write(piece)
            written.add(piece.readableBytes)
          }
          outbound.finish()
        }
        group.addTask {
          try await written.waitForStandstill(of: .seconds(2))
          let taken = written.count
          say("late: shut after \(taken) bytes")
          // The passing of time is what the peer has to bear.
          try await Task.sleep(for: .seconds(shut))
          guard written.count == taken else {
            throw ProbeFailure("more was taken: \(written)")
          }
          isOpenAgain.add(taken + bytes)
          var count = 0
          for try await piece in inbound {
            try content.compare(piece, at: count)
            count += piece.readableBytes
          }
          guard count == written.count, count >= taken + bytes else {
            throw ProbeFailure("\(count) bytes are back of \(written)")
          }
        }
        try await group.waitForAll()
      }
    }
  }
}
