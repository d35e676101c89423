import Apus

/// Throws away what it is sent. RFC 863.
enum Discard {
  static func serve(_ connection: Connection) async {
    while await connection.read(timeout: Echo.patience) != nil {
      while connection.tryRead() != nil {}
    }
  }
}
