import Deadlines
import Foundation
import NIOCore
import NIOPosix
import SystemPackage

/// The monitor of a running QEMU, for programs: its QMP socket.
public struct QMP: Sendable {
  /// Everything that QEMU has said: replies and events, one JSON object a line.
  public let messages: Console

  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

  /// A command that QEMU refused.
  public struct Refusal: Error, CustomStringConvertible {
    /// The command, and what QEMU said of it.
    public let description: String
  }

  private static let limit = Duration.seconds(10)

  /// Connects to the socket at `path`, runs `body`, and disconnects.
  public static func with<Result: Sendable>(
    _ path: FilePath,
    body: (QMP) async throws -> Result
  ) async throws -> Result {
    let channel = try await ClientBootstrap(
      group: .singletonMultiThreadedEventLoopGroup
    ).connect(unixDomainSocketPath: path.string) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
          wrappingChannelSynchronously: channel
        )
      }
    }
    return try await channel.executeThenClose { inbound, outbound in
      let monitor = QMP(messages: Console(), outbound: outbound)
      return try await withThrowingTaskGroup { readers in
        readers.addTask { try await monitor.read(inbound) }
        try await monitor.execute("qmp_capabilities")
        let result = try await body(monitor)
        readers.cancelAll()
        return result
      }
    }
  }

  private func read(
    _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>
  ) async throws {
    defer { messages.end() }
    var line: [UInt8] = []
    for try await piece in inbound {
      for byte in piece.readableBytesView {
        if byte == UInt8(ascii: "\n") {
          messages.append(String(decoding: line, as: UTF8.self))
          line = []
        } else {
          line.append(byte)
        }
      }
    }
  }

  /// Runs a command and returns what it returns, as JSON.
  ///
  /// - Throws: ``Refusal``, or `DeadlineExceeded` when there is no answer.
  @discardableResult
  public func execute(
    _ command: String,
    _ arguments: [String: QMPValue] = [:]
  ) async throws -> String {
    let request = QMPRequest(
      execute: command,
      arguments: arguments,
      id: UUID().uuidString
    )
    let encoded = try JSONEncoder().encode(request)
    try await outbound.write(ByteBuffer(bytes: encoded))
    let id = request.id
    let reply = try await messages.waitForLine(
      "the answer to \(command)",
      within: Self.limit
    ) { $0.contains(id) }
    guard reply.contains("\"return\"") else {
      throw Refusal(
        description: "\(String(decoding: encoded, as: UTF8.self)): \(reply)"
      )
    }
    return reply
  }

  /// Runs a command and reads what it returns.
  func query<Value: Decodable>(
    _ command: String,
    _ arguments: [String: QMPValue] = [:]
  ) async throws -> Value {
    let reply = try await execute(command, arguments)
    return try JSONDecoder().decode(
      QMPReply<Value>.self,
      from: Data(reply.utf8)
    ).return
  }

  /// Waits for an event, also one that came before.
  ///
  /// - Parameters:
  ///   - name: Such as `DEVICE_DELETED`.
  ///   - text: What its line must contain, for events of several things.
  @discardableResult
  public func waitForEvent(
    _ name: String,
    containing text: String = "",
    within limit: Duration = .seconds(10)
  ) async throws -> String {
    try await messages.waitForLine(
      "the event \(name) \(text)",
      within: limit
    ) {
      $0.contains("\"event\": \"\(name)\"")
        && (text.isEmpty || $0.contains(text))
    }
  }

  /// Asks again and again until the reply to `command` contains `text`.
  public func waitUntil(
    _ command: String,
    says text: String,
    within limit: Duration = .seconds(30)
  ) async throws {
    try await withDeadline(
      limit,
      waitingFor: "\(command) to say \(text)"
    ) {
      while try await !execute(command).contains(text) {}
    }
  }
}

/// An argument of a QMP command.
public enum QMPValue: Sendable, Encodable, ExpressibleByStringLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByStringInterpolation,
  ExpressibleByIntegerLiteral
{
  case text(String)
  case flag(Bool)
  case number(Int)

  /// Text.
  public init(stringLiteral value: String) { self = .text(value) }

  /// Yes or no.
  public init(booleanLiteral value: Bool) { self = .flag(value) }

  /// A whole number.
  public init(integerLiteral value: Int) { self = .number(value) }

  /// Writes the bare value.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text): try container.encode(text)
    case .flag(let flag): try container.encode(flag)
    case .number(let number): try container.encode(number)
    }
  }
}

private struct QMPRequest: Encodable {
  let execute: String
  let arguments: [String: QMPValue]
  let id: String
}

private struct QMPReply<Value: Decodable>: Decodable {
  let `return`: Value
}
