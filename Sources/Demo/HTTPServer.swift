import Apus

/// Answers requests for the status page. RFC 9110, RFC 9112.
struct HTTPServer {
  let system: System
  /// Shared by all connections.
  let memory: HTTPMemory

  /// How long a client may be silent.
  private static let patience = Duration.seconds(30)
  /// How long a client that has had its last answer may go on sending.
  private static let farewell = Duration.seconds(10)
  /// An answer of no more bytes is not counted as memory: errors are.
  private static let shortAnswer = 512

  /// Answers the requests of a connection, one after the other.
  func serve(_ connection: Connection) async {
    await answerAll(connection)
    // RFC 9112 §9.6: a connection that ends with bytes unread is reset, and the
    // reset may overtake the last answer. So the client closes it.
    connection.close()
    let end = system.uptime + Self.farewell
    while system.uptime < end,
      await connection.read(timeout: end - system.uptime) != nil
    {}
  }

  /// Answers requests until there are no more, or none can be.
  private func answerAll(_ connection: Connection) async {
    var received: [UInt8] = []
    var searched = 0
    var held = 0
    defer { memory.give(back: held) }
    while true {
      if searched == 0 {
        // RFC 9112 §2.2: empty lines before a request are passed over.
        let empty = received.prefix { $0 == 0x0D || $0 == 0x0A }
        received.removeFirst(empty.count)
      }
      let end = HTTPRequest.headEnd(in: received, from: searched)
      if end ?? received.count > HTTPRequest.mostBytes {
        await respond(connection, "431 Request Header Fields Too Large")
        return
      }
      guard let end else {
        searched = received.count
        guard let bytes = await connection.read(timeout: Self.patience)
        else { return }
        guard memory.take(bytes.count) else {
          await respond(connection, "503 Service Unavailable")
          return
        }
        held += bytes.count
        for index in 0..<bytes.count { received.append(bytes[index]) }
        continue
      }
      guard let request = HTTPRequest(parsing: received[..<end]) else {
        await respond(connection, "400 Bad Request")
        return
      }
      received.removeFirst(end)
      searched = 0
      // Who is silent between two requests holds no memory.
      if received.isEmpty { received = [] }
      memory.give(back: held - received.count)
      held = received.count
      guard await answer(request, connection), request.keepsConnection
      else { return }
    }
  }

  /// What a response says.
  private struct Content {
    let type: String
    let text: Text
  }

  /// Whether the answer could be sent.
  private func answer(
    _ request: HTTPRequest,
    _ connection: Connection
  ) async -> Bool {
    if request.method == .other {
      return await respond(
        connection,
        "405 Method Not Allowed",
        fields: "Allow: GET, HEAD\r\n",
        to: request
      )
    }
    let content: Content
    switch request.resource {
    case .page:
      content = Content(
        type: "text/html; charset=utf-8",
        text: StatusPage.render(system)
      )
    case .status:
      content = Content(
        type: "application/json",
        text: StatusJSON.render(system)
      )
    case .connections:
      return await sendConnections(connection, to: request)
    case .other:
      return await respond(connection, "404 Not Found", to: request)
    }
    return await respond(connection, "200 OK", content, to: request)
  }

  /// Sends a response, and says that it is the last one unless `request` keeps
  /// the connection; without `content`, the status is the content too.
  ///
  /// - Returns: Whether it could be sent.
  @discardableResult
  private func respond(
    _ connection: Connection,
    _ status: String,
    _ content: Content? = nil,
    fields: String = "",
    to request: HTTPRequest? = nil
  ) async -> Bool {
    let text = content?.text ?? Self.line(status)
    var response = Self.head(status, content?.type ?? "text/plain")
    response.append("Content-Length: ")
    response.append(text.bytes.count)
    response.append("\r\n")
    response.append(fields)
    // RFC 9112 §9.3: said to 1.0, which does not expect it.
    let keeps = request?.keepsConnection ?? false
    if !keeps || request?.isOld ?? false {
      response.append("Connection: ")
      response.append(keeps ? "keep-alive" : "close")
      response.append("\r\n")
    }
    response.append("\r\n")
    if request?.method != .head { response.append(text) }
    return await send(response, connection)
  }

  /// Whether `text` could be sent.
  private func send(_ text: Text, _ connection: Connection) async -> Bool {
    let count = text.bytes.count
    guard count > Self.shortAnswer else {
      return await connection.write(text.bytes, timeout: Self.patience)
    }
    guard memory.take(count) else {
      await respond(connection, "503 Service Unavailable")
      return false
    }
    defer { memory.give(back: count) }
    return await connection.write(text.bytes, timeout: Self.patience)
  }

  private static func line(_ text: String) -> Text {
    var line = Text()
    line.append(text)
    line.append("\n")
    return line
  }

  /// The fields that every response has.
  private static func head(_ status: String, _ type: String) -> Text {
    var head = Text()
    head.append("HTTP/1.1 ")
    head.append(status)
    head.append("\r\nContent-Type: ")
    head.append(type)
    head.append("\r\nCache-Control: no-store\r\n")
    return head
  }

  // MARK: A response in parts

  /// Sends the connections while they are looked at, so that however many there
  /// are takes no memory to speak of.
  ///
  /// - Returns: Whether all could be sent, and the client knows where it ends.
  private func sendConnections(
    _ connection: Connection,
    to request: HTTPRequest
  ) async -> Bool {
    var part = Self.head("200 OK", "application/json")
    // RFC 9112 §7.1; who knows no chunks (§6.1: HTTP/1.0) is told by the end of
    // the connection.
    let isChunked = !request.isOld
    if isChunked { part.append("Transfer-Encoding: chunked\r\n") }
    if !isChunked || !request.keepsConnection {
      part.append("Connection: close\r\n")
    }
    part.append("\r\n")
    if request.method == .get {
      var content = ConnectionsJSON(system.network)
      while let text = content.next() {
        part.append(text, asChunk: isChunked)
        guard await send(part, connection) else { return false }
        part = Text()
      }
      if isChunked { part.append("0\r\n\r\n") }
    }
    guard await send(part, connection) else { return false }
    return isChunked
  }
}

extension Text {
  /// Text that is not empty, as a chunk of its own or as it is. RFC 9112 §7.1.
  fileprivate mutating func append(_ text: Text, asChunk isChunk: Bool) {
    guard isChunk else { return append(text) }
    append(String(text.bytes.count, radix: 16))
    append("\r\n")
    append(text)
    append("\r\n")
  }
}
