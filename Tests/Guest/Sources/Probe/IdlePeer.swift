import NIOCore

/// A connection that is silent but for a few bytes now and then, which the peer
/// has to send back.
final class IdlePeer: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var expected = ByteBuffer()
  private var answered: EventLoopPromise<Void>?

  /// Sends `bytes` on `channel`, whose pipeline has such a handler; succeeds
  /// when they, and nothing else, have come back.
  static func exchange(
    _ bytes: ByteBuffer,
    on channel: any Channel
  ) -> EventLoopFuture<Void> {
    channel.eventLoop.flatSubmit {
      let promise = channel.eventLoop.makePromise(of: Void.self)
      do {
        let peer = try channel.pipeline.syncOperations.handler(type: Self.self)
        peer.expected = bytes
        peer.answered = promise
        channel.writeAndFlush(bytes).cascadeFailure(to: promise)
      } catch {
        promise.fail(error)
      }
      return promise.futureResult
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    guard expected.readSlice(length: bytes.readableBytes) == bytes else {
      return end(ProbeFailure("something else came back than was sent"))
    }
    guard expected.readableBytes == 0 else { return }
    answered?.succeed()
    answered = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(ProbeFailure("an idle connection ended"))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(error)
    context.close(promise: nil)
  }

  private func end(_ error: any Error) {
    answered?.fail(error)
    answered = nil
  }
}
