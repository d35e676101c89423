import Testing

@testable import Net

/// Where a test begins.
extension TCPHarness {
  /// A connection of a listener, accepted, its handshake done.
  static func established(
    limits: TCPLimits = TCPHarness.limits,
    window: Int = 65535,
    mss: Int? = 1000,
    scale: Int? = nil,
    stamp: Int? = nil,
    permitsSACK: Bool = false,
    flags: TCPHeader.Flags = .syn
  ) -> (TCPHarness, ConnectionID) {
    let harness = TCPHarness(limits: limits)
    let listener = try! harness.tcp.listen(port: port, backlog: 4)
    harness.receive(
      Segment(
        flags,
        0,
        window: window,
        mss: mss,
        scale: scale,
        stamp: stamp.map { ($0, 0) },
        permitsSACK: permitsSACK
      )
    )
    _ = harness.learnInitial()
    harness.receive(
      Segment([], 1, ack: 1, window: window, stamp: stamp.map { ($0, 0) })
    )
    let id = harness.accept(listener)!
    _ = harness.events()
    return (harness, id)
  }

  /// A connection that we opened, SYN sent.
  static func synSent(
    limits: TCPLimits = TCPHarness.limits,
    syn: ((Segment?) -> Void) = { _ in }
  ) -> (TCPHarness, ConnectionID) {
    let harness = TCPHarness(limits: limits)
    harness.remotePort = 7
    let id = try! harness.tcp.connect(
      from: ours,
      to: Endpoint(address: theirs, port: 7),
      maximumSegmentSize: 1460,
      at: harness.now
    )
    syn(harness.learnInitial())
    return (harness, id)
  }

  /// The peer has closed: CLOSE-WAIT.
  static func closeWait() -> (TCPHarness, ConnectionID) {
    let (harness, id) = established()
    harness.receive(Segment(.fin, 1, ack: 1))
    harness.drain()
    return (harness, id)
  }

  /// We have closed, FIN sent: FIN-WAIT-1.
  static func finWait1(
    limits: TCPLimits = TCPHarness.limits
  ) -> (TCPHarness, ConnectionID) {
    let (harness, id) = established(limits: limits)
    harness.close(id)
    harness.drain()
    return (harness, id)
  }

  /// Our FIN is acknowledged: FIN-WAIT-2.
  static func finWait2(
    limits: TCPLimits = TCPHarness.limits
  ) -> (TCPHarness, ConnectionID) {
    let (harness, id) = finWait1(limits: limits)
    harness.receive(Segment([], 1, ack: 2))
    return (harness, id)
  }

  static func closing() -> (TCPHarness, ConnectionID) {
    let (harness, id) = finWait1()
    harness.receive(Segment(.fin, 1, ack: 1))
    harness.drain()
    return (harness, id)
  }

  static func lastAck() -> (TCPHarness, ConnectionID) {
    let (harness, id) = closeWait()
    harness.close(id)
    harness.drain()
    return (harness, id)
  }

  static func timeWait(
    limits: TCPLimits = TCPHarness.limits
  ) -> (TCPHarness, ConnectionID) {
    let (harness, id) = finWait2(limits: limits)
    harness.receive(Segment(.fin, 1, ack: 2))
    harness.drain()
    _ = harness.events()
    return (harness, id)
  }

  /// A connection in `state`, with all sent that there was to send. In the
  /// synchronized states but CLOSE-WAIT and those after it the peer's next
  /// number is 1, else 2.
  static func inState(_ state: TCPState) -> (TCPHarness, ConnectionID) {
    let (harness, id) =
      switch state {
      case .synSent: synSent()
      case .synReceived: synReceived()
      case .established: established()
      case .finWait1: finWait1()
      case .finWait2: finWait2()
      case .closeWait: closeWait()
      case .closing: closing()
      case .lastAck: lastAck()
      case .timeWait: timeWait()
      case .closed: closed()
      }
    precondition(harness.tcp.state(id) == state)
    return (harness, id)
  }

  /// A simultaneous open: SYN-RECEIVED.
  static func synReceived() -> (TCPHarness, ConnectionID) {
    let (harness, id) = synSent()
    harness.receive(Segment(.syn, 0))
    harness.drain()
    return (harness, id)
  }

  static func closed() -> (TCPHarness, ConnectionID) {
    let (harness, id) = lastAck()
    harness.receive(Segment([], 2, ack: 2))
    return (harness, id)
  }
}
