import Packets

/// Asks servers for the addresses of one name, one server at a time, until one
/// of them knows. RFC 1034 §5.3.1 calls this a stub resolver.
///
/// It has no socket: ``next(at:)`` says whom to ask what, ``receive(_:from:)``
/// is told what came. Each datagram goes from a port of its own (RFC 5452 §9.2),
/// which is closed when ``isWaiting`` no longer holds.
public struct DNSQuery: Sendable {
  /// One question to one server.
  public struct Attempt: Sendable {
    /// Whom to ask.
    public let server: Endpoint
    /// What; over TCP it goes behind its length. RFC 1035 §4.2.2.
    public let message: [UInt8]
    /// Whether to ask over TCP.
    public let isStream: Bool
    /// When to stop waiting for the answer.
    public let deadline: Instant
  }

  /// What to do next.
  public enum Step: Sendable {
    /// Ask, and wait for the answer.
    case ask(Attempt)
    /// Done.
    case answered(DNSAnswer)
    /// Nothing came of it: `noServers`, `serverFailure` or `timedOut`.
    case failed(ResolveError)
  }

  private let limits: DNSLimits
  private let servers: [IPAddress]
  private let end: Instant
  private var random: RandomNumbers
  /// The name that is asked for now: the end of the aliases so far.
  private var name: DNSName
  private var aliases = 0
  /// The least time that an alias so far may be believed.
  private var seconds: UInt32

  /// The servers that have answered that they cannot, one bit each.
  private var failed: UInt32 = 0
  private var asked = 0
  /// The server to ask again over TCP.
  private var streamServer: Int?
  /// Whether somebody guesses at our numbers.
  private var isAttacked = false
  private var forgeries = 0
  private var answer: DNSAnswer?

  private var server = 0
  private var identifier: UInt16 = 0
  private var isStream = false
  /// Whether the answer to the last attempt is awaited.
  public private(set) var isWaiting = false

  /// A question for the addresses of `name` to `servers`, the best of which
  /// comes first; no more than 32 are asked.
  public init(
    _ name: DNSName,
    servers: [IPAddress],
    limits: DNSLimits = DNSLimits(),
    random: RandomNumbers,
    at now: Instant
  ) {
    self.name = name
    self.servers = Array(servers.prefix(32))
    self.limits = limits
    self.random = random
    seconds = limits.longestSeconds
    end = now + limits.questionTimeout
  }

  // MARK: Asking

  /// The next thing to do. Whoever waited for an attempt waits no longer: if it
  /// was not answered, it has failed.
  public mutating func next(at now: Instant) -> Step {
    isWaiting = false
    if let answer { return .answered(answer) }
    guard !servers.isEmpty else { return .failed(.noServers) }
    guard failed.nonzeroBitCount < servers.count else {
      return .failed(.serverFailure)
    }
    guard now < end else { return .failed(.timedOut) }
    if let again = streamServer {
      streamServer = nil
      return .ask(attempt(again, isStream: true, limits.streamTimeout, at: now))
    }
    while asked < limits.rounds * servers.count {
      let server = asked % servers.count
      let round = asked / servers.count
      asked += 1
      guard failed & 1 << UInt32(server) == 0 else { continue }
      let timeout =
        isAttacked
        ? limits.streamTimeout : limits.firstTimeout * (1 << Int64(round))
      return .ask(attempt(server, isStream: isAttacked, timeout, at: now))
    }
    return .failed(.timedOut)
  }

  private mutating func attempt(
    _ server: Int,
    isStream: Bool,
    _ timeout: Interval,
    at now: Instant
  ) -> Attempt {
    self.server = server
    self.isStream = isStream
    identifier = UInt16(truncatingIfNeeded: random.next())
    isWaiting = true
    forgeries = 0
    var message = DNSWriter(
      identifier: identifier,
      flags: DNSMessage.Flag.recursionDesired
    )
    message.add(DNSQuestion(name: name, kind: DNSMessage.Kind.address))
    return Attempt(
      server: Endpoint(address: servers[server], port: DNSMessage.port),
      message: message.bytes,
      isStream: isStream,
      deadline: min(now + timeout, end)
    )
  }

  // MARK: Answers

  /// Takes what came from `source` while ``isWaiting``, or says why it is
  /// nothing to this question; then what was awaited still is, except when the
  /// server itself makes no sense, or somebody guesses.
  public mutating func receive(
    _ message: RawSpan,
    from source: Endpoint
  ) throws(DNSError) {
    guard isWaiting else { throw DNSError.unexpected }
    let asked = Endpoint(address: servers[server], port: DNSMessage.port)
    guard source == asked else { throw DNSError.sourceWrong }
    let header = try DNSHeader(parsing: message)
    guard header.isResponse, header.flags & DNSMessage.Flag.operation == 0
    else { throw DNSError.notAResponse }
    guard header.identifier == identifier else {
      noteForgery()
      throw DNSError.identifierWrong
    }
    // RFC 5452 §9.1. Some servers leave the question out when they refuse; who
    // cannot show that it is ours is not heard.
    guard header.questions == 1 else { throw DNSError.questionWrong }
    var offset = DNSHeader.size
    let question = try DNSQuestion(parsing: message, at: &offset)
    guard question == DNSQuestion(name: name, kind: DNSMessage.Kind.address)
    else { throw DNSError.questionWrong }

    isWaiting = false
    if header.isTruncated {
      // RFC 2181 §9: what is there of it is of no use.
      if isStream { failServer() } else { streamServer = server }
      return
    }
    do throws(DNSError) {
      try take(message, header, at: offset)
    } catch {
      failServer()
      throw error
    }
  }

  private mutating func noteForgery() {
    forgeries += 1
    guard forgeries >= limits.forgeries, !isStream else { return }
    isAttacked = true
    isWaiting = false
    streamServer = server
  }

  /// There is no way to the server that was to be asked.
  public mutating func serverIsUnreachable() {
    isWaiting = false
    failServer()
  }

  private mutating func failServer() { failed |= 1 << UInt32(server) }

  /// Follows the aliases from the name that was asked for; what else there is
  /// in the message is nobody's business. RFC 5452 §6.
  private mutating func take(
    _ message: RawSpan,
    _ header: DNSHeader,
    at start: Int
  ) throws(DNSError) {
    let code = header.responseCode
    guard
      code == DNSMessage.ResponseCode.noError
        || code == DNSMessage.ResponseCode.nameError
    else { return failServer() }
    guard Int(header.answers) + Int(header.authorities) <= limits.records
    else { throw DNSError.tooManyRecords }
    var current = name
    while true {
      var found = DNSFindings(limit: limits.addresses)
      try found.look(for: current, in: message, header.answers, at: start)
      if !found.addresses.isEmpty {
        seconds = min(seconds, found.seconds)
        answer = .addresses(found.addresses, seconds: seconds)
        return
      }
      guard let alias = found.alias else { break }
      aliases += 1
      guard aliases <= limits.aliases else { return failServer() }
      seconds = min(seconds, found.seconds)
      current = alias
    }
    let negative = try DNSFindings.negativeSeconds(in: message, header, start)
    let lifetime = min(seconds, negative ?? 0, limits.longestNegativeSeconds)
    if code == DNSMessage.ResponseCode.nameError {
      answer = .noName(seconds: lifetime)
    } else if negative != nil {
      answer = .noAddress(seconds: lifetime)
    } else if current.isLocal {
      // RFC 6762 §3: no server is to be asked for that.
      answer = .noName(seconds: lifetime)
    } else if current != name {
      // The server does not know where the alias leads; it is asked for that.
      name = current
      self.asked = 0
      streamServer = isStream ? server : nil
    } else if header.flags
      & (DNSMessage.Flag.authoritative | DNSMessage.Flag.recursionAvailable)
      != 0
    {
      answer = .noAddress(seconds: 0)
    } else {
      // It points at others, and will not ask them. RFC 2308 §2.2 type 1.
      failServer()
    }
  }
}
