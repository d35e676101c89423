import Packets
import Testing

@testable import Net

@Suite struct SNTPClientTests {
  private static let first = IPv4Address(10, 0, 2, 123)
  private static let second = IPv4Address(10, 0, 2, 124)

  /// 2026-03-01T09:05:00Z: seconds since 1900.
  private static let then: UInt64 = 3_981_344_700

  private func client(
    _ servers: [IPv4Address] = [first],
    seed: UInt64 = 1
  ) -> SNTPClient {
    SNTPClient(
      servers: servers.map { IPAddress($0) },
      random: RandomNumbers(seed: SipHash.Key(seed, 4330)),
      at: .at(0)
    )
  }

  /// The next question, when it is due.
  private func ask(
    _ client: inout SNTPClient,
    until end: Double = 1e6
  ) -> (request: SNTPClient.Request, seconds: Double)? {
    for _ in 0..<100 {
      guard let deadline = client.deadline, deadline.seconds <= end else {
        return nil
      }
      if let request = client.poll(at: deadline) {
        return (request, deadline.seconds)
      }
    }
    Issue.record("the client polls and polls")
    return nil
  }

  private func next(
    _ client: inout SNTPClient
  ) throws -> (request: SNTPClient.Request, seconds: Double) {
    let found = ask(&client)
    return try #require(found)
  }

  private func bytes(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
  }

  /// What a server answers that received the question half a second after
  /// `then` and answered a quarter of a second later.
  private func answer(_ request: SNTPClient.Request) -> [UInt8] {
    hex("24 02 06 ec 00000a00 00000b00 0a000001") + bytes(Self.then << 32)
      + Array(request.message[40..<48])
      + bytes(Self.then << 32 | 0x8000_0000)
      + bytes(Self.then << 32 | 0xC000_0000)
  }

  // MARK: Asking

  @Test func question_isLiteral() throws {
    var client = client()
    let (request, seconds) = try next(&client)
    #expect(seconds >= 0 && seconds < 1)
    #expect(request.server == Endpoint(address: Self.first, port: 123))
    #expect(
      Array(request.message[..<40])
        == [0x23] + [UInt8](repeating: 0, count: 39)
    )
    #expect(request.message.count == 48)
    #expect(Array(request.message[40...]) != bytes(0))
  }

  @Test func questions_differ_inTheirNumbers() {
    let numbers = (0..<8 as Range<UInt64>).map { seed in
      var client = client(seed: seed)
      return Array(ask(&client)!.request.message[40...])
    }
    #expect(Set(numbers).count == 8)
  }

  @Test func noServers_nothingToDo() {
    var client = client([])
    #expect(client.deadline == nil)
    let request = client.poll(at: .at(100))
    #expect(request?.message == nil)
    #expect(client.date(at: .at(100)) == nil)
  }

  @Test func silence_goesToTheNextServer_andIsLeftAloneForLonger() {
    var client = client([Self.first, Self.second])
    var table: [(IPv4Address, Double)] = []
    while table.count < 40, let (request, seconds) = ask(&client) {
      table.append((request.server.address.ipv4!, seconds))
    }
    #expect(table[0].0 == Self.first)
    #expect(table[1].0 == Self.second)
    #expect(table[1].1 - table[0].1 == 2)
    for server in [Self.first, Self.second] {
      let times = table.filter { $0.0 == server }.map(\.1)
      let gaps = zip(times, times.dropFirst()).map { $1 - $0 }
      #expect(gaps.allSatisfy { $0 >= 15 })
      #expect(zip(gaps, gaps.dropFirst()).allSatisfy { $0 <= $1 + 2 })
      #expect(gaps.last! >= 1024 && gaps.last! < 1030)
    }
  }

  // MARK: Answers

  @Test func date_isHalfTheWayBehindTheServers() throws {
    var client = client()
    let (request, seconds) = try next(&client)
    #expect(client.date(at: .at(seconds)) == nil)
    // 0.35 s there and back, 0.25 s of them at the server: 0.05 s back.
    let now = Instant.at(seconds) + .milliseconds(350)
    try client.receive(
      answer(request).rawBytes,
      from: request.server,
      at: now
    )
    let date = try #require(client.date(at: now))
    #expect(date.text == "2026-03-01T09:05:00Z")
    #expect(date.nanosecond == 800_000_000)
    #expect(
      client.date(at: now + .seconds(86_400))?.text
        == "2026-03-02T09:05:00Z"
    )
    // The next question comes after a quarter of an hour, more or less.
    let next = try #require(client.deadline) - now
    #expect(next <= .seconds(1024) && next >= .seconds(960))
  }

  @Test func laterAnswer_stepsTheDate() throws {
    var client = client()
    var (request, seconds) = try next(&client)
    try client.receive(
      answer(request).rawBytes,
      from: request.server,
      at: .at(seconds)
    )
    (request, seconds) = try next(&client)
    // The server still says the same: ours has gone ahead, and comes back.
    try client.receive(
      answer(request).rawBytes,
      from: request.server,
      at: .at(seconds)
    )
    #expect(client.date(at: .at(seconds))?.text == "2026-03-01T09:05:00Z")
  }

  @Test func serverThatStaysLongerThanTheTrip_doesNotTurnTimeBack() throws {
    var client = client()
    let (request, seconds) = try next(&client)
    try client.receive(
      answer(request).rawBytes,
      from: request.server,
      at: .at(seconds)
    )
    #expect(client.date(at: .at(seconds))?.nanosecond == 750_000_000)
  }

  // MARK: Who is not believed. RFC 4330 §5

  @Test func onlyWhatAnswersTheQuestion_isTaken() throws {
    var client = client()
    let (request, seconds) = try next(&client)
    let good = answer(request)
    let other = Endpoint(address: Self.second, port: 123)
    let port = Endpoint(address: Self.first, port: 124)
    let table: [([UInt8], Endpoint, SNTPError)] = [
      (good, other, .sourceWrong),
      (good, port, .sourceWrong),
      ([], request.server, .malformed),
      (Array(good[..<47]), request.server, .malformed),
      (good.replacing(at: 0, with: [0x23]), request.server, .malformed),
      (good.replacing(at: 0, with: [0x25]), request.server, .malformed),
      (good.replacing(at: 0, with: [0x04]), request.server, .malformed),
      (good.replacing(at: 24, with: [0]), request.server, .notAnAnswer),
      (
        good.replacing(at: 24, with: bytes(0)), request.server, .notAnAnswer
      ),
      (request.message, request.server, .malformed),
    ]
    for (message, source, error) in table {
      #expect(throws: error) {
        try client.receive(message.rawBytes, from: source, at: .at(seconds))
      }
      #expect(client.date(at: .at(seconds)) == nil)
    }
    try client.receive(
      good.rawBytes,
      from: request.server,
      at: .at(seconds)
    )
    #expect(client.date(at: .at(seconds)) != nil)
    #expect(throws: SNTPError.unexpected) {
      try client.receive(
        good.rawBytes,
        from: request.server,
        at: .at(seconds)
      )
    }
  }

  @Test(
    arguments: [
      (0, [0xE4]),  // not synchronised
      (1, [16]),
      (1, [255]),
      (4, [0, 1, 0, 0]),  // a second of root delay
      (4, [0xFF]),
      (8, [0, 1, 0, 0]),
      (40, [0, 0, 0, 0, 0, 0, 0, 0]),
      (32, [0, 0, 0, 0, 0, 0, 0, 0]),
      // It answered before it was asked, or long after it was.
      (32, [0xED, 0xFF, 0xFF, 0xFF]),
      (32, [0xED, 0, 0, 0]),
    ] as [(Int, [UInt8])]
  )
  func serverThatDoesNotKnow_isNotBelieved(
    _ offset: Int,
    _ change: [UInt8]
  ) throws {
    var client = client([Self.first, Self.second])
    let (request, seconds) = try next(&client)
    let bad = answer(request).replacing(at: offset, with: change)
    #expect(throws: SNTPError.unsynchronised) {
      try client.receive(
        bad.rawBytes,
        from: request.server,
        at: .at(seconds)
      )
    }
    #expect(client.date(at: .at(seconds)) == nil)
    // The next one is asked at once.
    let next = try next(&client)
    #expect(next.seconds == seconds)
    #expect(next.request.server.address == IPAddress(Self.second))
  }

  // MARK: Kisses. RFC 4330 §8

  @Test(arguments: ["DENY", "RSTR"])
  func denied_isNeverAskedAgain(_ code: String) throws {
    var client = client([Self.first, Self.second])
    let (request, seconds) = try next(&client)
    let kiss = answer(request).replacing(at: 1, with: [0])
      .replacing(at: 12, with: Array(code.utf8))
    try client.receive(kiss.rawBytes, from: request.server, at: .at(seconds))
    #expect(client.date(at: .at(seconds)) == nil)
    for _ in 0..<10 {
      let next = try next(&client)
      #expect(next.request.server.address == IPAddress(Self.second))
    }
    // And when the last one forbids it too, that is that.
    let last = try next(&client)
    let other = answer(last.request).replacing(at: 1, with: [0])
      .replacing(at: 12, with: Array(code.utf8))
    try client.receive(
      other.rawBytes,
      from: last.request.server,
      at: .at(last.seconds)
    )
    #expect(client.deadline == nil)
  }

  @Test func rate_isAskedLessOften() throws {
    var client = client()
    var gaps: [Double] = []
    var last: Double?
    for _ in 0..<9 {
      let (request, seconds) = try next(&client)
      if let last { gaps.append(seconds - last) }
      last = seconds
      let kiss = answer(request).replacing(at: 1, with: [0])
        .replacing(at: 12, with: Array("RATE".utf8))
      try client.receive(kiss.rawBytes, from: request.server, at: .at(seconds))
    }
    #expect(
      gaps.map { $0.rounded() } == [30, 60, 120, 240, 480, 960, 1024, 1024]
    )
  }

  @Test func kissOfAStranger_isNotHeard() throws {
    var client = client()
    let (request, seconds) = try next(&client)
    let kiss = answer(request).replacing(at: 1, with: [0])
      .replacing(at: 12, with: Array("DENY".utf8))
      .replacing(at: 24, with: bytes(7))
    #expect(throws: SNTPError.notAnAnswer) {
      try client.receive(
        kiss.rawBytes,
        from: request.server,
        at: .at(seconds)
      )
    }
    try client.receive(
      answer(request).rawBytes,
      from: request.server,
      at: .at(seconds)
    )
    #expect(client.date(at: .at(seconds)) != nil)
  }

  // MARK: Anything

  @Test(arguments: 0..<8 as Range<UInt64>)
  func spoiltAnswers_neverTrap(_ seed: UInt64) throws {
    var numbers = RandomNumbers(seed: SipHash.Key(seed, 4331))
    var client = client([Self.first, Self.second], seed: seed)
    var taken = 0
    for _ in 0..<500 {
      let (request, seconds) = try next(&client)
      var bytes = answer(request)
      for _ in 0..<(numbers.next() % 4) {
        bytes[Int(numbers.next() % 48)] = UInt8(
          truncatingIfNeeded: numbers.next()
        )
      }
      // Never a "no more", which would end the test.
      if bytes[1] == 0 { bytes[12] = 0 }
      if (try? client.receive(
        bytes.rawBytes,
        from: request.server,
        at: .at(seconds)
      )) != nil {
        taken += 1
      }
      if let date = client.date(at: .at(seconds)) {
        #expect(!date.text.isEmpty)
      }
    }
    #expect(taken > 50, "seed \(seed)")
  }
}
