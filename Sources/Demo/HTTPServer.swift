import Apus

/// Answers requests for the status page. RFC 9110, RFC 9112.
struct HTTPServer {
  let system: System

  /// How long a client may be silent.
  private static let patience = Duration.seconds(30)
  /// How long a client that has had its last answer may go on sending.
  private static let farewell = Duration.seconds(10)

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
        for index in 0..<bytes.count { received.append(bytes[index]) }
        continue
      }
      guard let request = HTTPRequest(parsing: received[..<end]) else {
        await respond(connection, "400 Bad Request")
        return
      }
      received.removeFirst(end)
      searched = 0
      guard await answer(request, connection), request.keepsConnection
      else { return }
    }
  }

  /// Whether the answer could be sent.
  private func answer(
    _ request: HTTPRequest,
    _ connection: Connection
  ) async -> Bool {
    if request.method == .other {
      await respond(
        connection,
        "405 Method Not Allowed",
        fields: "Allow: GET, HEAD\r\n",
        to: request
      )
    } else if request.isRoot {
      await respond(
        connection,
        "200 OK",
        StatusPage.render(system),
        to: request
      )
    } else {
      await respond(connection, "404 Not Found", to: request)
    }
  }

  /// Sends a response, and says that it is the last one unless `request` keeps
  /// the connection; without `page`, the status is the content too.
  ///
  /// - Returns: Whether it could be sent.
  @discardableResult
  private func respond(
    _ connection: Connection,
    _ status: String,
    _ page: Text? = nil,
    fields: String = "",
    to request: HTTPRequest? = nil
  ) async -> Bool {
    var content = Text()
    if let page {
      content = page
    } else {
      content.append(status)
      content.append("\n")
    }
    var response = Text()
    response.append("HTTP/1.1 ")
    response.append(status)
    response.append("\r\nContent-Type: ")
    response.append(
      page == nil ? "text/plain" : "text/html; charset=utf-8"
    )
    response.append("\r\nContent-Length: ")
    response.append(content.bytes.count)
    response.append("\r\nCache-Control: no-store\r\n")
    response.append(fields)
    // RFC 9112 §9.3: said to 1.0, which does not expect it.
    let keeps = request?.keepsConnection ?? false
    if !keeps || request?.isOld ?? false {
      response.append("Connection: ")
      response.append(keeps ? "keep-alive" : "close")
      response.append("\r\n")
    }
    response.append("\r\n")
    if request?.method != .head { response.append(content) }
    return await connection.write(response.bytes, timeout: Self.patience)
  }
}
