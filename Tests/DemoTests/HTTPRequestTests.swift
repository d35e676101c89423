import Testing

@testable import Demo

@Suite struct HTTPRequestTests {
  private func parse(_ text: String) -> HTTPRequest? {
    HTTPRequest(parsing: Array(text.utf8)[...])
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, true),
    ("GET / HTTP/1.1\r\nhOST:a\r\n\r\n", true, true),
    ("GET /?a=/b HTTP/1.1\r\nHost: a\r\n\r\n", true, true),
    ("GET http://a.b:80/ HTTP/1.1\r\nHost: a\r\n\r\n", true, true),
    ("GET http://a.b/c HTTP/1.1\r\nHost: a\r\n\r\n", false, true),
    ("GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n", false, true),
    ("GET // HTTP/1.1\r\nHost: a\r\n\r\n", false, true),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true, false),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: a, CLOSE\r\n\r\n", true, false),
    (
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, keep-alive\r\n\r\n",
      true, false
    ),
    ("GET / HTTP/1.0\r\n\r\n", true, false),
    ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, true),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", true, true),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", true, false),
    (
      "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
      true, false
    ),
  ]) func is_read(text: String, isPage: Bool, keeps: Bool) throws {
    let request = try #require(parse(text))
    #expect(request.method == .get)
    #expect((request.resource == .page) == isPage)
    #expect(request.keepsConnection == keeps)
  }

  @Test(arguments: [
    "\r\n\r\n",
    "GET /\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    " / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET / http/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.11\r\nHost: a\r\n\r\n",
    "GET index.html HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
  ]) func is_refused(text: String) {
    #expect(parse(text) == nil)
  }

  @Test(
    arguments: [
      ("/", .page), ("/status.json", .status), ("/status.json?a", .status),
      ("/connections.json", .connections),
      ("http://a/connections.json", .connections), ("/status", .other),
      ("/Status.json", .other), ("/status.json/", .other),
      ("//status.json", .other), ("/connections.jso", .other),
    ] as [(String, HTTPRequest.Resource)]
  )
  func names_a_resource(path: String, resource: HTTPRequest.Resource) {
    #expect(
      parse("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")?.resource == resource
    )
  }

  @Test func has_a_method() {
    let rest = " / HTTP/1.1\r\nHost: a\r\n\r\n"
    #expect(parse("GET" + rest)?.method == .get)
    #expect(parse("HEAD" + rest)?.method == .head)
    #expect(parse("POST" + rest)?.method == .other)
    // RFC 9110 §9.1: methods have case.
    #expect(parse("get" + rest)?.method == .other)
  }

  @Test func its_end_is_found_wherever_it_is_cut() {
    let text = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET".utf8)
    let end = text.count - 3
    for cut in 0...text.count {
      let first = Array(text[..<cut])
      let found = HTTPRequest.headEnd(in: first, from: 0)
      #expect(found == (cut >= end ? end : nil))
      guard cut < end else { continue }
      #expect(HTTPRequest.headEnd(in: text, from: cut) == end)
    }
  }
}
