import Packets

/// Asks servers what time it is. RFC 4330 §5.
///
/// It has no socket: ``poll(at:)`` says whom to ask what, ``receive(_:from:at:)``
/// is told what came. What it learns is where the monotonic clock stands in the
/// world's time; that clock itself never jumps.
public struct SNTPClient: Sendable {
  /// One question.
  public struct Request: Sendable {
    /// Whom to ask, from a new port each time: whoever cannot see the question
    /// should not be able to answer it.
    public let server: Endpoint
    /// What.
    public let message: [UInt8]
  }

  /// RFC 4330 §10: a client must not ask a server more often.
  static let shortestInterval: Interval = .seconds(15)
  /// Between two questions that were answered.
  static let longestInterval: Interval = .seconds(1024)
  /// How long an answer is waited for; beyond, the time in it is worth little.
  static let patience: Interval = .seconds(2)

  private struct Server: Sendable {
    let address: IPAddress
    /// When it may be asked next.
    var next: Instant
    /// How long it is left alone after a question; more after a kiss.
    var interval = SNTPClient.shortestInterval
    /// Whether it has forbidden to ask.
    var isForbidden = false
  }

  private var servers: [Server]
  private var random: RandomNumbers
  /// The server whose answer is awaited.
  private var asked: Int?
  private var askedAt: Instant
  private var nonce = NTPTimestamp(bits: 0)
  /// Where the search for the next server begins: the one that answered last.
  private var turn = 0
  /// What the world's clocks showed at `setAt`.
  private var known: (date: UTCDate, at: Instant)?
  private var nextQuestion: Instant

  /// A client of `servers`, the best of which comes first; no more than four
  /// are used.
  ///
  /// RFC 4330 §10 would have it wait a minute or more before it asks first, lest
  /// all machines of a site do so at once after a power cut. A guest that lives
  /// for minutes wants to know sooner: it waits a random part of a second.
  public init(
    servers: [IPAddress],
    random: RandomNumbers,
    at now: Instant
  ) {
    var random = random
    let delay = Int64(random.next() % 1_000_000_000)
    nextQuestion = now + Interval(nanoseconds: delay)
    self.servers = servers.prefix(4).map { Server(address: $0, next: now) }
    self.random = random
    askedAt = now
  }

  // MARK: The date

  /// The time at `now`; `nil` before any server has told it.
  public func date(at now: Instant) -> UTCDate? {
    known.map { $0.date + (now - $0.at) }
  }

  // MARK: Asking

  /// Whether an answer is awaited.
  public var isWaiting: Bool { asked != nil }

  /// When to call ``poll(at:)``; `nil`: nobody may be asked.
  public var deadline: Instant? {
    if asked != nil { return askedAt + Self.patience }
    guard servers.contains(where: { !$0.isForbidden }) else { return nil }
    return nextQuestion
  }

  /// What to ask now, if anything is.
  public mutating func poll(at now: Instant) -> Request? {
    if let index = asked {
      guard now >= askedAt + Self.patience else { return nil }
      // Silence: the next one at once if it may be asked, this one later.
      asked = nil
      back(off: index, at: now)
      turn = index + 1
      nextQuestion = now
    }
    guard now >= nextQuestion else { return nil }
    guard let index = ready(at: now) else {
      if let first = earliest { nextQuestion = max(first, now) }
      return nil
    }
    return ask(index, at: now)
  }

  private func ready(at now: Instant) -> Int? {
    for step in 0..<servers.count {
      let index = (turn + step) % servers.count
      let server = servers[index]
      if !server.isForbidden, server.next <= now { return index }
    }
    return nil
  }

  private var earliest: Instant? {
    servers.filter { !$0.isForbidden }.map { $0.next }.min()
  }

  private mutating func ask(_ index: Int, at now: Instant) -> Request {
    asked = index
    askedAt = now
    servers[index].next = now + servers[index].interval
    // RFC 4330 §5 has the client's time here. Random bits serve as well to know
    // the answer by, and tell nobody what our clock shows.
    nonce = NTPTimestamp(bits: random.next() | 1)
    return Request(
      server: Endpoint(address: servers[index].address, port: NTPMessage.port),
      message: NTPMessage(asking: nonce).bytes
    )
  }

  /// RFC 4330 §10: who does not answer is asked less and less often.
  private mutating func back(off index: Int, at now: Instant) {
    let doubled = servers[index].interval * 2
    servers[index].interval = min(doubled, Self.longestInterval)
    servers[index].next = max(
      servers[index].next,
      askedAt + servers[index].interval
    )
  }

  // MARK: Answers

  /// Takes what came from `source`, or says why it is no answer; then the right
  /// one is still awaited. RFC 4330 §5 lists what to look at.
  public mutating func receive(
    _ bytes: RawSpan,
    from source: Endpoint,
    at now: Instant
  ) throws(SNTPError) {
    guard let index = asked else { throw SNTPError.unexpected }
    let server = Endpoint(
      address: servers[index].address,
      port: NTPMessage.port
    )
    guard source == server else { throw SNTPError.sourceWrong }
    guard let message = NTPMessage(parsing: bytes) else {
      throw SNTPError.malformed
    }
    guard message.mode == NTPMessage.server, message.version != 0 else {
      throw SNTPError.malformed
    }
    // Before all else: only who saw the question knows this.
    guard message.originate == nonce else { throw SNTPError.notAnAnswer }
    guard message.stratum != 0 else { return kiss(message, index, at: now) }
    let trip = now - askedAt
    let stay = message.transmit.date - message.receive.date
    guard message.stratum < 16, message.leap != NTPMessage.unsynchronised,
      message.transmit.bits != 0, message.receive.bits != 0,
      // RFC 4330 §5: root delay and dispersion are less than a second.
      message.rootDelay >> 16 == 0, message.rootDispersion >> 16 == 0,
      stay >= .zero, stay <= trip + .seconds(1)
    else {
      fail(index, at: now)
      throw SNTPError.unsynchronised
    }
    // RFC 4330 §5: half of the way there and back, without the stay.
    let way = max(trip - stay, .zero) / 2
    known = (message.transmit.date + way, now)
    asked = nil
    turn = index
    servers[index].interval = Self.shortestInterval
    nextQuestion = now + spread(Self.longestInterval)
  }

  /// RFC 4330 §8: a server that wants us to stop, or to ask less often.
  private mutating func kiss(
    _ message: NTPMessage,
    _ index: Int,
    at now: Instant
  ) {
    switch message.referenceIdentifier {
    case 0x4445_4E59, 0x5253_5452:  // DENY, RSTR
      servers[index].isForbidden = true
    default:  // RATE, and what asks for less in another way
      break
    }
    fail(index, at: now)
  }

  private mutating func fail(_ index: Int, at now: Instant) {
    back(off: index, at: now)
    asked = nil
    turn = index + 1
    nextQuestion = now
  }

  /// `interval`, less up to a sixteenth, so that clients which met once do not
  /// meet again.
  private mutating func spread(_ interval: Interval) -> Interval {
    let most = UInt64(interval.nanoseconds / 16)
    return interval - Interval(nanoseconds: Int64(random.next() % most))
  }
}

/// Why what came to a time client is no answer.
public enum SNTPError: Int, Error, CaseIterable, Sendable {
  /// Nothing was asked.
  case unexpected
  /// Not from the server that was asked.
  case sourceWrong
  /// Too short, or not what a server says.
  case malformed
  /// It does not quote the question.
  case notAnAnswer
  /// The server does not know the time itself, or what it says makes no sense.
  case unsynchronised
}

extension SNTPError {
  /// The name under which the count is shown.
  public var name: StaticString {
    switch self {
    case .unexpected: "ntp: unexpected"
    case .sourceWrong: "ntp: wrong source"
    case .malformed: "ntp: malformed"
    case .notAnAnswer: "ntp: not an answer"
    case .unsynchronised: "ntp: unsynchronised"
    }
  }
}
