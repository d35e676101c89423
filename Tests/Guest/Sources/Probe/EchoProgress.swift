import NIOCore
import Synchronization

/// Connections whose peer sends back what it is sent, and how far they are.
final class EchoProgress: Sendable, CustomStringConvertible {
  let connected = Atomic(0)
  private let received = Atomic(0)

  /// How much is handed to the socket at a time.
  private static let pieceSize = 32_768

  /// For the failure message.
  var description: String {
    "\(connected.load(ordering: .relaxed)) connected,"
      + " \(received.load(ordering: .relaxed)) bytes back"
  }

  /// Sends `bytes`, and then the end; all of them must come back, and then the
  /// peer's end.
  func exchange(
    _ channel: ByteChannel,
    _ bytes: ByteBuffer,
    name: String
  ) async throws {
    try await channel.executeThenClose { inbound, outbound in
      try await withThrowingTaskGroup { group in
        group.addTask {
          var rest = bytes
          while rest.readableBytes > 0 {
            let count = min(rest.readableBytes, Self.pieceSize)
            if let piece = rest.readSlice(length: count) {
              try await outbound.write(piece)
            }
          }
          outbound.finish()
        }
        group.addTask { [self] in
          var comparison = Comparison(expecting: bytes, name: name)
          for try await piece in inbound {
            try comparison.receive(piece)
            received.add(piece.readableBytes, ordering: .relaxed)
          }
          if !comparison.isComplete {
            throw ProbeFailure(
              "\(name) ended after \(comparison.receivedCount) of"
                + " \(bytes.readableBytes) bytes"
            )
          }
        }
        try await group.waitForAll()
      }
    }
  }
}
