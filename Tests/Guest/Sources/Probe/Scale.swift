import ArgumentParser
import Deadlines
import NIOCore
import NIOPosix

/// The same work among few silent connections and among many, and what the guest
/// says of itself before and after it.
///
///     COUNT first, second     the status, twice: what reading it costs
///     COUNT connected         after connecting, an exchange, and closing, often
///     COUNT exchanged         after as many exchanges on one connection
struct Scale: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP echo: connects and exchanges among silent connections."
  )

  @OptionGroup var service: Service

  @Option(help: "How many are silent; several, one after the other.")
  var connections: [Int]

  @Option(help: "How often something is done.")
  var times = 200

  @Option(help: "An address to connect from; several take turns.")
  var from: [String] = []

  @Option(help: "The port that tells of the guest, by HTTP.")
  var statusPort = 80

  func run() async throws {
    try raiseDescriptorLimit(for: connections.max() ?? 0)
    try await withDeadline(service.limit, waitingFor: "all of it") {
      try await runAll()
    }
  }

  private func runAll() async throws {
    let peers = SilentPeers(service: service, from: from)
    var silent: [any Channel] = []
    for count in connections {
      silent += try await peers.connect(count - silent.count, seed: 1)
      for point in ["first", "second"] { try await report(count, point) }
      for index in 0..<times {
        let channel = try await peers.connect(index)
        try await peers.greet(channel, seed: UInt64(index))
        try await channel.close()
      }
      try await report(count, "connected")
      let channel = try await peers.connect(0)
      for index in 0..<times {
        try await peers.greet(channel, seed: UInt64(index))
      }
      try await channel.close()
      try await report(count, "exchanged")
    }
    try await peers.close(silent)
  }

  /// Tells of the guest once nothing of what was done is left there.
  private func report(_ count: Int, _ point: String) async throws {
    let status = StatusOfGuest(service: service, port: statusPort)
    say("scale: \(count) \(point): \(try await status.load(with: count))")
  }
}
