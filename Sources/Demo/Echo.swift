import Apus

/// Sends back what it is sent. RFC 862.
enum Echo {
  /// How long a peer may be silent, or not take what is sent: those who forgot
  /// us shall not keep others out.
  static let patience = Duration.seconds(300)
  /// Who sends from a port below is a service, not a client: two echo services
  /// would never be done with each other.
  private static let firstClientPort: UInt16 = 1024

  static func serve(_ connection: Connection) async {
    while let bytes = await connection.read(timeout: patience) {
      await connection.write(bytes, timeout: patience)
    }
  }

  static func serve(_ socket: DatagramSocket) async {
    while let datagram = await socket.receive() {
      guard datagram.source.port >= firstClientPort else { continue }
      // UDP promises nothing: a reply that cannot be sent is a reply lost, and
      // the stack has counted it.
      try? await socket.send(
        datagram,
        to: datagram.source,
        on: datagram.interface
      )
    }
  }
}
