import Apus

/// Sends back what it is sent. RFC 862.
enum Echo {
  static func serve(_ connection: Connection) async {
    while let bytes = await connection.read() {
      await connection.write(bytes)
    }
  }

  static func serve(_ socket: DatagramSocket) async {
    while let datagram = await socket.receive() {
      // UDP promises nothing: a reply that cannot be sent is a reply lost, and
      // the stack has counted it.
      try? await socket.send(datagram, to: datagram.source)
    }
  }
}
