import Apus

/// Answers requests for the status page. RFC 9110, RFC 9112.
struct HTTPServer {
  let system: System

  /// How long a client may be silent.
  private static let patience = Duration.seconds(30)
  /// How long a refused client may go on sending.
  private static let farewell = Duration.seconds(2)

  /// Answers the requests of a connection, one after the other.
  func serve(_ connection: Connection) async {
    var received: [UInt8] = []
    while true {
      guard let end = HTTPRequest.headEnd(in: received) else {
        if received.count > HTTPRequest.mostBytes {
          await refuse(connection, "431 Request Header Fields Too Large")
          return
        }
        guard let bytes = await connection.read(timeout: Self.patience)
        else { return }
        for index in 0..<bytes.count {
          // RFC 9112 §2.2: empty lines before a request are passed over.
          if received.isEmpty, bytes[index] == 0x0D || bytes[index] == 0x0A {
            continue
          }
          received.append(bytes[index])
        }
        continue
      }
      guard let request = HTTPRequest(parsing: received[..<end]) else {
        await refuse(connection, "400 Bad Request")
        return
      }
      received.removeFirst(end)
      await answer(request, connection)
      if !request.keepsConnection { return }
    }
  }

  /// Answers what was not understood, and ends. What the client still sends is
  /// read for a while: a connection that ends with unread bytes is reset, and
  /// the answer might be lost with it. RFC 9112 §9.6.
  private func refuse(_ connection: Connection, _ status: String) async {
    await respond(connection, status)
    connection.close()
    let end = system.uptime + Self.farewell
    while await connection.read(timeout: Self.farewell) != nil,
      system.uptime < end
    {}
  }

  private func answer(_ request: HTTPRequest, _ connection: Connection) async {
    let withContent = request.method != .head
    if request.method == .other {
      await respond(
        connection,
        "405 Method Not Allowed\r\nAllow: GET, HEAD",
        keep: request.keepsConnection
      )
    } else if request.isRoot {
      await respond(
        connection,
        "200 OK",
        StatusPage.render(system),
        withContent: withContent,
        keep: request.keepsConnection
      )
    } else {
      await respond(
        connection,
        "404 Not Found",
        withContent: withContent,
        keep: request.keepsConnection
      )
    }
  }

  /// Sends a response; without `page`, the status is the content too.
  private func respond(
    _ connection: Connection,
    _ status: String,
    _ page: Text? = nil,
    withContent: Bool = true,
    keep: Bool = false
  ) async {
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
    response.append("\r\nCache-Control: no-store")
    if !keep { response.append("\r\nConnection: close") }
    response.append("\r\n\r\n")
    if withContent { response.append(content) }
    await connection.write(response.bytes, timeout: Self.patience)
  }
}
