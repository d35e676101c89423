/// The part of a request that the server needs: the request line and whether
/// the client wants the connection kept. RFC 9112 §2 and §3.
struct HTTPRequest {
  /// The longest head that is read; a longer one is refused.
  static let mostBytes = 8192

  /// What the client wants done.
  enum Method {
    case get
    case head
    case other
  }

  let method: Method
  let isRoot: Bool
  let keepsConnection: Bool

  /// Where the head in `bytes` ends, the empty line included; `nil` when it
  /// goes on.
  static func headEnd(in bytes: [UInt8]) -> Int? {
    guard bytes.count >= 4 else { return nil }
    for index in 3..<bytes.count
    where bytes[index] == 0x0A && bytes[index - 1] == 0x0D
      && bytes[index - 2] == 0x0A && bytes[index - 3] == 0x0D
    {
      return index + 1
    }
    return nil
  }

  /// Reads a head; `nil` when it is not one of HTTP/1, or announces content,
  /// which nothing here takes.
  init?(parsing head: ArraySlice<UInt8>) {
    let lines = head.split(
      separator: 0x0A,
      omittingEmptySubsequences: true
    )
    guard let first = lines.first else { return nil }
    let words = first.split(
      separator: 0x20,
      omittingEmptySubsequences: false
    )
    guard words.count == 3, words[1].first == UInt8(ascii: "/") else {
      return nil
    }
    let isCurrent = Self.equal(words[2].dropLast(), "HTTP/1.1")
    guard isCurrent || Self.equal(words[2].dropLast(), "HTTP/1.0") else {
      return nil
    }
    method =
      if Self.equal(words[0], "GET") {
        .get
      } else if Self.equal(words[0], "HEAD") {
        .head
      } else {
        .other
      }
    isRoot = words[1].count == 1
    // RFC 9112 §9.3: kept by default since 1.1.
    var keeps = isCurrent
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
      let name = line[..<colon]
      let value = Self.trim(line[(colon + 1)...])
      if Self.equal(name, "connection") {
        if Self.equal(value, "close") { keeps = false }
        if Self.equal(value, "keep-alive") { keeps = true }
      } else if Self.equal(name, "content-length") {
        guard Self.equal(value, "0") else { return nil }
      } else if Self.equal(name, "transfer-encoding") {
        return nil
      }
    }
    keepsConnection = keeps
  }

  private static func trim(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text
    while let first = text.first, first <= 0x20 { text.removeFirst() }
    while let last = text.last, last <= 0x20 { text.removeLast() }
    return text
  }

  /// Whether `text` is `other`, the case of ASCII letters aside.
  private static func equal(
    _ text: ArraySlice<UInt8>,
    _ other: String
  ) -> Bool {
    guard text.count == other.utf8.count else { return false }
    return zip(text, other.utf8).allSatisfy {
      lowercase($0) == lowercase($1)
    }
  }

  private static func lowercase(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
  }
}
