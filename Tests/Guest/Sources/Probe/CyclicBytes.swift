import NIOCore

/// The same bytes again and again, for as long as somebody wants more.
///
/// When their number is prime, a piece that is lost or doubled moves those that
/// follow, unless it is just one round.
struct CyclicBytes: Sendable {
  private let block: ByteBuffer

  /// The bytes of one round.
  init(_ block: ByteBuffer) { self.block = block }

  /// Random bytes: 1 MiB less three, which is prime.
  init(seed: UInt64) {
    block = SeededBytes.buffer(seed: seed, count: 1_048_573)
  }

  /// At most `count` of the bytes from `offset` on.
  func piece(at offset: Int, atMost count: Int) -> ByteBuffer {
    let start = offset % block.readableBytes
    guard
      let slice = block.getSlice(
        at: block.readerIndex + start,
        length: min(count, block.readableBytes - start)
      )
    else { preconditionFailure("a slice within the block is there") }
    return slice
  }

  /// Compares what came with what is due at `offset`.
  ///
  /// - Throws: ``ProbeFailure`` when it is something else.
  func compare(_ received: ByteBuffer, at offset: Int) throws {
    var rest = received
    var offset = offset
    while rest.readableBytes > 0 {
      let expected = piece(at: offset, atMost: rest.readableBytes)
      guard rest.readSlice(length: expected.readableBytes) == expected else {
        throw ProbeFailure(
          "of the \(expected.readableBytes) bytes from \(offset) on, one is"
            + " wrong"
        )
      }
      offset += expected.readableBytes
    }
  }
}
