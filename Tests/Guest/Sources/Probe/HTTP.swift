import ArgumentParser
import Deadlines
import NIOCore
import NIOHTTP1
import NIOPosix

/// HTTP/1.1 GET, the requests one after the other on one connection. Prints the
/// content of the last.
struct HTTP: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "HTTP: gets a page and prints it."
  )

  @OptionGroup var service: Service

  @Option(help: "The path.")
  var path = "/"

  @Option(help: "The status it must answer with.")
  var status = 200

  @Option(help: "How many requests to make on the connection.")
  var requests = 1

  private typealias PageChannel =
    NIOAsyncChannel<HTTPClientResponsePart, HTTPPart<HTTPRequestHead, IOData>>

  func run() async throws {
    let content = try await withDeadline(
      service.limit,
      waitingFor: "\(requests) responses"
    ) { try await load() }
    print(String(buffer: content))
  }

  private func load() async throws -> ByteBuffer {
    let channel = try await ClientBootstrap(
      group: .singletonMultiThreadedEventLoopGroup
    ).connect(to: service.address) { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHTTPClientHandlers()
        return try PageChannel(wrappingChannelSynchronously: channel)
      }
    }
    return try await channel.executeThenClose { inbound, outbound in
      var parts = inbound.makeAsyncIterator()
      var content = ByteBuffer()
      for request in 1...requests {
        let isLast = request == requests
        let head = HTTPRequestHead(
          version: .http1_1,
          method: .GET,
          uri: path,
          headers: [
            "Host": service.host,
            "Connection": isLast ? "close" : "keep-alive",
          ]
        )
        // Both at once: with the first alone the request is complete, and its
        // answer may close the connection.
        try await outbound.write(contentsOf: [.head(head), .end(nil)])
        content.clear()
        response: while true {
          guard let part = try await parts.next() else {
            throw ProbeFailure("response \(request) is not complete")
          }
          switch part {
          case .head(let head):
            guard head.status.code == status else {
              throw ProbeFailure("response \(request) is \(head.status)")
            }
          case .body(let piece): content.writeImmutableBuffer(piece)
          case .end: break response
          }
        }
      }
      if try await parts.next() != nil {
        throw ProbeFailure("more came after the last response")
      }
      return content
    }
  }
}
