import Glibc
import NIOCore
import Synchronization

/// Sees whether a connection was reset, whether reading or writing met it
/// first.
final class ResetWatch: ChannelDuplexHandler, Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer

  private let seen = Atomic(false)

  /// Whether it was.
  var hasSeenReset: Bool { seen.load(ordering: .relaxed) }

  private func note(_ error: any Error) {
    if (error as? IOError)?.errnoCode == ECONNRESET {
      seen.store(true, ordering: .relaxed)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    note(error)
    context.fireErrorCaught(error)
  }

  func write(
    context: ChannelHandlerContext,
    data: NIOAny,
    promise: EventLoopPromise<Void>?
  ) {
    let promise = promise ?? context.eventLoop.makePromise()
    promise.futureResult.whenFailure { [self] in note($0) }
    context.write(data, promise: promise)
  }
}
