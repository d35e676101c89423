/// The part of a request that the server needs: the request line and whether
/// the client wants the connection kept. RFC 9112 §2 and §3.
struct HTTPRequest {
  /// The longest head that is read; a longer one is refused.
  static let mostBytes = 8192

  /// What the client wants done. RFC 9110 §9.1: methods have case.
  enum Method {
    case get
    case head
    case other
  }

  /// What can be asked for.
  enum Resource {
    /// `/`
    case page
    /// `/status.json`
    case status
    /// `/connections.json`
    case connections
    /// Anything else, which is not there.
    case other
  }

  let method: Method
  /// What the target's path names.
  let resource: Resource
  /// Whether the client is of HTTP/1.0.
  let isOld: Bool
  /// Whether another request may follow.
  let keepsConnection: Bool

  /// Where the head in `bytes` ends, the empty line included; `nil` when it
  /// goes on.
  ///
  /// - Parameter searched: How many bytes were there at the last call that
  ///   found no end.
  static func headEnd(in bytes: [UInt8], from searched: Int) -> Int? {
    guard bytes.count >= 4 else { return nil }
    for index in max(3, searched)..<bytes.count
    where bytes[index] == 0x0A && bytes[index - 1] == 0x0D
      && bytes[index - 2] == 0x0A && bytes[index - 3] == 0x0D
    {
      return index + 1
    }
    return nil
  }

  /// Reads a head, the empty line included; `nil` when it is not one of HTTP/1.
  init?(parsing head: ArraySlice<UInt8>) {
    guard let (first, fields) = Self.lines(of: head) else { return nil }
    let words = first.split(
      separator: 0x20,
      omittingEmptySubsequences: false
    )
    guard words.count == 3, !words[0].isEmpty,
      let path = Self.path(of: words[1])
    else { return nil }
    isOld = Self.isSame(words[2], "HTTP/1.0")
    guard isOld || Self.isSame(words[2], "HTTP/1.1") else { return nil }
    method =
      if Self.isSame(words[0], "GET") {
        .get
      } else if Self.isSame(words[0], "HEAD") {
        .head
      } else {
        .other
      }
    resource =
      if Self.isSame(path, "/") {
        .page
      } else if Self.isSame(path, "/status.json") {
        .status
      } else if Self.isSame(path, "/connections.json") {
        .connections
      } else {
        .other
      }
    // RFC 9112 §9.3: kept by default since 1.1.
    var wantsKept = !isOld
    var wantsClosed = false
    var hasContent = false
    var hosts = 0
    for line in fields {
      // RFC 9112 §5.1, §5.2: no blank before the colon, no line folded.
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
        colon > line.startIndex, !line[..<colon].contains(where: { $0 <= 0x20 })
      else { return nil }
      let name = line[..<colon]
      let value = Self.trim(line[(colon + 1)...])
      if Self.isEqual(name, "host") {
        hosts += 1
      } else if Self.isEqual(name, "connection") {
        for option in value.split(separator: UInt8(ascii: ",")) {
          let option = Self.trim(option)
          if Self.isEqual(option, "close") { wantsClosed = true }
          if Self.isEqual(option, "keep-alive") { wantsKept = true }
        }
      } else if Self.isEqual(name, "content-length") {
        hasContent = hasContent || !Self.isEqual(value, "0")
      } else if Self.isEqual(name, "transfer-encoding") {
        hasContent = true
      }
    }
    // RFC 9112 §3.2: one Host, which only HTTP/1.0 may leave out.
    guard hosts == 1 || isOld && hosts == 0 else { return nil }
    // Nothing here reads content, so what follows it cannot be found.
    keepsConnection = wantsKept && !wantsClosed && !hasContent
  }

  /// The request line and the field lines, without their ends; `nil` when one
  /// does not end in CRLF.
  private static func lines(
    of head: ArraySlice<UInt8>
  ) -> (ArraySlice<UInt8>, [ArraySlice<UInt8>])? {
    var lines: [ArraySlice<UInt8>] = []
    for line in head.split(separator: 0x0A) {
      guard line.last == 0x0D else { return nil }
      lines.append(line.dropLast())
    }
    // The last one is the empty line.
    guard lines.count >= 2, lines.removeLast().isEmpty else { return nil }
    return (lines[0], Array(lines.dropFirst()))
  }

  /// The path of a target, without its query. RFC 9112 §3.2.1, and §3.2.2,
  /// which wants `http://host/path` taken too.
  private static func path(of target: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var path = target
    let scheme = path.prefix(7)
    if isEqual(scheme, "http://") {
      path = path.dropFirst(7).drop { $0 != UInt8(ascii: "/") }
    }
    guard path.first == UInt8(ascii: "/") else { return nil }
    return path.prefix { $0 != UInt8(ascii: "?") }
  }

  private static func trim(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text
    while let first = text.first, first <= 0x20 { text.removeFirst() }
    while let last = text.last, last <= 0x20 { text.removeLast() }
    return text
  }

  private static func isSame(
    _ text: ArraySlice<UInt8>,
    _ other: String
  ) -> Bool {
    text.elementsEqual(other.utf8)
  }

  /// Whether `text` is `other`, the case of ASCII letters aside.
  private static func isEqual(
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
