import Packets

/// What others say, and what it means for the name.
extension MulticastDNSResponder {
  /// Takes a message that came to port 5353.
  ///
  /// - Returns: Why it has no effect, or none beyond what was understood before;
  ///   `nil` when all is well.
  public mutating func receive(
    _ message: RawSpan,
    _ origin: Origin,
    at now: Instant
  ) -> MulticastDNSError? {
    guard state != .ended else { return nil }
    // §11: who is elsewhere is not heard; to the group only the link can send.
    guard origin.isMulticast || origin.isOnLink else { return .offLink }
    guard message.byteCount <= Self.longestMessage else { return .malformed }
    do throws(DNSError) {
      let header = try DNSHeader(parsing: message)
      // §18.3, §18.11: all but plain queries and responses are for another day.
      let meaning = DNSMessage.Flag.operation | DNSMessage.Flag.responseCode
      guard header.flags & meaning == 0 else { return .notPlain }
      guard header.isResponse else {
        return try receiveQuery(message, header, origin, at: now)
      }
      // §6: responses come from the port.
      guard origin.source.port == Self.group.port else { return .portWrong }
      try receiveResponse(message, header, at: now)
      return nil
    } catch {
      return .malformed
    }
  }

  /// What a record says of our name.
  enum Claim { case none, same, other }

  func claim(
    of record: DNSRecord,
    in message: RawSpan
  ) throws(DNSError) -> Claim {
    let recordClass = record.recordClass & ~Self.askerOnly
    guard recordClass == DNSMessage.internet, record.name == name else {
      return .none
    }
    switch record.kind {
    case DNSMessage.Kind.address:
      return try record.address(in: message) == address ? .same : .other
    case DNSMessage.Kind.nextSecure:
      // §6.1: it says what there is not, and that is no claim to the name.
      return .none
    default:
      // While probing for all types, any record is another's (§8.1); later
      // only what contradicts ours (§9).
      return state == .probing ? .other : .none
    }
  }

  private mutating func receiveResponse(
    _ message: RawSpan,
    _ header: DNSHeader,
    at now: Instant
  ) throws(DNSError) {
    var offset = DNSHeader.size
    for _ in 0..<header.questions {
      _ = try DNSQuestion(parsing: message, at: &offset)
    }
    let count =
      Int(header.answers) + Int(header.authorities) + Int(header.additionals)
    for _ in 0..<count {
      let record = try DNSRecord(parsing: message, at: &offset)
      switch try claim(of: record, in: message) {
      case .none:
        continue
      case .other:
        // A goodbye is none: who says it has given the name up (§10.1).
        guard record.timeToLive > 0 else { continue }
        return conflict(at: now)
      case .same:
        // §6.6, §10.1: somebody tells the link that our record is about to end.
        guard isAnswering, record.timeToLive < Self.timeToLive / 2 else {
          continue
        }
        schedule(at: now, apart: Self.shortestInterval)
      }
    }
  }

  /// Another has the name. RFC 6762 §8.1, §9.
  private mutating func conflict(at now: Instant) {
    if isAnswering {
      // §9: the name is probed for again; if it is really another's, that says
      // so then.
      return probe(at: now)
    }
    if now - conflictsSince > Self.conflictPeriod {
      conflicts = 0
      conflictsSince = now
    }
    conflicts += 1
    name = Self.name(otherLabel())
    let rest = conflicts >= Self.conflictLimit ? Self.conflictRest : .zero
    probe(at: now + rest + jitter(Self.probeInterval))
  }

  /// The label that was wished for, with four digits behind it: two guests of
  /// one name find another each, and not the same.
  private mutating func otherLabel() -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    let number = random.next()
    var label = Array(wanted.prefix(DNSName.labelLimit - 5)) + [0x2D]
    for shift in [12, 8, 4, 0] as [UInt64] {
      label.append(digits[Int(number >> shift & 0xF)])
    }
    return label
  }
}
