/// Watches the segments that one machine sends and gets, and holds it to what
/// was agreed: no byte beyond the window that it was given, none taken back of
/// the one that it gave, no acknowledgement of what has not come, and no segment
/// larger than the peer takes.
package struct FlowWatch {
  private struct Ends: Hashable {
    var remote: UInt32
    /// The remote one first.
    var ports: UInt32
  }

  /// What is known of one connection from one side.
  private struct Flow {
    /// The number of the SYN that was sent, and what it offered.
    var initial: UInt32?
    var shift: Int?
    /// The same of the peer's, of the last that has come.
    var peerInitial: UInt32?
    var peerShift: Int?
    var peerSegmentSize = 536
    /// The first byte that may not be sent.
    var limit: UInt32?
    /// The first that was not offered to the peer.
    var offered: UInt32?
    /// The first that has not come.
    var arrived: UInt32?

    var isScaled: Bool { shift != nil && peerShift != nil }
  }

  private var flows: [Ends: Flow] = [:]

  package init() {}

  /// Looks at a segment whose checksums hold, which the machine gets.
  package mutating func receives(_ frame: Frame) throws(Failure) {
    guard frame.isTCP, frame.isRightTCP else { return }
    let tcp = frame.tcp
    let ends = Ends(remote: frame.ipSource, ports: frame.long(tcp))
    var flow = flows[ends] ?? Flow()
    let flags = frame.tcpFlags
    let number = frame.long(tcp + 4)
    if flags.contains(.syn), flow.peerInitial != number {
      let options = try TCPOptionList(frame)
      flow.peerInitial = number
      flow.peerShift = options.windowShift
      flow.peerSegmentSize = options.maximumSegmentSize ?? 536
      flow.arrived = nil
      flow.limit = nil
    }
    if let peer = flow.peerInitial {
      let end = number &+ frame.sequenceLength
      flow.arrived = later(flow.arrived ?? peer, end)
    }
    if flags.contains(.ack), let initial = flow.initial {
      let acknowledged = frame.long(tcp + 8)
      if Int32(bitPattern: acknowledged &- initial) > 0 {
        let edge = acknowledged &+ window(of: frame, flow.peerShift, flow)
        flow.limit = later(flow.limit ?? edge, edge)
      }
    }
    flows[ends] = flow
  }

  /// Checks a segment that the machine sends.
  package mutating func sends(_ frame: Frame) throws(Failure) {
    guard frame.isTCP, !frame.tcpFlags.contains(.rst) else { return }
    let tcp = frame.tcp
    let ends = Ends(
      remote: frame.ipDestination,
      ports: UInt32(frame.word(tcp + 2)) << 16 | UInt32(frame.word(tcp))
    )
    var flow = flows[ends] ?? Flow()
    let flags = frame.tcpFlags
    let number = frame.long(tcp + 4)
    if flags.contains(.syn), flow.initial != number {
      flow.initial = number
      flow.shift = try TCPOptionList(frame).windowShift
      flow.limit = nil
      flow.offered = nil
      if !flags.contains(.ack) { flow.peerInitial = nil }
    }
    defer { flows[ends] = flow }
    guard flow.initial != nil else { return }
    let payload = frame.tcpPayloadSize
    let options = frame.tcpHeaderSize - 20
    try require(
      payload == 0 || payload + options <= flow.peerSegmentSize,
      "\(payload) bytes and \(options) of options for a peer that takes "
        + "\(flow.peerSegmentSize)"
    )
    if let limit = flow.limit {
      // One byte may ask whether a window is still shut. RFC 9293 §3.8.6.1.
      let beyond = Int32(
        bitPattern: number &+ frame.sequenceLength &- limit
      )
      try require(beyond <= 1, "\(beyond) bytes beyond the window")
    }
    guard flags.contains(.ack), let arrived = flow.arrived else { return }
    let acknowledged = frame.long(tcp + 8)
    try require(
      Int32(bitPattern: acknowledged &- arrived) <= 0,
      "acknowledges \(acknowledged), of which \(arrived) is the first to come"
    )
    let edge = acknowledged &+ window(of: frame, flow.shift, flow)
    if let offered = flow.offered {
      let taken = Int32(bitPattern: offered &- edge)
      // RFC 7323 §2.4: what the scale cuts off.
      let slack = flow.isScaled ? Int32(1) << Int32(flow.shift ?? 0) : 1
      try require(taken < slack, "takes back \(taken) bytes of the window")
    }
    flow.offered = later(flow.offered ?? edge, edge)
  }

  private func window(
    of frame: Frame,
    _ shift: Int?,
    _ flow: Flow
  ) -> UInt32 {
    let field = UInt32(frame.word(frame.tcp + 14))
    guard flow.isScaled, !frame.tcpFlags.contains(.syn) else { return field }
    return field << UInt32(shift ?? 0)
  }

  private func later(_ left: UInt32, _ right: UInt32) -> UInt32 {
    Int32(bitPattern: left &- right) >= 0 ? left : right
  }
}

extension Frame {
  /// The sequence numbers that a segment takes.
  var sequenceLength: UInt32 {
    let flags = tcpFlags
    return UInt32(tcpPayloadSize) + (flags.contains(.syn) ? 1 : 0)
      + (flags.contains(.fin) ? 1 : 0)
  }
}
