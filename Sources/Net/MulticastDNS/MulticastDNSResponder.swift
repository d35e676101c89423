import Packets

/// Answers for one name of the link, `<host>.local`, and sees to it that nobody
/// else has it. RFC 6762.
///
///     probing --3 x 250 ms--> announcing --1 s--> answering
///        ^ ^                                         |
///        | +----- another has the name: new name ----+
///        +------- another wins the tie: a second of rest
///
/// It has no socket: ``poll(at:)`` says what to send, ``receive(_:_:at:)`` is
/// told what came. The socket is bound to port 5353, joined to 224.0.0.251, and
/// sends with a time to live of 255 (§11).
public struct MulticastDNSResponder: Sendable {
  /// What to send, and to whom.
  public struct Message: Sendable {
    /// The group, or one host.
    public let destination: Endpoint
    /// The message.
    public let bytes: [UInt8]
  }

  /// Where a message came from.
  public struct Origin: Sendable {
    /// Who sent it.
    public let source: Endpoint
    /// Whether it came to the group, and so from this link.
    public let isMulticast: Bool
    /// Whether its sender has an address of this link. RFC 6762 §11.
    public let isOnLink: Bool

    /// - Parameters as the properties.
    public init(source: Endpoint, isMulticast: Bool, isOnLink: Bool) {
      self.source = source
      self.isMulticast = isMulticast
      self.isOnLink = isOnLink
    }
  }

  /// Where everybody listens. RFC 6762 §3.
  public static var group: Endpoint {
    Endpoint(address: IPv4Address(224, 0, 0, 251), port: 5353)
  }

  /// How long the address may be believed: RFC 6762 §10 has two minutes for
  /// what names a host.
  static let timeToLive: UInt32 = 120
  /// For who asks from another port, as a plain resolver does. RFC 6762 §6.7.
  static let legacyTimeToLive: UInt32 = 10
  /// RFC 6762 §8.1.
  static let probeInterval: Interval = .milliseconds(250)
  static let probes = 3
  /// RFC 6762 §8.3.
  static let announcements = 2
  /// After a tie that another wins. RFC 6762 §8.2.
  static let tieRest: Interval = .seconds(1)
  /// RFC 6762 §8.1: after fifteen conflicts in ten seconds, five seconds before
  /// each try.
  static let conflictLimit = 15
  static let conflictPeriod: Interval = .seconds(10)
  static let conflictRest: Interval = .seconds(5)
  /// Records are not multicast more often. RFC 6762 §6.
  static let shortestInterval: Interval = .seconds(1)

  private enum State { case probing, announcing, answering, ended }

  private let wanted: [UInt8]
  private let address: IPv4Address
  private var random: RandomNumbers
  private var state = State.probing
  /// The name that is probed for or answered for.
  public private(set) var name: DNSName
  /// How many probes, or announcements, were sent.
  private var sent = 0
  private var next: Instant
  private var conflicts = 0
  private var conflictsSince: Instant
  /// When the records last went to everybody.
  private var multicastAt: Instant?
  /// An answer to everybody that is put off, until when.
  private var pending: Instant?
  /// Who has more known answers to tell before that. RFC 6762 §7.2.
  private var pendingFor: Endpoint?
  /// What to send to one host; each waits for the next poll only.
  private var replies: [Message] = []
  private var repliesSince: Instant
  private static let replyLimit = 8

  /// Messages that were no business of a responder.
  public private(set) var ignored = 0

  /// A responder for `host`, a label, at `address`, that begins to probe within
  /// a quarter of a second from `now` (§8.1).
  ///
  /// - Parameter host: what is no label is "apus" instead.
  public init(
    host: [UInt8],
    address: IPv4Address,
    random: RandomNumbers,
    at now: Instant
  ) {
    let isLabel = DNSName(ascii: host)?.labelCount == 1
    wanted = isLabel ? host : Array("apus".utf8)
    self.address = address
    self.random = random
    name = Self.name(wanted)
    next = now
    conflictsSince = now
    repliesSince = now
    probe(at: now + jitter(Self.probeInterval))
  }

  /// `label.local`. RFC 6762 §3.
  private static func name(_ label: [UInt8]) -> DNSName {
    guard let name = DNSName(ascii: label + Array(".local".utf8)) else {
      preconditionFailure("a label of at most 63 bytes makes a name")
    }
    return name
  }

  private mutating func jitter(_ most: Interval) -> Interval {
    Interval(nanoseconds: Int64(random.next() % UInt64(most.nanoseconds)))
  }

  private mutating func probe(at start: Instant) {
    state = .probing
    sent = 0
    next = start
    pending = nil
    pendingFor = nil
    replies = []
  }

  /// Whether the name is ours.
  public var isAnswering: Bool { state == .announcing || state == .answering }

  // MARK: Time

  /// When to call ``poll(at:)``; `nil`: when something has come.
  public var deadline: Instant? {
    if !replies.isEmpty { return repliesSince }
    switch state {
    case .probing: return next
    case .announcing: return pending.map { min($0, next) } ?? next
    case .answering: return pending
    case .ended: return nil
    }
  }

  /// What to send now; to be asked until there is nothing.
  public mutating func poll(at now: Instant) -> Message? {
    if !replies.isEmpty { return replies.removeFirst() }
    switch state {
    case .probing:
      guard now >= next else { return nil }
      guard sent < Self.probes else {
        state = .announcing
        sent = 0
        return announce(at: now)
      }
      sent += 1
      next = now + Self.probeInterval
      return probeMessage
    case .announcing where now >= next:
      return announce(at: now)
    case .announcing, .answering:
      guard let due = pending, now >= due else { return nil }
      return multicast(at: now)
    case .ended:
      return nil
    }
  }

  private mutating func announce(at now: Instant) -> Message {
    sent += 1
    next = now + .seconds(1)
    if sent == Self.announcements { state = .answering }
    return multicast(at: now)
  }

  private mutating func multicast(at now: Instant) -> Message {
    multicastAt = now
    pending = nil
    pendingFor = nil
    // §6: nor does an announcement follow sooner what a prober was told.
    next = max(next, now + Self.shortestInterval)
    return Message(
      destination: Self.group,
      bytes: response(timeToLive: Self.timeToLive)
    )
  }

  /// Tells the link that the name is nobody's from now on, because the machine
  /// ends. RFC 6762 §10.1. `nil` when it was not ours.
  public mutating func end() -> Message? {
    defer {
      state = .ended
      replies = []
      pending = nil
    }
    guard isAnswering else { return nil }
    return Message(destination: Self.group, bytes: response(timeToLive: 0))
  }

  /// The link may be another: the name is probed for anew. RFC 6762 §8.
  public mutating func linkCameUp(at now: Instant) {
    guard state != .ended else { return }
    probe(at: now + jitter(Self.probeInterval))
  }

  // MARK: Messages

  /// RFC 6762 §10.2: the top bit says that there are no other such records.
  private static let onlyOnes: UInt16 = DNSMessage.internet | 1 << 15
  /// RFC 6762 §5.4: the top bit of a question asks for an answer to the asker.
  private static let askerOnly: UInt16 = 1 << 15

  private var addressData: [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address.bits >> $0) }
  }

  /// Which types there are: A alone. RFC 6762 §6.1, RFC 4034 §4.1.
  private var typesData: [UInt8] { name.bytes + [0, 1, 0x40] }

  private var probeMessage: Message {
    var message = DNSWriter(identifier: 0, flags: 0)
    var question = DNSQuestion(name: name, kind: DNSMessage.Kind.any)
    question.recordClass = DNSMessage.internet | Self.askerOnly
    message.add(question)
    // RFC 6762 §8.2: what would be ours, for who probes at the same time.
    message.add(
      name,
      DNSMessage.Kind.address,
      recordClass: DNSMessage.internet,
      timeToLive: Self.timeToLive,
      addressData,
      to: .authorities
    )
    return Message(destination: Self.group, bytes: message.bytes)
  }

  /// The address, and that there is nothing else.
  private func response(
    timeToLive: UInt32,
    identifier: UInt16 = 0,
    question: DNSQuestion? = nil
  ) -> [UInt8] {
    var message = DNSWriter(
      identifier: identifier,
      flags: DNSMessage.Flag.response | DNSMessage.Flag.authoritative
    )
    // RFC 6762 §6.7: a plain resolver wants its question back, and would take
    // the bit for a class that it does not know.
    if let question { message.add(question) }
    let recordClass = question == nil ? Self.onlyOnes : DNSMessage.internet
    let wantsAddress =
      question.map {
        $0.kind == DNSMessage.Kind.address || $0.kind == DNSMessage.Kind.any
      } ?? true
    if wantsAddress {
      message.add(
        name,
        DNSMessage.Kind.address,
        recordClass: recordClass,
        timeToLive: timeToLive,
        addressData,
        to: .answers
      )
    }
    message.add(
      name,
      DNSMessage.Kind.nextSecure,
      recordClass: recordClass,
      timeToLive: timeToLive,
      typesData,
      to: wantsAddress ? .additionals : .answers
    )
    return message.bytes
  }

  // MARK: Receiving

  /// Takes a message that came to port 5353.
  public mutating func receive(
    _ message: RawSpan,
    _ origin: Origin,
    at now: Instant
  ) {
    do throws(DNSError) {
      // §11: who is elsewhere is not heard; §18.3, §18.11: all but plain
      // queries and responses are for another day.
      let header = try DNSHeader(parsing: message)
      let meaning = DNSMessage.Flag.operation | DNSMessage.Flag.responseCode
      guard state != .ended, origin.isMulticast || origin.isOnLink,
        header.flags & meaning == 0
      else {
        ignored += 1
        return
      }
      if header.isResponse {
        try receiveResponse(message, header, origin, at: now)
      } else {
        try receiveQuery(message, header, origin, at: now)
      }
    } catch {
      ignored += 1
    }
  }

  /// What a record says of our name.
  private enum Claim { case none, same, other }

  private func claim(
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
    _ origin: Origin,
    at now: Instant
  ) throws(DNSError) {
    // §6: responses come from the port.
    guard origin.source.port == Self.group.port else {
      ignored += 1
      return
    }
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

  private mutating func receiveQuery(
    _ message: RawSpan,
    _ header: DNSHeader,
    _ origin: Origin,
    at now: Instant
  ) throws(DNSError) {
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
      guard header.authorities > 0, asked != nil else { return }
      return try breakTie(message, header.authorities, &offset, at: now)
    }
    // §7.2: the rest of what an asker knows comes without questions.
    if isKnown, pendingFor == origin.source {
      pending = nil
      pendingFor = nil
    }
    guard isAnswering, let asked else { return }
    let wantsAddress =
      asked.kind == DNSMessage.Kind.address || asked.kind == DNSMessage.Kind.any
    guard !isKnown || !wantsAddress else { return }
    answer(
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
  ) {
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
  }

  /// To everybody: at once, for nobody else has these records (§6), but a while
  /// apart.
  private mutating func schedule(at now: Instant, apart: Interval) {
    let soonest = multicastAt.map { max($0 + apart, now) } ?? now
    pending = pending.map { min($0, soonest) } ?? soonest
    pendingFor = nil
  }

  private mutating func reply(
    _ bytes: [UInt8],
    to origin: Origin,
    at now: Instant
  ) {
    // Who forges a source elsewhere is not to have us answer there (§11).
    guard origin.isOnLink, replies.count < Self.replyLimit else {
      ignored += 1
      return
    }
    if replies.isEmpty { repliesSince = now }
    replies.append(Message(destination: origin.source, bytes: bytes))
  }

  /// Another probes for the name at the same time: whose records come later in
  /// the order of their bytes has it. RFC 6762 §8.2.
  private mutating func breakTie(
    _ message: RawSpan,
    _ count: UInt16,
    _ offset: inout Int,
    at now: Instant
  ) throws(DNSError) {
    // Our one record against the first of theirs in the order of types, and of
    // data within a type; when these are the same, who has more wins.
    var first: (kind: UInt16, data: [UInt8])?
    var theirs = 0
    for _ in 0..<count {
      let record = try DNSRecord(parsing: message, at: &offset)
      guard record.name == name,
        record.recordClass & ~Self.askerOnly == DNSMessage.internet
      else { continue }
      theirs += 1
      let other = (record.kind, record.data.map { message.byte(at: $0) })
      if first.map({ Self.precedes(other, $0) }) ?? true { first = other }
    }
    guard let first else { return }
    let ours = (kind: DNSMessage.Kind.address, data: addressData)
    let isOurs =
      first == ours ? theirs == 1 : Self.precedes(first, ours)
    guard !isOurs else { return }
    probe(at: now + Self.tieRest)
  }

  private static func precedes(
    _ left: (kind: UInt16, data: [UInt8]),
    _ right: (kind: UInt16, data: [UInt8])
  ) -> Bool {
    guard left.kind == right.kind else { return left.kind < right.kind }
    for index in 0..<min(left.data.count, right.data.count)
    where left.data[index] != right.data[index] {
      return left.data[index] < right.data[index]
    }
    return left.data.count < right.data.count
  }
}
