import Apus

/// Who asks for an errand.
struct Client: Sendable {
  private let connection: Connection

  /// Nobody has more to ask for at once.
  private static let longestLine = 512
  private static let patience = Duration.seconds(60)

  init(_ connection: Connection) { self.connection = connection }

  /// The line that it sends; `nil` when it sends none.
  func readLine() async -> [UInt8]? {
    var line: [UInt8] = []
    while line.count < Self.longestLine,
      let bytes = await connection.read(timeout: Self.patience)
    {
      for index in 0..<bytes.count {
        if bytes[index] == 0x0A { return line }
        line.append(bytes[index])
      }
    }
    return nil
  }

  /// Sends it a line.
  func say(_ text: String) async {
    await connection.write(Array(text.utf8) + [0x0A], timeout: Self.patience)
  }
}

/// Whether the bytes are those of `text`.
func == (bytes: [UInt8], text: StaticString) -> Bool {
  text.withUTF8Buffer { unsafe bytes.elementsEqual($0) }
}
