import ArgumentParser
import Deadlines
import NIOCore
import NIOPosix

/// Asks all hosts of the link who has a name, as one that is no responder
/// itself: RFC 6762 §5.1.
struct LocalName: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "local-name",
    abstract: "Multicast DNS: asks for the address of a name; prints it."
  )

  @Option(help: "The address of this machine to ask from.")
  var from: String

  @Option(help: "The name, such as apus.local")
  var name: String

  @Option(help: "Fails when nobody has answered after so many seconds.")
  var within = 10

  private typealias Envelope = AddressedEnvelope<ByteBuffer>

  private static let number: UInt16 = 0x4150

  func run() async throws {
    let answer = try await withDeadline(
      .seconds(within),
      waitingFor: "an answer about \(name)"
    ) { try await ask() }
    print(answer)
  }

  private func ask() async throws -> String {
    let socket = try await DatagramBootstrap(
      group: .singletonMultiThreadedEventLoopGroup
    ).bind(host: from, port: 0) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<Envelope, Envelope>(
          wrappingChannelSynchronously: channel
        )
      }
    }
    let all = try SocketAddress(ipAddress: "224.0.0.251", port: 5353)
    return try await socket.executeThenClose { inbound, outbound in
      try await withThrowingTaskGroup { group in
        group.addTask {
          // Who has just come says nothing of its name yet.
          while !Task.isCancelled {
            try await outbound.write(
              Envelope(remoteAddress: all, data: question)
            )
            try await Task.sleep(for: .seconds(1))
          }
        }
        defer { group.cancelAll() }
        for try await datagram in inbound {
          if let address = address(in: datagram.data) {
            let source = datagram.remoteAddress.ipAddress ?? ""
            return "\(address) says \(source)"
          }
        }
        throw ProbeFailure("the socket was closed")
      }
    }
  }

  /// RFC 1035 §4.1.1, §4.1.2: a header, and a question of type A.
  private var question: ByteBuffer {
    var message = ByteBuffer()
    for word in [Self.number, 0, 1, 0, 0, 0] { message.writeInteger(word) }
    for label in name.split(separator: ".") {
      message.writeInteger(UInt8(label.utf8.count))
      message.writeString(String(label))
    }
    message.writeInteger(UInt8(0))
    for word: UInt16 in [1, 1] { message.writeInteger(word) }
    return message
  }

  /// The address of the first answer, if `message` is one to the question,
  /// which it has to quote (RFC 6762 §6.7).
  private func address(in message: ByteBuffer) -> String? {
    let question = question
    let body = question.readableBytes - 12
    var message = message
    guard message.readableBytes > question.readableBytes,
      message.readInteger(as: UInt16.self) == Self.number,
      let flags = message.readInteger(as: UInt16.self), flags & 0x8000 != 0,
      message.readInteger(as: UInt16.self) == 1,
      let answers = message.readInteger(as: UInt16.self), answers > 0,
      message.readInteger(as: UInt32.self) != nil,
      message.readSlice(length: body)
        == question.getSlice(at: 12, length: body),
      Self.skipName(&message),
      message.readInteger(as: UInt16.self) == 1,
      message.readInteger(as: UInt16.self) == 1,
      message.readInteger(as: UInt32.self) == 10,
      message.readInteger(as: UInt16.self) == 4,
      let address = message.readBytes(length: 4)
    else { return nil }
    return address.map { "\($0)" }.joined(separator: ".")
  }

  /// Passes over a name, which may end in that of the question: RFC 1035 §4.1.4.
  private static func skipName(_ message: inout ByteBuffer) -> Bool {
    while let length = message.readInteger(as: UInt8.self) {
      if length == 0 { return true }
      if length >= 0xC0 { return message.readInteger(as: UInt8.self) != nil }
      guard message.readSlice(length: Int(length)) != nil else { return false }
    }
    return false
  }
}
