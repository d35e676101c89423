import Packets

/// One slot of ``UDPSockets``: a port, and what waits for the app.
struct UDPSocket: ~Copyable {
  /// Zero while the slot is free.
  var port: UInt16 = 0
  /// The only interface that it is of; `nil`: of all.
  var interface: Int?
  /// Which of the sockets that had the slot this is.
  var generation: UInt32 = 0
  /// Datagrams for the app, from their IP headers on.
  var received = PacketQueue()
  /// Those among them that are in a buffer of ``Reassembly``.
  var largeCount = 0
  /// A send was refused and has not been told of room yet.
  var wantsRoom = false
  /// How many buffers the refused one needs.
  var wantedBuffers = 1
  /// The interface that it was to go over.
  var wantedInterface = 0
  /// Whom it last sent to: only about those are errors believed, or any host
  /// could disturb any socket.
  var recent = InlineArray<4, Endpoint?>(repeating: nil)
  var nextRecent = 0
  /// What did not arrive, until the app is told.
  var failure: DatagramFailure?
  /// What is sent has this time to live; `nil`: the usual one.
  var timeToLive: UInt8?
  /// What the app was not told yet.
  var changes: DatagramChanges = []

  /// Whether one of the last datagrams went to `remote`.
  @_addressableSelf
  func hasSent(to remote: Endpoint) -> Bool {
    for index in recent.indices where recent[index] == remote { return true }
    return false
  }

  mutating func noteSent(to remote: Endpoint) {
    guard !hasSent(to: remote) else { return }
    recent[nextRecent] = remote
    nextRecent = (nextRecent + 1) % recent.count
  }
}
