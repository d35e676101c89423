import Packets

/// What others ask, and who is answered, and when.
extension MulticastDNSResponder {
  /// Others ask, and may probe for the name.
  ///
  /// - Returns: Why they are not answered, though they should be.
  mutating func receiveQuery(
    _ message: RawSpan,
    _ header: DNSHeader,
    _ origin: Origin,
    at now: Instant
  ) throws(DNSError) -> MulticastDNSError? {
    var offset = DNSHeader.size
    var asked: DNSQuestion?
    for _ in 0..<header.questions {
      let question = try DNSQuestion(parsing: message, at: &offset)
      let recordClass = question.recordClass & ~Self.askerOnly
      guard question.name == name,
        recordClass == DNSMessage.internet
          || recordClass == DNSMessage.anyClass
      else { continue }
      asked = asked ?? question
    }
    var isKnown = false
    for _ in 0..<header.answers {
      let record = try DNSRecord(parsing: message, at: &offset)
      // §7.1: who knows it, and for long enough, need not be told.
      guard try claim(of: record, in: message) == .same,
        record.timeToLive >= Self.timeToLive / 2
      else { continue }
      isKnown = true
    }
    if state == .probing {
      guard header.authorities > 0, asked != nil else { return nil }
      try breakTie(message, header.authorities, &offset, at: now)
      return nil
    }
    // §7.2: the rest of what an asker knows comes without questions.
    if isKnown, pendingFor == origin.source {
      pending = nil
      pendingFor = nil
    }
    guard isAnswering, let asked else { return nil }
    let wantsAddress =
      asked.kind == DNSMessage.Kind.address || asked.kind == DNSMessage.Kind.any
    guard !isKnown || !wantsAddress else { return nil }
    return answer(
      asked,
      header,
      origin,
      isProbe: header.authorities > 0,
      at: now
    )
  }

  private mutating func answer(
    _ question: DNSQuestion,
    _ header: DNSHeader,
    _ origin: Origin,
    isProbe: Bool,
    at now: Instant
  ) -> MulticastDNSError? {
    if origin.source.port != Self.group.port {
      // §6.7: a plain resolver; it gets its answer where it asked from.
      var question = question
      question.recordClass &= ~Self.askerOnly
      return reply(
        response(
          timeToLive: Self.legacyTimeToLive,
          identifier: header.identifier,
          question: question
        ),
        to: origin,
        at: now
      )
    }
    // §5.4: to the asker alone, if all others have heard it lately; a query to
    // this host alone is answered so, too (§5.5).
    let quarter = Interval.seconds(Int64(Self.timeToLive / 4))
    let isFresh = multicastAt.map { now - $0 < quarter } ?? false
    if !origin.isMulticast || question.recordClass & Self.askerOnly != 0,
      isFresh
    {
      return reply(
        response(timeToLive: Self.timeToLive),
        to: origin,
        at: now
      )
    }
    if isProbe {
      // §6: a name is defended at once, but not oftener than it is probed for.
      schedule(at: now, apart: Self.probeInterval)
    } else if !header.isTruncated {
      schedule(at: now, apart: Self.shortestInterval)
    } else if pending == nil {
      // §7.2: what the asker knows already is still to come.
      pendingFor = origin.source
      pending = now + .milliseconds(400) + jitter(.milliseconds(100))
    }
    return nil
  }

  /// To everybody: at once, for nobody else has these records (§6), but a while
  /// apart.
  mutating func schedule(at now: Instant, apart: Interval) {
    let soonest = multicastAt.map { max($0 + apart, now) } ?? now
    pending = pending.map { min($0, soonest) } ?? soonest
    pendingFor = nil
  }

  private mutating func reply(
    _ bytes: [UInt8],
    to origin: Origin,
    at now: Instant
  ) -> MulticastDNSError? {
    // Who forges a source elsewhere is not to have us answer there (§11).
    guard origin.isOnLink else { return .offLink }
    guard replies.count < Self.replyLimit else { return .tooMany }
    if replies.isEmpty { repliesSince = now }
    replies.append(Message(destination: origin.source, bytes: bytes))
    return nil
  }
}
