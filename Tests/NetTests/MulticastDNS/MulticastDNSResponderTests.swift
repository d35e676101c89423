import Packets
import Testing

@testable import Net

/// A responder with its time, and messages written apart from it.
private final class Link {
  static let address = IPv4Address(10, 0, 2, 15)
  static let peer = Endpoint(address: IPv4Address(10, 0, 2, 7), port: 5353)

  var responder: MulticastDNSResponder
  var now = 0.0
  /// Why messages had no effect, one after the other.
  var refused: [MulticastDNSError] = []

  init(_ host: String = "apus", seed: UInt64 = 1) {
    responder = MulticastDNSResponder(
      host: Array(host.utf8),
      address: Self.address,
      random: RandomNumbers(seed: SipHash.Key(seed, 6762)),
      at: .at(0)
    )
  }

  struct Sent {
    let seconds: Double
    let message: MulticastDNSResponder.Message
    var bytes: [UInt8] { message.bytes }
    var isToGroup: Bool {
      message.destination == MulticastDNSResponder.group
    }
    /// The counts of questions, answers, authorities and additionals.
    var counts: [UInt16] {
      stride(from: 4, to: 12, by: 2).map { bytes.word(at: $0) }
    }
    var isResponse: Bool { bytes[2] & 0x80 != 0 }
  }

  /// Everything that is sent until `end`.
  @discardableResult
  func run(until end: Double) -> [Sent] {
    var sent: [Sent] = []
    for _ in 0..<1000 {
      while let message = responder.poll(at: .at(now)) {
        sent.append(Sent(seconds: now, message: message))
      }
      guard let deadline = responder.deadline, deadline.seconds <= end else {
        now = end
        return sent
      }
      if deadline.seconds <= now {
        Issue.record("the deadline \(deadline.seconds) is not after \(now)")
        return sent
      }
      now = deadline.seconds
    }
    Issue.record("it sends and sends")
    return sent
  }

  /// Until the name is ours and said so, and some seconds more.
  func settle() {
    run(until: 60)
    #expect(responder.isAnswering)
  }

  func end() -> MulticastDNSResponder.Message? { responder.end() }

  func receive(
    _ bytes: [UInt8],
    from source: Endpoint = peer,
    toGroup: Bool = true,
    onLink: Bool = true
  ) {
    let error = responder.receive(
      bytes.rawBytes,
      MulticastDNSResponder.Origin(
        source: source,
        isMulticast: toGroup,
        isOnLink: onLink
      ),
      at: .at(now)
    )
    if let error { refused.append(error) }
  }

  /// What is answered to a query within ten seconds.
  func ask(
    _ bytes: [UInt8],
    from source: Endpoint = peer,
    toGroup: Bool = true
  ) -> [Sent] {
    receive(bytes, from: source, toGroup: toGroup)
    return run(until: now + 10)
  }

  static func query(
    _ name: String,
    kind: UInt16 = 1,
    recordClass: UInt16 = 1,
    identifier: UInt16 = 0,
    flags: UInt16 = 0,
    known: [[UInt8]] = [],
    claims: [[UInt8]] = []
  ) -> [UInt8] {
    var bytes = DNSResponse.word(identifier) + DNSResponse.word(flags)
    bytes += DNSResponse.word(name.isEmpty ? 0 : 1)
    bytes += DNSResponse.word(UInt16(known.count))
    bytes += DNSResponse.word(UInt16(claims.count)) + [0, 0]
    if !name.isEmpty {
      bytes += DNSResponse.name(name) + DNSResponse.word(kind)
      bytes += DNSResponse.word(recordClass)
    }
    return bytes + (known + claims).flatMap { $0 }
  }

  static func response(_ records: [[UInt8]], flags: UInt16 = 0x8400) -> [UInt8]
  {
    DNSResponse.word(0) + DNSResponse.word(flags) + [0, 0]
      + DNSResponse.word(UInt16(records.count)) + [0, 0, 0, 0]
      + records.flatMap { $0 }
  }

  static func record(
    _ data: [UInt8],
    kind: UInt16 = 1,
    seconds: UInt32 = 120
  ) -> [UInt8] {
    record("apus.local", data, kind: kind, seconds: seconds)
  }

  static func record(
    _ name: String,
    _ data: [UInt8],
    kind: UInt16 = 1,
    seconds: UInt32 = 120
  ) -> [UInt8] {
    DNSResponse.record(name, kind, seconds, data, recordClass: 0x8001)
  }

  static let ours: [UInt8] = [10, 0, 2, 15]
  static let other: [UInt8] = [10, 0, 2, 99]
}

@Suite struct MulticastDNSResponderTests {
  private let name = "04 61707573 05 6c6f63616c 00"

  // MARK: Probing, announcing. RFC 6762 §8

  @Test func probes_areThree_andLiteral() {
    let link = Link()
    let sent = link.run(until: 0.99)
    let probes = sent.filter { !$0.isResponse }
    #expect(probes.count == 3)
    for probe in probes {
      #expect(probe.isToGroup)
      #expect(
        probe.bytes
          == hex(
            """
            0000 0000 0001 0000 0001 0000
            \(name) 00ff 8001
            \(name) 0001 0001 00000078 0004 0a00020f
            """
          )
      )
    }
    #expect(probes[0].seconds < 0.25)
    #expect(abs(probes[1].seconds - probes[0].seconds - 0.25) < 1e-6)
    #expect(abs(probes[2].seconds - probes[1].seconds - 0.25) < 1e-6)
  }

  @Test func starts_differ() {
    let starts = (0..<8 as Range<UInt64>).map { seed in
      Link(seed: seed).run(until: 1)[0].seconds
    }
    #expect(Set(starts).count == 8)
  }

  @Test func announcements_areTwo_andLiteral() {
    let link = Link()
    let sent = link.run(until: 100)
    #expect(sent.count == 5)
    let announcements = sent.filter(\.isResponse)
    #expect(announcements.count == 2)
    for announcement in announcements {
      #expect(announcement.isToGroup)
      #expect(
        announcement.bytes
          == hex(
            """
            0000 8400 0000 0001 0000 0001
            \(name) 0001 8001 00000078 0004 0a00020f
            \(name) 002f 8001 00000078 000f \(name) 0001 40
            """
          )
      )
    }
    #expect(abs(announcements[0].seconds - sent[2].seconds - 0.25) < 1e-6)
    #expect(
      abs(announcements[1].seconds - announcements[0].seconds - 1) < 1e-6
    )
    #expect(link.responder.name == DNSName("apus.local"))
    #expect(link.responder.deadline == nil)
  }

  @Test(
    arguments: [
      ("Web-1", "Web-1.local"), ("", "apus.local"), ("a.b", "apus.local"),
      (String(repeating: "a", count: 64), "apus.local"), ("a b", "apus.local"),
      (".", "apus.local"), ("web-1.", "apus.local"),
    ]
  )
  func hostThatIsNoLabel_isApus(_ host: String, _ expected: String) {
    #expect(Link(host).responder.name == DNSName(expected))
  }

  // MARK: Answers. RFC 6762 §6

  @Test func address_isMulticast_atOnce() {
    let link = Link()
    link.settle()
    let sent = link.ask(Link.query("APUS.Local"))
    #expect(sent.count == 1)
    #expect(sent[0].seconds == 60)
    #expect(sent[0].isToGroup)
    #expect(sent[0].counts == [0, 1, 0, 1])
  }

  @Test func otherQuestions_areNotAnswered() {
    let link = Link()
    link.settle()
    #expect(link.ask(Link.query("other.local")).isEmpty)
    #expect(link.ask(Link.query("apus.local", recordClass: 3)).isEmpty)
    #expect(link.ask(Link.query("apus.local", flags: 0x2000)).isEmpty)
    #expect(link.ask(Link.query("apus.local", flags: 3)).isEmpty)
    #expect(link.ask(Link.query("local")).isEmpty)
    #expect(link.refused == [.notPlain, .notPlain])
  }

  @Test(arguments: [28, 16, 33] as [UInt16])
  func typesThatThereAreNot_areDenied(_ kind: UInt16) {
    let link = Link()
    link.settle()
    let plain = link.ask(
      Link.query("apus.local", kind: kind, identifier: 7),
      from: Endpoint(address: Link.peer.address, port: 4000)
    )
    #expect(plain.count == 1)
    #expect(
      plain[0].bytes
        == hex("0007 8400 0001 0001 0000 0000 \(name)")
        + DNSResponse.word(kind)
        + hex("0001 \(name) 002f 0001 0000000a 000f \(name) 0001 40")
    )
    // To everybody it goes with the address, which is what they know us by.
    let sent = link.ask(Link.query("apus.local", kind: kind))
    #expect(sent.map(\.counts) == [[0, 1, 0, 1]])
  }

  @Test func plainResolver_getsItsQuestionBack_andAShortTime() {
    let link = Link()
    link.settle()
    let asker = Endpoint(address: Link.peer.address, port: 4000)
    let sent = link.ask(
      Link.query("apus.local", recordClass: 0x8001, identifier: 0x1234),
      from: asker
    )
    #expect(sent.map(\.message.destination) == [asker])
    #expect(
      sent[0].bytes
        == hex(
          """
          1234 8400 0001 0001 0000 0001 \(name) 0001 0001
          \(name) 0001 0001 0000000a 0004 0a00020f
          \(name) 002f 0001 0000000a 000f \(name) 0001 40
          """
        )
    )
  }

  @Test func askerAlone_isAnsweredAlone_ifOthersHaveHeardIt() {
    let link = Link()
    link.settle()
    // A minute ago: it is time that all hear it again.
    let first = link.ask(Link.query("apus.local", recordClass: 0x8001))
    #expect(first.map(\.isToGroup) == [true])
    let second = link.ask(Link.query("apus.local", recordClass: 0x8001))
    #expect(second.map(\.message.destination) == [Link.peer])
    #expect(second[0].counts == [0, 1, 0, 1])
  }

  @Test func records_areMulticastOnceASecond() {
    let link = Link()
    link.settle()
    var sent: [Link.Sent] = []
    for _ in 0..<100 {
      link.receive(Link.query("apus.local"))
      sent += link.run(until: link.now + 0.05)
    }
    sent += link.run(until: link.now + 5)
    let gaps = zip(sent, sent.dropFirst()).map { $1.seconds - $0.seconds }
    #expect(gaps.allSatisfy { $0 > 0.999 })
    #expect(sent.count == 5 || sent.count == 6)
  }

  @Test func knownAnswer_isNotSaidAgain() {
    let link = Link()
    link.settle()
    func ask(_ data: [UInt8], _ seconds: UInt32) -> Int {
      link.ask(
        Link.query(
          "apus.local",
          known: [Link.record("apus.local", data, seconds: seconds)]
        )
      ).count
    }
    #expect(ask(Link.ours, 120) == 0)
    #expect(ask(Link.ours, 60) == 0)
    // Half of its time is over, or it is another's.
    #expect(ask(Link.ours, 59) == 1)
    #expect(ask(Link.other, 120) == 1)
  }

  @Test func knownAnswersThatFollow_areWaitedFor() {
    let link = Link()
    link.settle()
    // §7.2: TC says that there are more.
    link.receive(Link.query("apus.local", flags: 0x0200))
    #expect(link.run(until: 60.3).isEmpty)
    link.receive(Link.query("", known: [Link.record(Link.ours)]))
    #expect(link.run(until: 70).isEmpty)
    // Of another asker they are none.
    link.receive(Link.query("apus.local", flags: 0x0200))
    link.receive(
      Link.query("", known: [Link.record(Link.ours)]),
      from: Endpoint(address: IPv4Address(10, 0, 2, 8), port: 5353)
    )
    let sent = link.run(until: 80)
    #expect(sent.count == 1)
    #expect(sent[0].seconds >= 70.4 && sent[0].seconds < 70.5)
  }

  @Test func flood_isBounded() {
    let link = Link()
    link.settle()
    for port in 1000..<2000 as Range<UInt16> {
      link.receive(
        Link.query("apus.local"),
        from: Endpoint(address: Link.peer.address, port: port)
      )
    }
    #expect(link.run(until: 61).count == 8)
    #expect(
      link.refused
        == [MulticastDNSError](repeating: .tooMany, count: 992)
    )
  }

  @Test func strangers_areNotAnswered() {
    let link = Link()
    link.settle()
    let stranger = Endpoint(address: IPv4Address(192, 0, 2, 1), port: 4000)
    link.receive(
      Link.query("apus.local"),
      from: stranger,
      toGroup: false,
      onLink: false
    )
    // To the group it may be forged: no answer goes out to there.
    link.receive(Link.query("apus.local"), from: stranger, onLink: false)
    #expect(link.run(until: 70).isEmpty)
    #expect(link.refused == [.offLink, .offLink])
  }

  /// RFC 6762 §11: what comes to the group comes from the link, whatever its
  /// source says; what does not is believed of nobody from elsewhere.
  @Test(arguments: [true, false])
  func stranger_isHeardThroughTheGroup(isToGroup: Bool) {
    let link = Link()
    link.receive(
      Link.response([Link.record(Link.other)]),
      from: Endpoint(address: IPv4Address(192, 0, 2, 1), port: 5353),
      toGroup: isToGroup,
      onLink: false
    )
    let isRenamed = link.responder.name != DNSName("apus.local")
    #expect(isRenamed == isToGroup)
    #expect(link.refused == (isToGroup ? [] : [.offLink]))
  }

  // MARK: Conflicts. RFC 6762 §8.1, §8.2, §9

  @Test func nameThatIsAnothers_isChangedWhileProbing() throws {
    let link = Link()
    link.run(until: 0.3)
    link.receive(Link.response([Link.record(Link.other)]))
    let text = link.responder.name.text
    #expect(text.hasPrefix("apus-") && text.hasSuffix(".local"))
    #expect(text.utf8.count == "apus-1234.local".utf8.count)
    let sent = link.run(until: 10)
    #expect(sent.map(\.isResponse) == [false, false, false, true, true])
    #expect(link.responder.isAnswering)
    #expect(link.responder.name.text == text)
  }

  @Test func newNames_differBetweenGuests() {
    let names = (0..<8 as Range<UInt64>).map { seed in
      let link = Link(seed: seed)
      link.receive(Link.response([Link.record(Link.other)]))
      return link.responder.name
    }
    #expect(Set(names).count == 8)
  }

  @Test func longName_isCutForItsDigits() {
    let link = Link(String(repeating: "x", count: 63))
    link.receive(
      Link.response([
        Link.record(String(repeating: "x", count: 63) + ".local", Link.other)
      ])
    )
    #expect(link.responder.name.bytes[0] == 63)
    #expect(
      link.responder.name.text.hasPrefix(
        String(repeating: "x", count: 58) + "-"
      )
    )
  }

  @Test(
    arguments: [
      Link.record(Link.ours),  // our own, come back
      Link.record("other.local", Link.other),
      Link.record(Link.other, seconds: 0),  // a goodbye
      Link.record([0xC0, 0x0C, 0, 1, 0x40], kind: 47),  // NSEC
    ] as [[UInt8]]
  )
  fileprivate func noConflict(_ record: [UInt8]) {
    let link = Link()
    link.run(until: 0.3)
    link.receive(Link.response([record]))
    link.run(until: 10)
    #expect(link.responder.name == DNSName("apus.local"))
    #expect(link.responder.isAnswering)
  }

  @Test func anyRecordOfTheName_isAConflictWhileProbing() {
    let link = Link()
    link.run(until: 0.3)
    link.receive(
      Link.response([Link.record([UInt8](repeating: 1, count: 16), kind: 28)])
    )
    #expect(link.responder.name != DNSName("apus.local"))
    // Later it contradicts nothing.
    let other = Link()
    other.settle()
    other.receive(
      Link.response([Link.record([UInt8](repeating: 1, count: 16), kind: 28)])
    )
    #expect(other.run(until: 70).isEmpty)
  }

  @Test func conflictLater_isProbedFor_andOnlyThenLost() {
    let link = Link()
    link.settle()
    link.receive(Link.response([Link.record(Link.other)]))
    #expect(!link.responder.isAnswering)
    #expect(link.responder.name == DNSName("apus.local"))
    let probe = link.run(until: 60.1)
    #expect(probe.map(\.isResponse) == [false])
    link.receive(Link.response([Link.record(Link.other)]))
    #expect(link.responder.name != DNSName("apus.local"))
    // Nobody answers for a name that is only probed for.
    #expect(
      link.ask(Link.query("apus.local")).allSatisfy {
        !$0.isToGroup || !$0.isResponse || $0.seconds > 60.8
      }
    )
  }

  @Test func responseFromAnotherPort_isNone() {
    let link = Link()
    link.run(until: 0.3)
    link.receive(
      Link.response([Link.record(Link.other)]),
      from: Endpoint(address: Link.peer.address, port: 5354)
    )
    #expect(link.responder.name == DNSName("apus.local"))
    #expect(link.refused == [.portWrong])
  }

  @Test func manyConflicts_slowItDown() {
    let link = Link()
    var times: [Double] = []
    for _ in 0..<20 {
      while let message = link.responder.poll(at: .at(link.now)) {
        _ = message
        times.append(link.now)
        link.receive(
          Link.response([
            Link.record(link.responder.name.text, Link.other)
          ])
        )
      }
      link.now = link.responder.deadline!.seconds
    }
    let gaps = zip(times, times.dropFirst()).map { $1 - $0 }
    #expect(gaps.prefix(14).allSatisfy { $0 < 0.25 })
    #expect(gaps[14] >= 5)
    #expect(gaps[15] >= 5)
  }

  // RFC 6762 §8.2.1's order: type, then data.
  @Test(
    arguments: [
      ([(1, [10, 0, 2, 99])], true),
      ([(1, [10, 0, 2, 14])], false),
      ([(1, [10, 0, 2, 15])], false),
      ([(1, [10, 0, 2])], false),
      ([(1, [10, 0, 2, 15, 0])], true),
      // More of it wins, and AAAA comes behind A.
      ([(28, [0]), (1, [10, 0, 2, 15])], true),
      ([(28, [0])], true),
      ([(28, [0]), (1, [10, 0, 2, 14])], false),
    ] as [([(UInt16, [UInt8])], Bool)]
  )
  func tie(_ claims: [(UInt16, [UInt8])], _ isLost: Bool) {
    let link = Link()
    link.run(until: 0.3)
    link.receive(
      Link.query(
        "apus.local",
        kind: 255,
        recordClass: 0x8001,
        claims: claims.map {
          DNSResponse.record("apus.local", $0.0, 120, $0.1)
        }
      )
    )
    let next = link.responder.deadline!.seconds
    #expect((next >= 1.299) == isLost, "next at \(next)")
    // Either way the name stays the one that is wished for.
    link.run(until: 10)
    #expect(link.responder.name == DNSName("apus.local"))
    #expect(link.responder.isAnswering)
  }

  @Test func nameThatIsOurs_isDefendedAtOnce() {
    let link = Link()
    link.settle()
    let probe = Link.query(
      "apus.local",
      kind: 255,
      recordClass: 0x8001,
      claims: [DNSResponse.record("apus.local", 1, 120, Link.other)]
    )
    let sent = link.ask(probe)
    #expect(sent.count == 1)
    #expect(sent[0].seconds == 60)
    #expect(sent[0].isResponse)
  }

  /// RFC 6762 §6: nothing is said within a second of the last time but to who
  /// probes, not even the second announcement (§8.3).
  @Test(arguments: [0.3, 0.5, 0.9])
  func secondAnnouncement_keepsItsDistanceFromADefence(_ delay: Double) throws {
    let link = Link()
    var sent: [Link.Sent] = []
    while !link.responder.isAnswering { sent = link.run(until: link.now + 0.1) }
    let first = try #require(sent.last).seconds
    link.run(until: first + delay)
    let probe = Link.query(
      "apus.local",
      kind: 255,
      claims: [DNSResponse.record("apus.local", 1, 120, Link.other)]
    )
    let answers = link.ask(probe)
    try #require(answers.count == 2 && answers.allSatisfy(\.isToGroup))
    let later = answers.map { $0.seconds - first }
    #expect(abs(later[0] - delay) < 0.001)
    #expect(later[1] - later[0] > 0.999)
  }

  // MARK: Times that others tell, the link, the end

  @Test(arguments: [0, 59] as [UInt32])
  func recordThatIsAboutToEnd_isSaidAgain(_ seconds: UInt32) {
    let link = Link()
    link.settle()
    link.receive(Link.response([Link.record(Link.ours, seconds: seconds)]))
    #expect(link.run(until: 70).map(\.isToGroup) == [true])
  }

  @Test func recordWithTimeLeft_isFine() {
    let link = Link()
    link.settle()
    link.receive(Link.response([Link.record(Link.ours, seconds: 60)]))
    #expect(link.run(until: 70).isEmpty)
  }

  @Test func linkUp_probesAnew() {
    let link = Link()
    link.settle()
    link.responder.linkCameUp(at: .at(60))
    let sent = link.run(until: 70)
    #expect(sent.map(\.isResponse) == [false, false, false, true, true])
  }

  @Test func goodbye_isLiteral_andTheLast() {
    let link = Link()
    link.settle()
    let goodbye = link.end()
    #expect(goodbye?.destination == MulticastDNSResponder.group)
    #expect(
      goodbye?.bytes
        == hex(
          """
          0000 8400 0000 0001 0000 0001
          \(name) 0001 8001 00000000 0004 0a00020f
          \(name) 002f 8001 00000000 000f \(name) 0001 40
          """
        )
    )
    #expect(link.end() == nil)
    #expect(link.ask(Link.query("apus.local")).isEmpty)
    link.responder.linkCameUp(at: .at(61))
    #expect(link.responder.deadline == nil)
  }

  @Test func goodbyeOfWhatIsNotOurs_isNotSaid() {
    let link = Link()
    link.run(until: 0.3)
    #expect(link.end() == nil)
  }

  // MARK: Hostile messages

  @Test func truncations_areIgnored() {
    let link = Link()
    link.settle()
    let query = Link.query(
      "apus.local",
      known: [Link.record(Link.other)]
    )
    for count in 0..<query.count {
      link.receive(Array(query[..<count]))
    }
    #expect(link.run(until: 70).isEmpty)
    #expect(
      link.refused
        == [MulticastDNSError](repeating: .malformed, count: query.count)
    )
  }

  /// RFC 6762 §17: 9,000 bytes with the headers of IP and UDP.
  @Test func longerThanAMessageMayBe_isMalformed() {
    let link = Link()
    link.settle()
    let query = Link.query("apus.local")
    let rest = 9_000 - 28 - query.count
    #expect(link.ask(query + [UInt8](repeating: 0, count: rest)).count == 1)
    #expect(link.ask(query + [UInt8](repeating: 0, count: rest + 1)).isEmpty)
    #expect(link.refused == [.malformed])
  }

  /// Records whose names lead through all of a chain cost as much as their
  /// number times its length.
  @Test func chainOfPointers_isMalformed() {
    let link = Link()
    link.settle()
    // A record of the root, with a chain of pointers for its data.
    let hops = 1000
    var message =
      Link.response([], flags: 0x8400) + [0, 0, 16, 0, 1, 0, 0, 0, 0]
    message += DNSResponse.word(UInt16(2 * hops))
    let first = message.count
    for index in 0..<hops {
      let target = index == 0 ? 12 : first + 2 * (index - 1)
      message += DNSResponse.word(UInt16(0xC000 | target))
    }
    let name = UInt16(0xC000 | (message.count - 2))
    message += DNSResponse.word(name) + [0, 16, 0, 1, 0, 0, 0, 0, 0, 0]
    message = message.replacing(at: 6, with: DNSResponse.word(2))
    link.receive(message)
    #expect(link.refused == [.malformed])
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func spoiltMessages_neverTrap_andAreBounded(_ seed: UInt64) {
    var numbers = RandomNumbers(seed: SipHash.Key(seed, 6763))
    let link = Link(seed: seed)
    var sent = 0
    for _ in 0..<2000 {
      // Its name of the moment: else the first conflict would be the last.
      let name = link.responder.name.text
      let ours = Link.record(name, Link.ours)
      let other = Link.record(name, Link.other)
      let samples = [
        Link.query(name),
        Link.query(name, kind: 255, recordClass: 0x8001),
        Link.query(name, known: [ours]),
        Link.query(name, kind: 255, claims: [other]),
        Link.response([ours]),
        numbers.next() % 100 == 0 ? Link.response([other]) : Link.query(name),
      ]
      var bytes = samples[Int(numbers.next() % UInt64(samples.count))]
      for _ in 0..<(numbers.next() % 3) {
        bytes[Int(numbers.next() % UInt64(bytes.count))] = UInt8(
          truncatingIfNeeded: numbers.next()
        )
      }
      link.receive(bytes)
      sent +=
        link.run(
          until: link.now + Double(numbers.next() % 100) / 1000
        ).count
    }
    // A hundred seconds: no more than four probes and answers in each.
    #expect(sent > 50 && sent < 600, "seed \(seed): \(sent) sent")
  }
}
