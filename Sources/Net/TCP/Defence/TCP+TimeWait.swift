import BasicContainers
import Packets

/// TIME-WAIT of connections that no app holds: see ``TimeWaitTable``.
extension TCP {
  /// A segment came for the record at `index`. Returns `nil` when it was dealt
  /// with, or the listener where it begins a new connection.
  mutating func segmentArrivesInTimeWait(
    _ index: Int,
    _ segment: TCPHeader,
    payload: Int,
    at now: Instant
  ) -> UInt32? {
    var verdict = timeWait[index].state.segmentArrives(
      segment,
      payload: payload
    )
    if verdict == .reopen {
      let listener = listenerToReopen(timeWait[index].local)
      if let listener { return listener }
      verdict = .challenge
    }
    switch verdict {
    case .ignore:
      counters.timeWaitIgnored &+= 1
    case .disown:
      counters.timeWaitIgnored &+= 1
      timeWait[index].state.isDisowned = true
    case .acknowledge:
      acknowledgeInTimeWait(index, at: now)
    case .acknowledgeAndRestart:
      timeWait.restart(index, until: now + limits.value.timeWait)
      acknowledgeInTimeWait(index, at: now)
    case .challenge:
      // RFC 5961 §7.
      guard
        timeWait[index].allowsChallenge(
          limits.value.challenges,
          every: limits.value.challengePeriod,
          at: now
        )
      else {
        counters.challengesSuppressed &+= 1
        return nil
      }
      counters.challengesSent &+= 1
      acknowledgeInTimeWait(index, at: now)
    case .reopen:
      break
    }
    return nil
  }

  /// Where a SYN to `local` may end TIME-WAIT: somebody listens there and has
  /// room, so that a connection comes of it (RFC 9293 §3.10.7.4, RFC 6191).
  /// Elsewhere it would be a reset by another name, which RFC 1337 §3 has us
  /// ignore; and a cookie knows nothing of the numbers that were used before.
  func listenerToReopen(_ local: Endpoint) -> UInt32? {
    guard let listener = listener(at: local),
      listeners[Int(listener)].pending < listeners[Int(listener)].backlog,
      freeSlots > 0 || slots.count < limits.value.connections
    else { return nil }
    return listener
  }

  private mutating func acknowledgeInTimeWait(_ index: Int, at now: Instant) {
    let record = timeWait[index]
    var reply = Reply(
      local: record.local,
      remote: record.remote,
      sequenceNumber: record.state.sendNext,
      flags: .acknowledgement
    )
    reply.acknowledgementNumber = record.state.receiveNext
    reply.window = record.state.window
    if record.state.hasTimestamps {
      reply.options.timestamp = TCPOptions.Timestamp(
        value: Timestamps(offset: record.state.clockOffset).value(at: now),
        echo: record.state.recent
      )
    }
    send(reply, on: Int(record.interface))
  }

  /// The connection in `slot`, in TIME-WAIT and released, with its last
  /// acknowledgement sent, becomes a record. At the bound the oldest goes.
  mutating func moveToTimeWait(_ slot: UInt32) {
    let index = Int(slot)
    if timeWait.isFull {
      counters.timeWaitEvicted &+= 1
      timeWait.removeOldest()
    }
    timeWait.insert(
      TimeWaitTable.Record(
        local: slots[index].connection.local,
        remote: slots[index].connection.remote,
        interface: slots[index].connection.interface,
        state: slots[index].connection.leftInTimeWait(),
        expiry: slots[index].connection.expiry!
      )
    )
    slots[index].connection.end(nil)
  }

  /// Puts `reply` behind the others, if there is room.
  mutating func send(_ reply: Reply, on interface: Int) {
    guard outlets[interface].replies.count < limits.value.pendingReplies else {
      counters.repliesFull &+= 1
      return
    }
    outlets[interface].replies.append(reply)
  }
}
