import NIOCore

/// What a guest says of itself, asked for on a connection of its own that this
/// end closes first, so that nothing of it is left there.
enum Page {
  /// The content at `path`.
  static func load(_ path: String, host: String, port: Int) async throws
    -> String
  {
    let channel = try await Service.connect(to: host, port: port, within: 30)
      .asByteChannel()
    return try await channel.executeThenClose { inbound, outbound in
      let request = "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
      try await outbound.write(ByteBuffer(string: request))
      var answer = ""
      for try await piece in inbound {
        answer += String(buffer: piece)
        if let content = try content(of: answer) { return content }
      }
      throw ProbeFailure("\(answer.utf8.count) bytes and no end of the page")
    }
  }

  /// The content of `answer`, once it is all there.
  private static func content(of answer: String) throws -> String? {
    guard let head = answer.firstRange(of: "\r\n\r\n") else { return nil }
    let length = answer[..<head.lowerBound]
      .firstMatch(of: #/Content-Length: (\d+)/#).flatMap { Int($0.1) }
    guard let length else { throw ProbeFailure("a page without a length") }
    let content = answer[head.upperBound...]
    return content.utf8.count < length ? nil : String(content)
  }
}
