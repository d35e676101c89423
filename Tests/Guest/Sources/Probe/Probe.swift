import ArgumentParser

/// A client of the services that Demo has, in one process, so that it can also
/// run inside a network namespace.
@main
struct Probe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Tries out a service, and fails with what is wrong with it.",
    subcommands: [
      Echo.self, DatagramEcho.self, Discard.self, CharacterGenerator.self,
      Datagrams.self, HTTP.self, Refused.self, Soak.self, Ping.self,
      Unread.self,
      Flood.self, Scan.self, SlowReaders.self, Crowd.self, Scale.self,
      Served.self,
      Abort.self,
      Reset.self, Late.self, KeepAlive.self, Errand.self, Call.self,
      TimeServer.self, Relay.self, LocalName.self,
    ]
  )
}
