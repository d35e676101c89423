import Apus
import Foundation
import Testing
import TestMachines

@testable import Demo

private final class Answer: @unchecked Sendable {
  var bytes: [UInt8]?
  var failure: NetworkError?
}

/// What comes back, until the end, when a client sends `segments`, one a time,
/// to `service`; then it closes, if `closes`, and reads.
private func answer(
  to segments: [[UInt8]],
  closes: Bool = true,
  from service: @escaping @Sendable (Connection, System) async -> Void
) throws -> [UInt8] {
  let network = TestNetwork()
  let (client, server) = (network.client.system, network.server.system)
  let answer = Answer()
  let serving = Task(executorPreference: network.executor) {
    let listener = try server.network.listen(port: 80)
    await listener.serve { await service($0, server) }
  }
  Task(executorPreference: network.executor) {
    let connection = try await client.network.connect(
      to: network.server.endpoint(80)
    )
    for segment in segments {
      await connection.write(segment)
      await client.sleep(for: .milliseconds(10))
    }
    if closes { connection.close() }
    var all: [UInt8] = []
    while let bytes = await connection.read() {
      for index in 0..<bytes.count { all.append(bytes[index]) }
    }
    answer.failure = connection.failure
    answer.bytes = all
  }
  try network.run(until: { answer.bytes != nil }, mayEnd: false)
  #expect(answer.failure == nil)
  serving.cancel()
  try network.run(for: .seconds(200))
  for machine in [network.client, network.server] {
    #expect(machine.pool.available == machine.pool.capacity)
  }
  return answer.bytes!
}

@Suite struct ServiceTests {
  @Test func echo_sends_back_what_it_is_sent() throws {
    let bytes = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let back = try answer(to: [bytes]) { connection, _ in
      await Echo.serve(connection)
    }
    #expect(back == bytes)
  }

  @Test func discard_sends_nothing() throws {
    let back = try answer(to: [[1, 2, 3], [4]]) { connection, _ in
      await Discard.serve(connection)
    }
    #expect(back == [])
  }

  /// RFC 864, page 2: lines of 72 characters, each begins one further on.
  @Test func the_character_generator_sends_lines() throws {
    let network = TestNetwork()
    let (client, server) = (network.client.system, network.server.system)
    let answer = Answer()
    Task(executorPreference: network.executor) {
      let listener = try server.network.listen(port: 19)
      guard let connection = await listener.accept() else { return }
      await CharacterGenerator.serve(connection)
    }
    Task(executorPreference: network.executor) {
      let connection = try await client.network.connect(
        to: network.server.endpoint(19)
      )
      var all: [UInt8] = []
      while all.count < 74 * 200, let bytes = await connection.read() {
        for index in 0..<bytes.count { all.append(bytes[index]) }
      }
      // It ends when the peer has had enough.
      connection.abort()
      answer.bytes = all
    }
    try network.run(until: { answer.bytes != nil }, mayEnd: false)
    try network.run(for: .seconds(200))
    let bytes = try #require(answer.bytes)
    for line in 0..<200 {
      let expected =
        (0..<72).map { UInt8(0x20 + (line + $0) % 95) } + [0x0D, 0x0A]
      #expect(Array(bytes[(line * 74)..<(line * 74 + 74)]) == expected)
    }
    #expect(network.server.pool.available == network.server.pool.capacity)
  }
}

@Suite struct HTTPServerTests {
  /// The responses to what is sent, as text.
  private func http(
    _ segments: [String],
    closes: Bool = true,
    memory: HTTPMemory = HTTPMemory()
  ) throws -> String {
    let bytes = try answer(
      to: segments.map { Array($0.utf8) },
      closes: closes
    ) { connection, system in
      await HTTPServer(system: system, memory: memory).serve(connection)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The status lines among the lines of `text`.
  private func statuses(_ text: String) -> [Substring] {
    text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("HTTP/") }
  }

  private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

  /// What others hold leaves room for a request, but not for the page; for a
  /// part of a request; for nothing.
  @Test(arguments: [200, 10, 0])
  func short_of_memory_says_so(room: Int) throws {
    let memory = HTTPMemory()
    #expect(memory.take(HTTPMemory.limit - room))
    let text = try http([Self.get], memory: memory)
    #expect(statuses(text) == ["HTTP/1.1 503 Service Unavailable"])
    // What was taken is given back.
    #expect(memory.take(room))
    #expect(!memory.take(1))
    memory.give(back: HTTPMemory.limit)
    #expect(statuses(try http([Self.get], memory: memory)).count == 1)
    #expect(memory.take(HTTPMemory.limit))
  }

  @Test func the_page_shows_the_machine() throws {
    let text = try http([Self.get])
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(text.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"))
    #expect(text.contains("<td>10.0.0.2/24</td>"))
    #expect(text.contains("<td>a made-up wire</td>"))
    #expect(text.contains("<td>TEST_A TEST_B</td>"))
    #expect(text.contains("<td>02:00:00:00:00:02</td>"))
    #expect(text.contains("<th>frames received</th>"))
    #expect(text.contains("<td>without end</td>"))
    #expect(text.hasSuffix("</html>\n"))
    // RFC 9110 §8.6: the length is the content's.
    let parts = text.split(
      separator: "\r\n\r\n" as Substring,
      maxSplits: 1
    )
    #expect(text.contains("\r\nContent-Length: \(parts[1].utf8.count)\r\n"))
  }

  @Test func a_connection_is_kept() throws {
    // Three at different times, then three in one segment.
    let text = try http([
      Self.get, Self.get, Self.get, Self.get + Self.get + Self.get,
    ])
    #expect(statuses(text) == Array(repeating: "HTTP/1.1 200 OK", count: 6))
    #expect(!text.contains("Connection:"))
  }

  @Test func a_request_comes_in_pieces() throws {
    #expect(
      statuses(try http(Self.get.utf8.map { String(UnicodeScalar($0)) }))
        == ["HTTP/1.1 200 OK"]
    )
  }

  @Test func empty_lines_before_a_request_are_passed_over() throws {
    let text = try http([
      "\r\n", "\r\n\r\n" + Self.get + "\r\n" + Self.get, "\r\n",
    ])
    #expect(statuses(text) == ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"])
  }

  @Test func close_is_obeyed() throws {
    let text = try http(
      ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + Self.get],
      closes: false
    )
    #expect(statuses(text) == ["HTTP/1.1 200 OK"])
    #expect(text.contains("\r\nConnection: close\r\n"))
  }

  @Test func HTTP_1_0_ends_or_is_told_that_it_does_not() throws {
    let text = try http(["GET / HTTP/1.0\r\n\r\n"], closes: false)
    #expect(text.contains("\r\nConnection: close\r\n"))
    let kept = try http([
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Self.get,
    ])
    #expect(statuses(kept).count == 2)
    #expect(kept.contains("\r\nConnection: keep-alive\r\n"))
  }

  @Test func HEAD_has_no_content() throws {
    let text = try http(["HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"])
    #expect(statuses(text) == ["HTTP/1.1 200 OK"])
    #expect(!text.contains("Content-Length: 0\r\n"))
    #expect(text.hasSuffix("\r\n\r\n"))
  }

  /// What the bytes of a chunked content are. RFC 9112 §7.1.3.
  private func unchunked(_ text: String) throws -> Text {
    var rest = Array(text.utf8)[...]
    var content = Text()
    while true {
      let end = try #require(rest.firstIndex(of: 0x0D))
      let line = String(decoding: rest[..<end], as: UTF8.self)
      let size = try #require(Int(line, radix: 16))
      rest = rest[(end + 2)...]
      for byte in rest.prefix(size) { content.append(byte: byte) }
      #expect(rest.dropFirst(size).starts(with: [0x0D, 0x0A]))
      rest = rest.dropFirst(size + 2)
      if size == 0 { break }
    }
    #expect(rest.isEmpty)
    return content
  }

  private func content(_ text: String) throws -> String {
    let parts = text.split(separator: "\r\n\r\n" as Substring, maxSplits: 1)
    return String(try #require(parts.last))
  }

  @Test func the_status_is_there_as_JSON() throws {
    let text = try http(["GET /status.json HTTP/1.1\r\nHost: a\r\n\r\n"])
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(text.contains("\r\nContent-Type: application/json\r\n"))
    var status = Text()
    status.append(try content(text))
    #expect(text.contains("\r\nContent-Length: \(status.bytes.count)\r\n"))
    #expect(try parseJSON(status)["connectionCount"] as? Int == 1)
  }

  @Test func the_connections_are_there_as_JSON() throws {
    let get = "GET /connections.json HTTP/1.1\r\nHost: a\r\n\r\n"
    let text = try http([get])
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(text.contains("\r\nContent-Type: application/json\r\n"))
    #expect(text.contains("\r\nTransfer-Encoding: chunked\r\n"))
    #expect(!text.contains("Connection:"))
    let body = text.components(separatedBy: "\r\n\r\n").dropFirst()
    let parsed = try parseJSON(unchunked(body.joined(separator: "\r\n\r\n")))
    let connections = try #require(parsed["connections"] as? [[String: Any]])
    // The one that it is asked on.
    #expect(connections.count == 1)
    #expect(connections[0]["state"] as? String == "ESTABLISHED")
    #expect(connections[0]["local"] as? String == "10.0.0.2:80")
    // And the connection is kept.
    #expect(statuses(try http([get + Self.get, get])).count == 3)
  }

  /// RFC 9112 §6.1: HTTP/1.0 knows no chunks.
  @Test func the_connections_for_an_old_client_end_with_the_connection() throws
  {
    for field in ["", "Connection: keep-alive\r\n"] {
      let text = try http(
        ["GET /connections.json HTTP/1.0\r\n\(field)\r\n"],
        closes: false
      )
      #expect(text.contains("\r\nConnection: close\r\n"))
      #expect(!text.contains("Transfer-Encoding"))
      var json = Text()
      json.append(try content(text))
      #expect(try parseJSON(json)["count"] as? Int == 1)
    }
  }

  @Test func HEAD_of_the_connections_has_no_content() throws {
    let text = try http([
      "HEAD /connections.json HTTP/1.1\r\nHost: a\r\n\r\n"
    ])
    #expect(text.contains("\r\nTransfer-Encoding: chunked\r\n"))
    #expect(text.hasSuffix("\r\n\r\n"))
    #expect(!text.contains("{"))
  }

  @Test func what_is_not_there_is_404() throws {
    let text = try http([
      "GET /a HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get,
      "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    #expect(
      statuses(text) == [
        "HTTP/1.1 404 Not Found", "HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found",
      ]
    )
    #expect(text.hasSuffix("\r\n\r\n"))
  }

  @Test func other_methods_are_405() throws {
    let text = try http(
      [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET / ...", "x",
      ],
      closes: false
    )
    #expect(statuses(text) == ["HTTP/1.1 405 Method Not Allowed"])
    #expect(text.contains("\r\nAllow: GET, HEAD\r\n"))
    #expect(text.contains("\r\nConnection: close\r\n"))
    #expect(text.hasSuffix("\r\n\r\n405 Method Not Allowed\n"))
    let kept = try http(["PUT / HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get])
    #expect(statuses(kept).count == 2)
  }

  @Test func what_is_no_request_is_400() throws {
    let text = try http(["nonsense\r\n\r\n", "and more"], closes: false)
    #expect(statuses(text) == ["HTTP/1.1 400 Bad Request"])
  }

  @Test func a_head_beyond_the_limit_is_431() throws {
    // At the limit it is taken, one beyond it is not, nor one without an end.
    let frame = "GET / HTTP/1.1\r\nHost: a\r\nA: \r\n\r\n".utf8.count
    for (count, status) in [
      (8192, "200 OK"), (8193, "431 Request Header Fields Too Large"),
    ] {
      let padding = String(repeating: "a", count: count - frame)
      let text = try http([
        "GET / HTTP/1.1\r\nHost: a\r\nA: \(padding)\r\n\r\n"
      ])
      #expect(statuses(text) == ["HTTP/1.1 \(status)"])
    }
    let endless = String(repeating: "a", count: 100_000)
    #expect(
      statuses(try http([endless, endless], closes: false)) == [
        "HTTP/1.1 431 Request Header Fields Too Large"
      ]
    )
  }

  @Test func a_silent_client_is_let_go() throws {
    let network = TestNetwork()
    let (client, server) = (network.client.system, network.server.system)
    let answer = Answer()
    let start = network.now
    Task(executorPreference: network.executor) {
      let listener = try server.network.listen(port: 80)
      guard let connection = await listener.accept() else { return }
      await HTTPServer(system: server, memory: HTTPMemory()).serve(connection)
    }
    Task(executorPreference: network.executor) {
      let connection = try await client.network.connect(
        to: network.server.endpoint(80)
      )
      await connection.write(Array("GET / ".utf8))
      while await connection.read() != nil {}
      answer.failure = connection.failure
      answer.bytes = []
    }
    try network.run(until: { answer.bytes != nil }, mayEnd: false)
    #expect(answer.failure == .reset)
    #expect(network.elapsed(since: start) > .seconds(30))
    #expect(network.elapsed(since: start) < .seconds(31))
  }
}
