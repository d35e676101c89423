import ArgumentParser
import NIOCore

/// Nobody listens: the peer must say so at once (RFC 9293 §3.10.7.1), not let
/// the connection time out.
struct Refused: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "TCP: expects that the connection is refused."
  )

  @OptionGroup var service: Service

  func run() async throws {
    let channel: any Channel
    do {
      channel = try await service.connect()
    } catch let failure as ConnectFailure {
      guard failure.isRefusal else { throw failure }
      print("refused: as it should be")
      return
    }
    try await channel.close()
    throw ProbeFailure("\(service.host):\(service.port) let us connect")
  }
}
