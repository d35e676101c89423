import Fuzzing
@testable import Net
import Packets

/// A question and those who answer it.
struct QueryPlay {
  private static let servers = (1...3).map {
    IPAddress(IPv4Address(10, 0, 0, $0))
  }
  private static let wanted = Array("\u{1}a\u{7}example\u{0}".utf8)
  private static let names: [[UInt8]] = [
    wanted,
    Array("\u{1}A\u{7}eXample\u{0}".utf8),
    Array("\u{1}b\u{7}example\u{0}".utf8),
    Array("\u{1}c\u{7}example\u{0}".utf8),
    Array("\u{7}example\u{0}".utf8),
    [0],
  ]

  private let input: Input
  private let limits: DNSLimits
  private var query: DNSQuery
  private var cache: DNSCache
  private var now = Instant(nanoseconds: 0)
  private let name: DNSName

  init(_ input: Input) {
    self.input = input
    var limits = DNSLimits()
    limits.streamBytes = 512
    limits.cachedNames = 3
    self.limits = limits
    guard let name = DNSName("a.example") else { fatalError("it is a name") }
    self.name = name
    query = DNSQuery(
      name,
      servers: Array(Self.servers.prefix(1 + input.index(below: 3))),
      limits: limits,
      random: RandomNumbers(seed: SipHash.Key(1, 2)),
      at: now
    )
    cache = DNSCache(limits: limits)
  }

  mutating func run() {
    // Servers, rounds, aliases, and once more over TCP.
    for _ in 0..<200 {
      switch query.next(at: now) {
      case .ask(let attempt):
        check(query.isWaiting, "nobody waits for what is asked")
        check(attempt.deadline > now, "an answer is awaited in the past")
        if attempt.isStream { answerStream(attempt) } else { answer(attempt) }
      case .answered(let answer): return checkAnswer(answer)
      case .failed: return
      }
    }
    fatalError("it asks and asks")
  }

  private mutating func checkAnswer(_ answer: DNSAnswer) {
    switch answer {
    case .addresses(let addresses, let seconds):
      check(1...limits.addresses ~= addresses.count, "\(addresses.count)")
      check(seconds <= limits.longestSeconds, "for \(seconds) s")
    case .noName(let seconds), .noAddress(let seconds):
      check(seconds <= limits.longestNegativeSeconds, "for \(seconds) s")
    }
    for other in ["b.example", "c.example", "d.example"] {
      cache.insert(.noName(seconds: 100), for: DNSName(other)!, at: now)
    }
    cache.insert(answer, for: name, at: now)
    check(cache.count <= limits.cachedNames, "\(cache.count) names")
    let found = cache.find(DNSName("A.EXAMPLE")!, at: now)
    check(found == answer || answer.seconds == 0, "it is not remembered")
    let end = now + .seconds(Int64(answer.seconds))
    check(cache.find(name, at: end) == nil, "it is believed for too long")
  }

  // MARK: UDP

  private mutating func answer(_ attempt: DNSQuery.Attempt) {
    for _ in 0..<input.index(below: 24) {
      let message = response(to: attempt)
      let source =
        input.index(below: 8) == 7
        ? Endpoint(
          address: IPv4Address(10, 0, 0, UInt8(input.index(below: 5))),
          port: input.flag() ? 53 : 54
        ) : attempt.server
      let waited = query.isWaiting
      do throws(DNSError) {
        try query.receive(message.rawBytes, from: source)
        check(waited && source == attempt.server, "it was not asked")
        check(Self.answers(message, attempt), "it is no answer")
      } catch {
        check(!waited || error != .unexpected, "it was awaited")
      }
      if !query.isWaiting { break }
      now = now + .milliseconds(Int64(input.byte()))
    }
    if query.isWaiting { now = max(now, attempt.deadline) }
    if input.index(below: 16) == 15 { query.serverIsUnreachable() }
  }

  /// Whether the identifier, and that it is a response, are right.
  private static func answers(
    _ message: [UInt8],
    _ attempt: DNSQuery.Attempt
  ) -> Bool {
    message.count >= 12 && message[0..<2] == attempt.message[0..<2]
      && message[2] & 0x80 != 0
  }

  private func response(to attempt: DNSQuery.Attempt) -> [UInt8] {
    if input.index(below: 16) == 15 {
      return input.bytes(input.index(below: 64))
    }
    let asked = Int(attempt.message[0]) << 8 | Int(attempt.message[1])
    let choice = input.byte()
    let flags =
      input.index(below: 4) == 3 ? Int(input.number(as: UInt16.self)) : 0
    let code = [0, 0, 3, 2][input.index(below: 4)]
    var text = DNSText(
      input,
      identifier: choice & 7 == 7 ? asked + 1 : asked,
      flags: 0x8180 ^ flags | code,
      names: Self.names
    )
    text.addQuestion(isRight: choice & 0x38 != 0x38)
    text.addRecords(0, most: 7)
    text.addRecords(1, most: 2)
    if choice & 0xC0 == 0xC0 { text.spoil() }
    return text.bytes
  }

  // MARK: TCP

  /// The answer in pieces, some of which are too much.
  private mutating func answerStream(_ attempt: DNSQuery.Attempt) {
    var buffer = DNSStreamBuffer(limit: limits.streamBytes)
    let sent = response(to: attempt)
    var rest = DNSStreamBuffer.frame(sent)[...]
    if input.index(below: 8) == 7 {
      rest += input.bytes(input.index(below: 64))
    }
    while !rest.isEmpty {
      let piece = rest.prefix(1 + input.index(below: 200))
      rest = rest.dropFirst(piece.count)
      do throws(DNSError) {
        try buffer.append(Array(piece).rawBytes)
      } catch {
        check(sent.count > limits.streamBytes, "it would have fitted")
        break
      }
      if buffer.message != nil { break }
    }
    if let message = buffer.message {
      check(message == sent, "another message")
      try? query.receive(message.rawBytes, from: attempt.server)
    }
    now = now + .milliseconds(Int64(input.byte()) * 10)
  }
}
