/// What a network device counts.
extension NetworkDevice {
  /// What the receive queues count, together with those of before a restart.
  public var received: QueueCounters {
    var sum = earlierReceived
    for index in pairs.indices { sum.add(pairs[index].received) }
    return sum
  }

  /// What the transmit queues count, together with those of before a restart.
  public var sent: QueueCounters {
    var sum = earlierSent
    for index in pairs.indices { sum.add(pairs[index].sent) }
    return sum
  }

  /// What the receive queue of a pair counts.
  ///
  /// - Precondition: There is such a pair.
  public func received(pair: Int) -> QueueCounters { pairs[pair].received }

  /// What the transmit queue of a pair counts.
  ///
  /// - Precondition: There is such a pair.
  public func sent(pair: Int) -> QueueCounters { pairs[pair].sent }

  /// The frames that went through, both ways.
  public var frames: UInt64 { received.packets &+ sent.packets }

  /// How often the device was reached, or has interrupted: notifications,
  /// interrupts, reads of their status and answers to it. Each is an exit of the virtual machine.
  public var exits: UInt64 {
    received.notifications &+ sent.notifications
      &+ controlCounters.notifications &+ counters.interrupts
      &+ counters.interruptStatusReads &+ counters.interruptAnswers
  }

  /// Calls `body` with each thing counted, in a fixed order: its name, the pair
  /// of queues that counts it (`nil`: all together), and its value. Pairs are
  /// told apart only when there are several.
  public func forEachCounter(_ body: (StaticString, Int?, UInt64) -> Void) {
    let (received, sent) = (received, sent)
    Self.forEachCounter(received, sent, nil, body)
    body(
      "virtio: taken back by queue resets",
      nil,
      received.takenBack &+ sent.takenBack
    )
    let control = controlCounters
    body("virtio: control commands", nil, control.commands)
    body("virtio: control commands refused", nil, control.refused)
    body("virtio: control commands unanswered", nil, control.unanswered)
    counters.forEach { body($0, nil, $1) }
    body("virtio: exits", nil, exits)
    guard pairs.count > 1 else { return }
    for index in pairs.indices {
      let (received, sent) = (pairs[index].received, pairs[index].sent)
      Self.forEachCounter(received, sent, index, body)
      body("virtio: receive queue not filled", index, received.stalls)
      body("virtio: transmit queue full", index, sent.stalls)
      body("virtio: receive drops", index, received.dropped)
      body("virtio: transmit drops", index, sent.dropped)
    }
  }

  private static func forEachCounter(
    _ received: QueueCounters,
    _ sent: QueueCounters,
    _ pair: Int?,
    _ body: (StaticString, Int?, UInt64) -> Void
  ) {
    body("virtio: frames received", pair, received.packets)
    body("virtio: frames sent", pair, sent.packets)
    body("virtio: receive notifications", pair, received.notifications)
    body("virtio: transmit notifications", pair, sent.notifications)
    body("virtio: bytes received", pair, received.bytes)
    body("virtio: bytes sent", pair, sent.bytes)
  }
}
