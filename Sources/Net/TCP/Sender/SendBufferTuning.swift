import Packets

/// How much of what the app has written is kept until it is acknowledged: two
/// congestion windows, so that while one is under way the next is there, and a
/// path that is long and wide is filled; as little as at the beginning after a
/// rest, when the window is small again.
///
///     cwnd          small        grows             at rest
///     send buffer   initial      2 x cwnd, up to   initial
///                                the largest
enum SendBufferTuning {
  /// What the limit of the buffer becomes when the app writes.
  ///
  /// - Parameters:
  ///   - limit: what it is. It stays while the window shrinks: what is written
  ///     is written.
  ///   - window: the congestion window in bytes.
  ///   - isShort: the memory for all connections is half used; who has no more
  ///     than the others may keep it, and gets no more.
  static func limit(
    _ limit: Int,
    window: Int,
    largest: Int,
    isShort: Bool
  ) -> Int {
    isShort ? limit : max(limit, min(2 * window, largest))
  }
}

extension Connection {
  /// The app writes: how much of it may be kept.
  mutating func tuneSendBuffer(
    limits: borrowing Constant<TCPLimits>,
    blocks: borrowing SendBlocks
  ) {
    let largest = limits.value.sendBuffer
    // Mostly there is room, or no more to be had.
    guard sendBuffer.limit < largest,
      sendBuffer.available < sendBuffer.limit / 2
    else { return }
    sendBuffer.limit = SendBufferTuning.limit(
      sendBuffer.limit,
      window: congestionWindow.size,
      largest: largest,
      isShort: blocks.memoryInUse > limits.value.sendMemory / 2
    )
  }
}
