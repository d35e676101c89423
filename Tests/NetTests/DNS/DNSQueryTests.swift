import Packets
import Testing

@testable import Net

/// A query with the time at which it stands.
private final class Asker {
  static let first = IPv4Address(10, 0, 2, 3)
  static let second = IPv4Address(10, 0, 2, 4)

  var query: DNSQuery
  var now = 0.0

  init(
    _ name: String = "www.example.com",
    servers: [IPv4Address] = [first, second],
    limits: DNSLimits = DNSLimits(),
    seed: UInt64 = 1
  ) {
    query = DNSQuery(
      DNSName(name)!,
      servers: servers.map { IPAddress($0) },
      limits: limits,
      random: RandomNumbers(seed: SipHash.Key(seed, 2)),
      at: .at(0)
    )
  }

  func step() -> DNSQuery.Step { query.next(at: .at(now)) }

  func ask() -> DNSQuery.Attempt? { step().attempt }

  func silence(_ attempt: DNSQuery.Attempt) {
    now = attempt.deadline.seconds
  }

  func answer(_ attempt: DNSQuery.Attempt, _ bytes: [UInt8])
    throws(DNSError)
  {
    try query.receive(bytes.rawBytes, from: attempt.server)
  }

  /// What comes of one response to the next question.
  func outcome(
    flags: UInt16 = 0x8180,
    _ fill: (inout DNSResponse) -> Void
  ) throws -> DNSQuery.Step {
    let attempt = try #require(ask())
    var response = DNSResponse(to: attempt.message, flags: flags)
    fill(&response)
    try answer(attempt, response.bytes)
    return step()
  }
}

extension IPAddress {
  /// A host of 192.0.2.0/24, which is for examples (RFC 5737).
  fileprivate static func ofNet(_ host: UInt8) -> IPAddress {
    IPAddress(IPv4Address(192, 0, 2, host))
  }
}

extension DNSQuery.Step {
  fileprivate var answer: DNSAnswer? {
    if case .answered(let answer) = self { answer } else { nil }
  }

  fileprivate var error: ResolveError? {
    if case .failed(let error) = self { error } else { nil }
  }

  fileprivate var attempt: DNSQuery.Attempt? {
    if case .ask(let attempt) = self { attempt } else { nil }
  }
}

@Suite struct DNSQueryTests {
  // MARK: Asking

  @Test func question_isLiteral() throws {
    let asker = Asker()
    let attempt = try #require(asker.ask())
    #expect(
      Array(attempt.message[2...])
        == hex(
          """
          0100 0001 0000 0000 0000
          03 777777 07 6578616d706c65 03 636f6d 00 0001 0001
          """
        )
    )
    #expect(attempt.server == Endpoint(address: Asker.first, port: 53))
    #expect(!attempt.isStream)
    #expect(attempt.deadline == .at(1))
    #expect(asker.query.isWaiting)
  }

  @Test func silence_goesRoundTheServers_withMorePatience() throws {
    let asker = Asker()
    var table: [(IPv4Address, Double)] = []
    var identifiers: Set<UInt16> = []
    while let attempt = asker.ask() {
      table.append(
        (attempt.server.address.ipv4!, attempt.deadline.seconds - asker.now)
      )
      identifiers.insert(attempt.message.word(at: 0))
      asker.silence(attempt)
    }
    let (first, second) = (Asker.first, Asker.second)
    #expect(table.map(\.0) == [first, second, first, second, first, second])
    #expect(table.map(\.1) == [1, 1, 2, 2, 4, 4])
    // Each of them with a number of its own.
    #expect(identifiers.count == 6)
    #expect(asker.step().error == .timedOut)
    #expect(asker.step().error == .timedOut)
  }

  @Test func otherSeeds_otherNumbers() {
    let numbers = (0..<8 as Range<UInt64>).map { seed in
      let asker = Asker(seed: seed)
      return asker.ask()!.message.word(at: 0)
    }
    #expect(Set(numbers).count == 8)
  }

  @Test func noServers_isSaid() {
    let asker = Asker(servers: [])
    #expect(asker.step().error == .noServers)
  }

  @Test func questionTimeout_endsAll() {
    var limits = DNSLimits()
    limits.questionTimeout = .milliseconds(2500)
    let asker = Asker(limits: limits)
    var ends: [Double] = []
    while let attempt = asker.ask() {
      ends.append(attempt.deadline.seconds)
      asker.silence(attempt)
    }
    #expect(ends == [1, 2, 2.5])
    #expect(asker.step().error == .timedOut)
  }

  // MARK: Answers

  @Test func addresses_areAllTaken_withTheLeastTime() throws {
    let asker = Asker()
    let step = try asker.outcome { response in
      response.answers = [
        DNSResponse.address("www.example.com", [192, 0, 2, 1], seconds: 300),
        DNSResponse.address("WWW.EXAMPLE.com", [192, 0, 2, 2], seconds: 60),
      ]
    }
    #expect(
      step.answer
        == .addresses(
          [.ofNet(1), .ofNet(2)],
          seconds: 60
        )
    )
    #expect(!asker.query.isWaiting)
  }

  @Test func caseOfTheQuestion_doesNotMatter() throws {
    let asker = Asker()
    let step = try asker.outcome { response in
      response.questions[0].name = "wWw.eXaMpLe.CoM"
      response.answers = [
        DNSResponse.address("www.example.com", [192, 0, 2, 1])
      ]
    }
    #expect(
      step.answer
        == .addresses([.ofNet(1)], seconds: 300)
    )
  }

  @Test func moreAddresses_thanAreKept() throws {
    let asker = Asker()
    let step = try asker.outcome { response in
      response.answers = (0..<40).map {
        DNSResponse.address("www.example.com", [192, 0, 2, $0])
      }
    }
    #expect(
      step.answer
        == .addresses(
          (0..<8).map { .ofNet($0) },
          seconds: 300
        )
    )
  }

  @Test func timeWithTheTopBit_isNone() throws {
    let asker = Asker()
    let step = try asker.outcome { response in
      response.answers = [
        DNSResponse.address(
          "www.example.com",
          [192, 0, 2, 1],
          seconds: 0x8000_0001
        )
      ]
    }
    #expect(
      step.answer == .addresses([.ofNet(1)], seconds: 0)
    )
  }

  @Test func aliases_areFollowed_inAnyOrder_andStrangersIgnored() throws {
    let asker = Asker()
    let step = try asker.outcome { response in
      response.answers = [
        DNSResponse.address("c.example.net", [192, 0, 2, 9], seconds: 100),
        DNSResponse.address("evil.example", [6, 6, 6, 6], seconds: 1),
        DNSResponse.alias("b.example.com", "c.example.net", seconds: 50),
        DNSResponse.alias("www.example.com", "b.example.com", seconds: 70),
        DNSResponse.record(
          "c.example.net",
          1,
          1,
          [7, 7, 7, 7],
          recordClass: 3
        ),
      ]
    }
    #expect(
      step.answer == .addresses([.ofNet(9)], seconds: 50)
    )
  }

  @Test func aliasWithoutItsAddress_isAskedFor() throws {
    let asker = Asker()
    let step = try asker.outcome { response in
      response.answers = [
        DNSResponse.alias("www.example.com", "b.example.net", seconds: 20)
      ]
    }
    let attempt = try #require(step.attempt)
    #expect(
      Array(attempt.message[12...])
        == DNSResponse.name("b.example.net") + [0, 1, 0, 1]
    )
    var response = DNSResponse(to: attempt.message)
    response.answers = [DNSResponse.address("b.example.net", [192, 0, 2, 5])]
    try asker.answer(attempt, response.bytes)
    #expect(
      asker.step().answer
        == .addresses([.ofNet(5)], seconds: 20)
    )
  }

  @Test func eightAliases_areFollowed_nineAreNot() throws {
    for count in [8, 9] {
      let asker = Asker("n0", servers: [Asker.first])
      let step = try asker.outcome { response in
        response.answers = (0..<count).map {
          DNSResponse.alias("n\($0)", "n\($0 + 1)")
        }
        response.answers.append(
          DNSResponse.address("n\(count)", [192, 0, 2, 1])
        )
      }
      if count == 8 {
        #expect(
          step.answer
            == .addresses([.ofNet(1)], seconds: 300)
        )
      } else {
        #expect(step.error == .serverFailure)
      }
    }
  }

  /// RFC 6762 §3.
  @Test func aliasOfTheLink_isNotAskedOfServers() throws {
    let asker = Asker("a", servers: [Asker.first])
    let step = try asker.outcome { response in
      response.answers = [DNSResponse.alias("a", "printer.local")]
    }
    #expect(step.answer == .noName(seconds: 0))
  }

  @Test func loopOfAliases_ends() throws {
    let asker = Asker("a", servers: [Asker.first])
    let step = try asker.outcome { response in
      response.answers = [
        DNSResponse.alias("a", "b"), DNSResponse.alias("b", "a"),
      ]
    }
    #expect(step.error == .serverFailure)
  }

  @Test func loopOfAliases_overMessages_ends() throws {
    let asker = Asker("a", servers: [Asker.first])
    var names = ["a", "b"]
    for _ in 0..<8 {
      let attempt = try #require(asker.ask())
      var response = DNSResponse(to: attempt.message)
      response.answers = [DNSResponse.alias(names[0], names[1])]
      names.swapAt(0, 1)
      try asker.answer(attempt, response.bytes)
    }
    let step = try asker.outcome { response in
      response.answers = [DNSResponse.alias(names[0], names[1])]
    }
    #expect(step.error == .serverFailure)
  }

  @Test func moreRecordsThanAnyNameHas_areRefused() throws {
    let filler = DNSResponse.address("other.example.com", [192, 0, 2, 9])
    for (count, isTaken) in [(256, true), (257, false)] {
      let asker = Asker("a", servers: [Asker.first])
      let attempt = try #require(asker.ask())
      var response = DNSResponse(to: attempt.message)
      response.answers = [DNSResponse.address("a", [192, 0, 2, 1])]
      response.answers += Array(repeating: filler, count: count - 2)
      response.authorities = [DNSResponse.authority(60, minimum: 60)]
      if isTaken {
        try asker.answer(attempt, response.bytes)
        #expect(asker.step().answer != nil)
      } else {
        #expect(throws: DNSError.tooManyRecords) {
          try asker.answer(attempt, response.bytes)
        }
        #expect(asker.step().error == .serverFailure)
      }
    }
  }

  // MARK: What there is not

  @Test(
    arguments: [
      // code, SOA's time, its minimum, answer
      (3, 100, 60, DNSAnswer.noName(seconds: 60)),
      (3, 50, 60, .noName(seconds: 50)),
      (3, 1_000_000, 1_000_000, .noName(seconds: 3600)),
      (3, 0x8000_0000, 60, .noName(seconds: 0)),
      (0, 100, 60, .noAddress(seconds: 60)),
    ] as [(UInt16, UInt32, UInt32, DNSAnswer)]
  )
  func negative_hasTheTimeOfItsAuthority(
    _ code: UInt16,
    _ seconds: UInt32,
    _ minimum: UInt32,
    _ expected: DNSAnswer
  ) throws {
    let asker = Asker()
    let step = try asker.outcome(flags: 0x8180 | code) { response in
      response.authorities = [
        DNSResponse.authority(seconds, minimum: minimum)
      ]
    }
    #expect(step.answer == expected)
  }

  @Test func negativeWithoutAuthority_isNotBelievedForLong() throws {
    let asker = Asker()
    #expect(
      try asker.outcome(flags: 0x8183) { _ in }.answer == .noName(seconds: 0)
    )
    let other = Asker()
    #expect(
      try other.outcome { _ in }.answer == .noAddress(seconds: 0)
    )
  }

  @Test func endOfAliasThatIsNot_isNoName() throws {
    let asker = Asker()
    let step = try asker.outcome(flags: 0x8183) { response in
      response.answers = [DNSResponse.alias("www.example.com", "gone")]
      response.authorities = [DNSResponse.authority(100, minimum: 60)]
    }
    #expect(step.answer == .noName(seconds: 60))
  }

  // MARK: Servers that cannot

  @Test(arguments: [1, 2, 4, 5, 9] as [UInt16])
  func failure_goesToTheNextServer_atOnce(_ code: UInt16) throws {
    let asker = Asker()
    let second = try #require(
      try asker.outcome(flags: 0x8180 | code) { _ in }.attempt
    )
    #expect(second.server.address == IPAddress(Asker.second))
    var response = DNSResponse(to: second.message)
    response.flags = 0x8180 | code
    try asker.answer(second, response.bytes)
    #expect(asker.step().error == .serverFailure)
  }

  @Test func serverThatPointsAtOthers_isNotAskedAgain() throws {
    let asker = Asker(servers: [Asker.first])
    // Neither AA nor RA, and nothing answered.
    #expect(
      try asker.outcome(flags: 0x8100) { _ in }.error == .serverFailure
    )
  }

  @Test func malformedRecords_failTheServer() throws {
    let asker = Asker()
    let attempt = try #require(asker.ask())
    var response = DNSResponse(to: attempt.message)
    response.answers = [DNSResponse.address("www.example.com", [1, 2, 3])]
    let bytes = response.bytes
    #expect(throws: DNSError.recordMalformed) {
      try asker.answer(attempt, bytes)
    }
    let next = try #require(asker.step().attempt)
    #expect(next.server.address == IPAddress(Asker.second))
  }

  // MARK: TCP

  @Test func truncated_asksTheSameServerOverTCP() throws {
    let asker = Asker()
    let attempt = try #require(
      try asker.outcome(flags: 0x8380) { response in
        // What there is of it is not believed.
        response.answers = [
          DNSResponse.address("www.example.com", [192, 0, 2, 1])
        ]
      }.attempt
    )
    #expect(attempt.isStream)
    #expect(attempt.server == Endpoint(address: Asker.first, port: 53))
    #expect(attempt.deadline == .at(5))
    var response = DNSResponse(to: attempt.message)
    response.answers = [DNSResponse.address("www.example.com", [192, 0, 2, 7])]
    try asker.answer(attempt, response.bytes)
    #expect(
      asker.step().answer
        == .addresses([.ofNet(7)], seconds: 300)
    )
  }

  @Test func truncatedOverTCP_failsTheServer() throws {
    let asker = Asker()
    var attempt = try #require(
      try asker.outcome(flags: 0x8380) { _ in }.attempt
    )
    var response = DNSResponse(to: attempt.message)
    response.flags = 0x8380
    try asker.answer(attempt, response.bytes)
    attempt = try #require(asker.step().attempt)
    #expect(attempt.server.address == IPAddress(Asker.second))
    #expect(!attempt.isStream)
  }

  @Test func silenceOverTCP_goesOnWithTheNext() throws {
    let asker = Asker()
    let attempt = try #require(
      try asker.outcome(flags: 0x8380) { _ in }.attempt
    )
    asker.silence(attempt)
    let next = try #require(asker.ask())
    #expect(next.server.address == IPAddress(Asker.second))
    #expect(!next.isStream)
  }

  // MARK: Who is not believed. RFC 5452 §9.1

  @Test func onlyWhatAnswersTheQuestion_isTaken() throws {
    let asker = Asker()
    let attempt = try #require(asker.ask())
    var good = DNSResponse(to: attempt.message)
    good.answers = [DNSResponse.address("www.example.com", [192, 0, 2, 1])]
    func changed(_ change: (inout DNSResponse) -> Void) -> [UInt8] {
      var response = good
      change(&response)
      return response.bytes
    }
    let other = Endpoint(address: Asker.second, port: 53)
    let port = Endpoint(address: Asker.first, port: 5353)
    let table: [([UInt8], Endpoint, DNSError)] = [
      (good.bytes, other, .sourceWrong),
      (good.bytes, port, .sourceWrong),
      ([], attempt.server, .truncated),
      (Array(good.bytes[..<11]), attempt.server, .truncated),
      (Array(good.bytes[..<20]), attempt.server, .truncated),
      (changed { $0.flags = 0x0180 }, attempt.server, .notAResponse),
      (changed { $0.flags = 0xA180 }, attempt.server, .notAResponse),
      (changed { $0.identifier &+= 1 }, attempt.server, .identifierWrong),
      (changed { $0.questions = [] }, attempt.server, .questionWrong),
      (
        changed { $0.questions.append($0.questions[0]) }, attempt.server,
        .questionWrong
      ),
      (
        changed { $0.questions[0].name = "www.example.org" }, attempt.server,
        .questionWrong
      ),
      (changed { $0.questions[0].kind = 28 }, attempt.server, .questionWrong),
      (
        changed { $0.questions[0].recordClass = 3 }, attempt.server,
        .questionWrong
      ),
    ]
    for (bytes, source, error) in table {
      #expect(throws: error) {
        try asker.query.receive(bytes.rawBytes, from: source)
      }
      #expect(asker.query.isWaiting)
    }
    // And the right one is still taken.
    try asker.answer(attempt, good.bytes)
    #expect(
      asker.step().answer
        == .addresses([.ofNet(1)], seconds: 300)
    )
    #expect(throws: DNSError.unexpected) {
      try asker.answer(attempt, good.bytes)
    }
  }

  @Test func guesses_makeItAskOverTCP() throws {
    let asker = Asker()
    let attempt = try #require(asker.ask())
    var forged = DNSResponse(to: attempt.message)
    for guess in 1...8 as ClosedRange<UInt16> {
      #expect(asker.query.isWaiting)
      forged.identifier = attempt.message.word(at: 0) &+ guess
      #expect(throws: DNSError.identifierWrong) {
        try asker.answer(attempt, forged.bytes)
      }
    }
    #expect(!asker.query.isWaiting)
    let next = try #require(asker.ask())
    #expect(next.isStream)
    #expect(next.server == attempt.server)
    // A late answer with the right number is too late.
    asker.silence(next)
    let third = try #require(asker.ask())
    #expect(third.isStream)
    #expect(third.server.address == IPAddress(Asker.second))
  }

  @Test func answerToTheAttemptBefore_isNotTaken() throws {
    let asker = Asker(servers: [Asker.first])
    let first = try #require(asker.ask())
    asker.silence(first)
    _ = try #require(asker.ask())
    let late = DNSResponse(to: first.message).bytes
    #expect(throws: DNSError.identifierWrong) {
      try asker.answer(first, late)
    }
  }

  // MARK: Hostile responses

  @Test func everyTruncation_isRefused_orSaysNothing() throws {
    for count in 0..<200 {
      let asker = Asker()
      let attempt = try #require(asker.ask())
      var response = DNSResponse(to: attempt.message)
      response.answers = [
        DNSResponse.alias("www.example.com", "b.example.com"),
        DNSResponse.address("b.example.com", [192, 0, 2, 1]),
      ]
      let bytes = response.bytes
      guard count < bytes.count else { break }
      #expect(throws: DNSError.self, "\(count) bytes") {
        try asker.answer(attempt, Array(bytes[..<count]))
      }
    }
  }

  @Test(arguments: 0..<16 as Range<UInt64>)
  func spoiltResponses_neverTrap(_ seed: UInt64) throws {
    var numbers = RandomNumbers(seed: SipHash.Key(seed, 1035))
    var taken = 0
    var refused = 0
    for round in 0..<500 {
      let asker = Asker(seed: seed)
      let attempt = try #require(asker.ask())
      var response = DNSResponse(to: attempt.message)
      response.answers = [
        DNSResponse.alias("www.example.com", "b.example.com"),
        DNSResponse.address("b.example.com", [192, 0, 2, 1]),
      ]
      response.authorities = [DNSResponse.authority(10, minimum: 10)]
      var bytes = response.bytes
      for _ in 0...(numbers.next() % 4) {
        // Behind the question: what is before it is compared.
        let first = round % 2 == 0 ? 33 : 0
        let index = first + Int(numbers.next() % UInt64(bytes.count - first))
        bytes[index] =
          [0, 0xC0, 0xFF, UInt8(truncatingIfNeeded: index)][
            Int(numbers.next() % 4)
          ]
      }
      do {
        try asker.answer(attempt, bytes)
        taken += 1
      } catch {
        refused += 1
      }
      // Whatever came, there is a next step, and an end.
      var steps = 0
      while let attempt = asker.ask() {
        asker.silence(attempt)
        steps += 1
        #expect(steps <= 20, "seed \(seed) round \(round)")
        if steps > 20 { break }
      }
    }
    #expect(taken > 20 && refused > 20, "seed \(seed): \(taken), \(refused)")
  }
}
