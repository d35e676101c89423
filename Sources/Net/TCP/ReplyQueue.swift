extension TCP {
  /// A segment that belongs to no connection: a reset (RFC 9293 §3.5.2), what a
  /// connection in TIME-WAIT still says, or a SYN,ACK that nobody remembers.
  struct Reply {
    let local: Endpoint
    let remote: Endpoint
    var sequenceNumber: SequenceNumber
    var acknowledgementNumber = SequenceNumber(0)
    var flags: TCPHeader.Flags
    var window: UInt16 = 0
    var options = TCPOptions()

    init(
      local: Endpoint,
      remote: Endpoint,
      sequenceNumber: SequenceNumber,
      flags: TCPHeader.Flags
    ) {
      self.local = local
      self.remote = remote
      self.sequenceNumber = sequenceNumber
      self.flags = flags
    }
  }
}

/// Replies in the order in which they were made. Putting one in and taking the
/// first out take constant time; who fills the queue bounds it.
struct ReplyQueue {
  private var replies: [TCP.Reply] = []
  /// Where the first one is; those before it are gone.
  private var start = 0

  var count: Int { replies.count - start }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ reply: TCP.Reply) { replies.append(reply) }

  /// Takes the first out.
  mutating func popFirst() -> TCP.Reply? {
    guard !isEmpty else { return nil }
    let reply = replies[start]
    start += 1
    // Those that are gone are never more than those that there were at once.
    if 2 * start >= replies.count {
      replies.removeFirst(start)
      start = 0
    }
    return reply
  }

  /// Takes those out that go from `address`.
  mutating func removeAll(from address: IPAddress) {
    replies.removeFirst(start)
    start = 0
    replies.removeAll { $0.local.address == address }
  }
}
