import Packets

/// SYN cookies: what a listener whose backlog is full answers. RFC 4987 §3.6.
extension TCP {
  /// Answers the SYN `segment` without keeping anything, unless the backlog is
  /// full of connections that the app has yet to accept: then one more has no
  /// place to go to, and the peer tries again.
  mutating func answerWithCookie(
    _ segment: TCPHeader,
    listener index: Int,
    key: Key,
    maximumSegmentSize: Int,
    at now: Instant
  ) {
    guard limits.value.usesCookies,
      listeners[index].acceptable.count < listeners[index].backlog
    else { return }
    listeners[index].cookiesUntil = now + SYNCookies.period
    let options = segment.options
    var contents = SYNCookies.Contents(
      maximumSegmentSize: options.maximumSegmentSize
        ?? UInt16(limits.value.defaultSegmentSize)
    )
    var reply = Reply(
      local: key.local,
      remote: key.remote,
      sequenceNumber: SequenceNumber(0),
      flags: [.syn, .acknowledgement]
    )
    // Only timestamps come back to say what else was agreed.
    if let timestamp = options.timestamp {
      contents.windowScale = options.windowScale
      contents.permitsSACK = options.isSACKPermitted
      contents.usesECN = ECNReceiver.isAgreed(segment.flags)
      let clock = Timestamps(offset: clockOffset(of: key)).value(at: now)
      reply.options.timestamp = TCPOptions.Timestamp(
        value: SYNCookies.timestamp(for: contents, clock: clock),
        echo: timestamp.value
      )
      reply.options.isSACKPermitted = contents.permitsSACK
      if contents.windowScale != nil {
        reply.options.windowScale = ReceiveSequence(limits.value).offeredShift
      }
      if contents.usesECN { reply.flags.insert(.congestionEcho) }
    }
    reply.sequenceNumber = SYNCookies.sequenceNumber(
      for: contents,
      key: key,
      peer: segment.sequenceNumber,
      secret: secret,
      at: now
    )
    reply.acknowledgementNumber = segment.sequenceNumber + 1
    reply.options.maximumSegmentSize = UInt16(clamping: maximumSegmentSize)
    var receive = ReceiveSequence(limits.value)
    // No more than what a connection begins with when the cookie comes back.
    receive.capacity = firstWindow(maximumSegmentSize)
    reply.window = receive.synWindowField
    counters.cookiesSent &+= 1
    send(reply, on: Int(key.interface))
  }

  /// What an acknowledgement that belongs to no connection is.
  enum CookieVerdict {
    /// Not of a cookie of ours.
    case none
    /// Not to be taken now, nor to be answered: the peer sends again.
    case ignored
    /// Of one: the connection is in this slot, in SYN-RECEIVED, and the
    /// acknowledgement is for it.
    case connection(UInt32)
  }

  /// Whether `segment`, which belongs to no connection, comes back with a cookie.
  mutating func cookieArrives(
    _ segment: TCPHeader,
    payload: Int,
    key: Key,
    maximumSegmentSize: Int,
    at now: Instant
  ) -> CookieVerdict {
    let flags = segment.flags
    guard flags.contains(.acknowledgement),
      flags.isDisjoint(with: [.syn, .reset]),
      let listener = listener(at: key.local),
      let until = listeners[Int(listener)].cookiesUntil, now < until
    else { return .none }
    let number = segment.acknowledgementNumber - 1
    let peer = segment.sequenceNumber - 1
    guard
      let size = SYNCookies.segmentSize(
        of: number,
        key: key,
        peer: peer,
        secret: secret,
        at: now
      )
    else {
      counters.cookiesWrong &+= 1
      // Text may have overtaken the acknowledgement that was to bring the
      // cookie; what does not stand where that did cannot be told from it.
      return payload > 0 ? .ignored : .none
    }
    let index = Int(listener)
    guard listeners[index].acceptable.count < listeners[index].backlog else {
      counters.cookiesWithoutRoom &+= 1
      return .ignored
    }
    var contents = SYNCookies.Contents(maximumSegmentSize: size)
    if let timestamp = segment.options.timestamp {
      SYNCookies.take(timestamp.echo, into: &contents)
    }
    var connection = newConnection(
      to: listener,
      key: key,
      initial: number,
      maximumSegmentSize: maximumSegmentSize
    )
    connection.synchronize(
      with: syn(of: contents, before: segment),
      limits: limits,
      at: now
    )
    // Our SYN,ACK was sent; it is just not remembered.
    connection.send.next = number + 1
    connection.timestamps.acknowledged(upTo: connection.receive.next)
    guard let slot = insert(connection) else {
      counters.cookiesWithoutRoom &+= 1
      return .ignored
    }
    counters.cookiesAccepted &+= 1
    listeners[index].pending += 1
    slots[Int(slot)].halfOpenSince = now
    return .connection(slot)
  }

  /// The SYN that `segment` followed, as far as it is known.
  private func syn(
    of contents: SYNCookies.Contents,
    before segment: TCPHeader
  ) -> TCPHeader {
    var syn = TCPHeader(
      sourcePort: segment.sourcePort,
      destinationPort: segment.destinationPort,
      sequenceNumber: segment.sequenceNumber - 1,
      flags: contents.usesECN
        ? [.syn, .congestionEcho, .windowReduced] : .syn
    )
    syn.window = segment.window
    syn.options.maximumSegmentSize = contents.maximumSegmentSize
    syn.options.windowScale = contents.windowScale
    syn.options.isSACKPermitted = contents.permitsSACK
    syn.options.timestamp = segment.options.timestamp
    return syn
  }

  /// What the clock of timestamps between these ends is ahead by.
  func clockOffset(of key: Key) -> UInt32 {
    Timestamps.offset(local: key.local, remote: key.remote, secret: secret)
  }
}
