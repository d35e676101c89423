import Packets

/// Answers for one name of the link, `<host>.local`, and sees to it that nobody
/// else has it. RFC 6762.
///
///     probing --3 x 250 ms--> announcing --1 s--> answering
///        ^ ^                                         |
///        | +----- another has the name: new name ----+
///        +------- another wins the tie: a second of rest
///
/// What it sends is in `MulticastDNSResponder+Messages`, what others say in
/// `+Responses`, what they ask in `+Queries`, and who wins in `+Tie`.
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
  /// The longest message: RFC 6762 §17 has 9,000 bytes for a packet, with its IP
  /// and UDP headers.
  static let longestMessage = 9_000 - 20 - 8
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

  enum State { case probing, announcing, answering, ended }

  let wanted: [UInt8]
  let address: IPv4Address
  var random: RandomNumbers
  var state = State.probing
  /// The name that is probed for or answered for.
  public internal(set) var name: DNSName
  /// How many probes, or announcements, were sent.
  var sent = 0
  var next: Instant
  var conflicts = 0
  var conflictsSince: Instant
  /// When the records last went to everybody.
  var multicastAt: Instant?
  /// An answer to everybody that is put off, until when.
  var pending: Instant?
  /// Who has more known answers to tell before that. RFC 6762 §7.2.
  var pendingFor: Endpoint?
  /// What to send to one host; each waits for the next poll only.
  var replies: [Message] = []
  var repliesSince: Instant
  static let replyLimit = 8

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
    // One label may be written with a dot behind it, but has none in it.
    let isLabel =
      DNSName(ascii: host)?.labelCount == 1 && !host.contains(0x2E)
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
  static func name(_ label: [UInt8]) -> DNSName {
    guard let name = DNSName(ascii: label + Array(".local".utf8)) else {
      preconditionFailure("a label of at most 63 bytes makes a name")
    }
    return name
  }

  mutating func jitter(_ most: Interval) -> Interval {
    Interval(nanoseconds: Int64(random.next() % UInt64(most.nanoseconds)))
  }

  mutating func probe(at start: Instant) {
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
}
