import Apus

/// Sends lines of printable characters until the peer has enough. RFC 864.
enum CharacterGenerator {
  private static let firstCharacter: UInt8 = 0x20
  private static let characterCount = 95
  private static let lineLength = 72

  /// All lines before they repeat, some times: what a device takes at once.
  private static let text: [UInt8] = {
    let lines = makeLines()
    var text: [UInt8] = []
    text.reserveCapacity(repetitions * lines.count)
    for _ in 0..<repetitions { text += lines }
    return text
  }()
  private static let repetitions = 9

  /// All lines before they repeat: each begins one character further on.
  private static func makeLines() -> [UInt8] {
    var lines: [UInt8] = []
    lines.reserveCapacity(characterCount * (lineLength + 2))
    for line in 0..<characterCount {
      for column in 0..<lineLength {
        let character = (line + column) % characterCount
        lines.append(firstCharacter + UInt8(character))
      }
      lines.append(0x0D)
      lines.append(0x0A)
    }
    return lines
  }

  static func serve(_ connection: Connection) async {
    while await connection.write(text, timeout: Echo.patience) {
      // What comes is thrown away.
      while connection.tryRead() != nil {}
    }
  }
}
