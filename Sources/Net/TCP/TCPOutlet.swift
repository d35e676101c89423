/// What TCP has for one interface: who has something to send there, and what its
/// device does with it. A connection is of the interface that has its local
/// address; a device that is down or full holds back nobody else.
struct TCPOutlet: ~Copyable {
  /// Slots with something to send, or that had: each sends one segment in its
  /// turn, and goes when it has none.
  var sending: SlotList
  /// What is said to those without a connection.
  var replies = ReplyQueue()
  /// Whether a segment of a connection is next, though replies wait.
  var isSegmentsTurn = false
  /// What the device does with what is sent.
  var capabilities: LinkCapabilities

  /// That of interface `number`.
  init(_ capabilities: LinkCapabilities, number: Int) {
    self.capabilities = capabilities
    sending = SlotList(number: UInt16(number))
  }

  /// Whether a reply is next.
  var isReplysTurn: Bool {
    !replies.isEmpty && (!isSegmentsTurn || sending.isEmpty)
  }
}
