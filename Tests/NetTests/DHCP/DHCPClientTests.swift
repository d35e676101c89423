import Packets
import Testing

@testable import Net

@Suite struct DHCPClientTests {
  private let ours = Hosts.ourAddress

  // MARK: Messages. RFC 2131 §4.4.1, table 5; RFC 4361

  @Test func identifier_isLiteral() {
    let identifier = ClientIdentifier(
      machine: MACAddress(bits: 0x5254_0012_3456),
      interface: 0x0102_0304
    )
    #expect(
      identifier.bytes == hex("ff 01020304 0003 0001 525400123456")
    )
  }

  @Test func identifier_isTheSameInEveryMessage() throws {
    let talk = DHCPConversation()
    let expected = hex("ff 00000001 0003 0001 02000000000f")
    var said = talk.poll(at: 0)
    try talk.receive(DHCPServer().message(2, to: said[0].message), at: 0)
    said += talk.poll(at: 0)
    try talk.receive(DHCPServer().message(5, to: said[1].message), at: 0)
    #expect(talk.isFree(ours) != nil)
    said += talk.poll(at: 43200)  // renewing
    said += talk.poll(at: 75600)  // rebinding
    talk.client.linkCameUp(at: .at(75601))
    said += talk.poll(at: 75601)  // rebooting
    #expect(talk.isTaken(ours, at: 75602))
    said += talk.poll(at: 75602)  // decline
    #expect(said.map(\.kind) == [1, 3, 3, 3, 3, 4])
    for message in said {
      #expect(message.options[61] == expected)
      #expect(Array(message.message.message[28..<34]) == hex("02000000000f"))
    }
  }

  @Test func release_isLiteral() throws {
    let talk = DHCPConversation()
    try talk.bind()
    let (request, server) = try #require(talk.release())
    let said = DHCPConversation.said(request, to: server)
    #expect(server == Hosts.gatewayAddress)
    let transaction = Frames.bytes(said.message.transaction)
    let expected =
      hex("01010600") + transaction + hex("0000 0000 0a00020f")
      + [UInt8](repeating: 0, count: 12) + hex("02000000000f")
      + [UInt8](repeating: 0, count: 10 + 64 + 128)
      + hex("63825363 350107 3d0f ff 00000001 0003 0001 02000000000f")
      + hex("3604 0a000202 ff")
    let padding = [UInt8](repeating: 0, count: 300 - expected.count)
    #expect(said.message.message == expected + padding)

    // From here on there is nothing to be heard of the client.
    #expect(talk.release() == nil)
    #expect(talk.client.deadline == nil)
    #expect(talk.poll(at: 1e6).isEmpty)
    talk.client.linkCameUp(at: .at(1e6))
    #expect(talk.poll(at: 1e6).isEmpty)
    #expect(throws: DropReason.dhcpUnexpected) {
      try talk.receive(DHCPServer().message(5, to: said.message), at: 1e6)
    }
    #expect(talk.client.lease == nil)
    #expect(!talk.isTaken(ours, at: 1e6))
  }

  @Test func releaseOfNothing_isSilent() throws {
    let talk = DHCPConversation()
    #expect(talk.release() == nil)
    let other = DHCPConversation()
    _ = try other.obtain()
    // Not ours before it is checked.
    #expect(other.release() == nil)
    #expect(other.isFree(ours) == nil)
  }

  // MARK: Echo of the identifier. RFC 6842 §3

  @Test(
    arguments: [
      (nil, true),
      ("ff 00000001 0003 0001 02000000000f", true),
      ("ff 00000002 0003 0001 02000000000f", false),
      ("01 02000000000f", false),
      ("", false),
    ] as [(String?, Bool)]
  )
  func echo_isOursOrThereIsNone(_ echo: String?, _ isTaken: Bool) throws {
    let talk = DHCPConversation()
    let discover = talk.poll(at: 0)[0]
    var offer = DHCPServer().message(2, to: discover.message)
    if let echo {
      offer.removeLast()
      offer += [61, UInt8(hex(echo).count)] + hex(echo) + [255]
    }
    if isTaken {
      try talk.receive(offer, at: 0)
      #expect(talk.poll(at: 0).map(\.kind) == [3])
    } else {
      #expect(throws: DropReason.dhcpNotForUs) {
        try talk.receive(offer, at: 0)
      }
      #expect(talk.poll(at: 0).isEmpty)
    }
  }

  // MARK: CHECKING, DECLINE. RFC 2131 §3.1.5, RFC 5227

  @Test func granted_isNotBound_beforeItIsChecked() throws {
    let talk = DHCPConversation()
    let lease = try talk.obtain()
    #expect(talk.client.state == .checking)
    #expect(talk.client.lease == nil)
    #expect(talk.client.deadline == nil)
    #expect(talk.poll(at: 100).isEmpty)
    // Another address is none of its business.
    #expect(talk.isFree(Hosts.peerAddress) == nil)
    #expect(!talk.isTaken(Hosts.peerAddress, at: 0))
    #expect(talk.client.state == .checking)
    #expect(talk.isFree(ours) == lease)
    #expect(talk.client.lease == lease)
    #expect(talk.client.deadline == lease.renewal)
    // To be told once is enough.
    #expect(talk.isFree(ours) == nil)
  }

  @Test func taken_isDeclined_andAnotherIsAskedForAfterTenSeconds() throws {
    let talk = DHCPConversation()
    _ = try talk.obtain()
    #expect(!talk.isTaken(ours, at: 2))
    #expect(talk.client.deadline == .at(2))
    let said = talk.poll(at: 2)
    #expect(said.map(\.kind) == [4])
    let decline = said[0]
    #expect(decline.destination == .broadcast)
    #expect(decline.message.clientAddress == [0, 0, 0, 0])
    #expect(decline.message.seconds == 0)
    #expect(decline.options[50] == [10, 0, 2, 15])
    #expect(decline.options[54] == [10, 0, 2, 2])
    #expect(Set(decline.options.keys) == [50, 53, 54, 61])

    #expect(talk.client.deadline == .at(12))
    #expect(talk.poll(at: 11.999).isEmpty)
    let discover = talk.poll(at: 12)
    #expect(discover.map(\.kind) == [1])
    #expect(discover[0].options[50] == nil)
    #expect(discover[0].message.transaction != decline.message.transaction)
  }

  @Test func takenWhileBound_isGivenUp_andDeclined() throws {
    let talk = DHCPConversation()
    try talk.bind()
    #expect(talk.isTaken(ours, at: 100))
    #expect(talk.client.lease == nil)
    #expect(talk.poll(at: 100).map(\.kind) == [4])
    #expect(talk.poll(at: 109).isEmpty)
    #expect(talk.poll(at: 110).map(\.kind) == [1])
    #expect(!talk.isTaken(ours, at: 111))
  }

  /// The time at which the next address is granted, after a conflict at `start`.
  private func granted(
    _ talk: DHCPConversation,
    after start: Double
  ) throws -> Double {
    #expect(talk.poll(at: start).map(\.kind) == [4])
    let discovering = try #require(talk.client.deadline).seconds
    let discover = try #require(talk.poll(at: discovering).first)
    #expect(discover.kind == 1)
    try talk.receive(
      DHCPServer().message(2, to: discover.message),
      at: discovering
    )
    // Offers are gathered for a second.
    let requesting = discovering + 1
    let request = try #require(talk.poll(at: requesting).first)
    try talk.receive(
      DHCPServer().message(5, to: request.message),
      at: requesting
    )
    return requesting
  }

  /// RFC 5227 §2.1.1, with MAX_CONFLICTS and RATE_LIMIT_INTERVAL of §1.1.
  @Test func tenConflicts_thenOneAddressAMinute() throws {
    let talk = DHCPConversation()
    _ = try talk.obtain()
    var last = 0.0
    var gaps: [Double] = []
    for _ in 0..<15 {
      #expect(!talk.isTaken(ours, at: last + 0.5))
      let next = try granted(talk, after: last + 0.5)
      gaps.append((next - last).rounded())
      last = next
    }
    #expect(gaps.prefix(9).allSatisfy { 10...12 ~= $0 }, "\(gaps)")
    #expect(gaps.dropFirst(9).allSatisfy { $0 >= 60 }, "\(gaps)")
  }

  @Test(arguments: [(599.0, 61.0), (600.0, 11.0)])
  func addressHeldForLong_theConflictsAreForgotten(
    _ seconds: Double,
    _ rest: Double
  ) throws {
    let talk = DHCPConversation()
    _ = try talk.obtain()
    var last = 0.0
    for _ in 0..<9 {
      #expect(!talk.isTaken(ours, at: last))
      last = try granted(talk, after: last)
    }
    let lease = talk.isFree(ours)
    #expect(lease != nil)
    #expect(talk.isTaken(ours, at: last + seconds))
    let next = try granted(talk, after: last + seconds)
    #expect(abs(next - last - seconds - rest) < 0.001)
  }

  @Test func linkUpWhileChecking_beginsAnew() throws {
    let talk = DHCPConversation()
    _ = try talk.obtain()
    talk.client.linkCameUp(at: .at(5))
    #expect(talk.poll(at: 5).map(\.kind) == [1])
    #expect(talk.isFree(ours) == nil)
  }

  @Test func lateAnswersWhileChecking_changeNothing() throws {
    let talk = DHCPConversation()
    let discover = talk.poll(at: 0)[0]
    try talk.receive(DHCPServer().message(2, to: discover.message), at: 0)
    let request = talk.poll(at: 0)[0]
    try talk.receive(DHCPServer().message(5, to: request.message), at: 0)
    for kind in [2, 5, 6] as [UInt8] {
      #expect(throws: DropReason.dhcpUnexpected) {
        try talk.receive(
          DHCPServer().message(kind, to: request.message),
          at: 0
        )
      }
    }
    #expect(talk.client.state == .checking)
  }

  // MARK: Several offers

  private func offer(
    _ address: UInt8,
    from server: UInt8,
    seconds: UInt32 = 3600
  ) -> DHCPServer {
    var other = DHCPServer()
    other.address = IPv4Address(10, 0, 2, address)
    other.server = IPv4Address(10, 0, 2, server)
    other.leaseSeconds = seconds
    return other
  }

  @Test func firstOffer_isTakenAtOnce() throws {
    let talk = DHCPConversation()
    let discover = talk.poll(at: 0)[0]
    try talk.receive(offer(20, from: 2).message(2, to: discover.message), at: 0)
    #expect(talk.poll(at: 0)[0].options[50] == [10, 0, 2, 20])
  }

  @Test(
    arguments: [
      // The declined address is the last that is taken again.
      ([(15, 2, 9000), (20, 3, 60)], 20),
      ([(20, 3, 60), (15, 2, 9000)], 20),
      // Then the longest lease; of two equals the first.
      ([(20, 3, 60), (21, 4, 90)], 21),
      ([(20, 3, 0xFFFF_FFFF), (21, 4, 90)], 20),
      ([(20, 3, 90), (21, 4, 90)], 20),
      // And better that than none.
      ([(15, 2, 9000)], 15),
    ] as [([(UInt8, UInt8, UInt32)], UInt8)]
  )
  func afterADecline_theBestOfASecondIsTaken(
    _ offers: [(UInt8, UInt8, UInt32)],
    _ chosen: UInt8
  ) throws {
    let talk = DHCPConversation()
    _ = try talk.obtain()
    _ = talk.isTaken(ours, at: 0)
    _ = talk.poll(at: 0)
    let discover = talk.poll(at: 10)[0]
    for (address, server, seconds) in offers {
      let message = offer(address, from: server, seconds: seconds)
        .message(2, to: discover.message)
      try talk.receive(message, at: 10.5)
      #expect(talk.poll(at: 10.5).isEmpty)
    }
    #expect(talk.client.deadline == .at(11.5))
    #expect(talk.poll(at: 11.4).isEmpty)
    let request = talk.poll(at: 11.5)
    #expect(request.map(\.kind) == [3])
    #expect(request[0].options[50] == [10, 0, 2, chosen])
  }

  @Test func serverThatDoesNotKeepItsWord_isAvoided() throws {
    let talk = DHCPConversation()
    var discover = talk.poll(at: 0)[0]
    try talk.receive(offer(20, from: 2).message(2, to: discover.message), at: 0)
    // Four REQUESTs, and silence.
    var now = 0.0
    var kinds: [UInt8] = []
    while kinds.last != 1, now < 120 {
      for said in talk.poll(at: now) {
        kinds.append(said.kind)
        discover = said
      }
      if kinds.last != 1 { now = talk.client.deadline!.seconds }
    }
    #expect(kinds == [3, 3, 3, 3, 1])
    for server in [offer(20, from: 2, seconds: 9000), offer(21, from: 4)] {
      try talk.receive(server.message(2, to: discover.message), at: now)
    }
    let request = talk.poll(at: now + 1)
    #expect(request[0].options[54] == [10, 0, 2, 4])
  }

  /// The same with a server that refuses what it has offered.
  @Test func serverThatRefusesItsOffer_isAvoided() throws {
    let talk = DHCPConversation()
    var discover = talk.poll(at: 0)[0]
    let bad = offer(20, from: 2, seconds: 9000)
    try talk.receive(bad.message(2, to: discover.message), at: 0)
    let request = talk.poll(at: 0)[0]
    try talk.receive(bad.message(6, to: request.message), at: 0)
    discover = try #require(talk.poll(at: 1).first)
    #expect(discover.kind == 1)
    for server in [bad, offer(21, from: 4)] {
      try talk.receive(server.message(2, to: discover.message), at: 1)
    }
    let next = talk.poll(at: 2)
    #expect(next.first?.options[54] == [10, 0, 2, 4])
  }

  @Test func noOfferInTheChoosySecond_backsOffAsEver() throws {
    let talk = DHCPConversation()
    _ = try talk.obtain()
    _ = talk.isTaken(ours, at: 0)
    _ = talk.poll(at: 0)
    #expect(talk.poll(at: 10).map(\.kind) == [1])
    let next = try #require(talk.client.deadline).seconds
    #expect(abs(next - 14) <= 1)
    #expect(talk.poll(at: next).map(\.kind) == [1])
  }

  @Test func unusableOffer_isNotAskedFor_andTheNextIs() throws {
    let talk = DHCPConversation()
    let discover = talk.poll(at: 0)[0]
    var bad = offer(20, from: 3)
    bad.leaseSeconds = 0
    let message = bad.message(2, to: discover.message)
    #expect(throws: DropReason.dhcpLeaseInvalid) {
      try talk.receive(message, at: 0)
    }
    try talk.receive(offer(21, from: 2).message(2, to: discover.message), at: 0)
    #expect(talk.poll(at: 0)[0].options[50] == [10, 0, 2, 21])
  }

  // MARK: INIT-REBOOT at the start. RFC 2131 §3.2, §4.4.2

  @Test func remembered_isAskedForFirst() throws {
    let talk = DHCPConversation(remembered: ours)
    #expect(talk.client.deadline == .at(0))
    let request = talk.poll(at: 0)[0]
    #expect(request.kind == 3)
    #expect(request.destination == .broadcast)
    #expect(request.message.clientAddress == [0, 0, 0, 0])
    #expect(request.options[50] == [10, 0, 2, 15])
    #expect(request.options[54] == nil)
    let answer = DHCPServer().message(5, to: request.message)
    guard case .check(let lease) = try talk.receive(answer, at: 1) else {
      Issue.record("it is not granted")
      return
    }
    #expect(lease.address == ours)
    #expect(lease.expiry == .at(86400))
    #expect(talk.isFree(ours) == lease)
    #expect(talk.client.state == .bound)
  }

  @Test func remembered_refused_beginsAnew_withoutIt() throws {
    let talk = DHCPConversation(remembered: ours)
    let request = talk.poll(at: 0)[0]
    let answer = DHCPServer().message(6, to: request.message)
    guard case .refused = try talk.receive(answer, at: 0) else {
      Issue.record("the refusal is not heard")
      return
    }
    #expect(talk.poll(at: 0.9).isEmpty)
    let discover = talk.poll(at: 1)
    #expect(discover.map(\.kind) == [1])
    #expect(discover[0].options[50] == nil)
  }

  @Test func remembered_silence_isNoRefusal() {
    let talk = DHCPConversation(remembered: ours)
    var table: [(kind: UInt8, address: [UInt8]?, seconds: Double)] = []
    var now = 0.0
    while table.count < 4 {
      for said in talk.poll(at: now) {
        table.append((said.kind, said.options[50], now))
      }
      now = talk.client.deadline!.seconds
    }
    #expect(table.map(\.kind) == [3, 3, 1, 1])
    // Where it is not confirmed, it is still suggested.
    #expect(table.allSatisfy { $0.address == [10, 0, 2, 15] })
    #expect(abs(table[1].seconds - 4) <= 1)
    #expect(abs(table[2].seconds - 12) <= 2)
  }

  @Test func remembered_otherAddressGranted_isRefused() throws {
    let talk = DHCPConversation(remembered: ours)
    let request = talk.poll(at: 0)[0]
    let answer = offer(20, from: 2).message(5, to: request.message)
    #expect(throws: DropReason.dhcpLeaseInvalid) {
      try talk.receive(answer, at: 0)
    }
    #expect(talk.client.state == .rebooting)
  }

  @Test func remembered_linkComesLater_asksAgain() throws {
    let talk = DHCPConversation(remembered: ours)
    let first = talk.poll(at: 0)[0]
    talk.client.linkCameUp(at: .at(2))
    let second = talk.poll(at: 2)
    #expect(second.map(\.kind) == [3])
    #expect(second[0].message.transaction != first.message.transaction)
  }

  @Test func afterTheEnd_theOldAddressIsSuggested() throws {
    let talk = DHCPConversation()
    try talk.bind()
    let discover = talk.poll(at: 86400).last
    #expect(discover?.kind == 1)
    #expect(discover?.options[50] == [10, 0, 2, 15])
  }

  // MARK: Anything

  @Test(arguments: 0..<8 as Range<UInt64>)
  func anyOrderOfEvents_leavesADeadlineOrAWait(_ seed: UInt64) {
    var numbers = RandomNumbers(seed: SipHash.Key(seed, 2132))
    let talk = DHCPConversation(seed: seed)
    var last: DHCPConversation.Said?
    var now = 0.0
    var bound = 0
    for round in 0..<2000 {
      switch numbers.next() % 8 {
      case 0: talk.client.linkCameUp(at: .at(now))
      case 1: _ = talk.isTaken(ours, at: now)
      case 2, 3: bound += talk.isFree(ours) == nil ? 0 : 1
      case 4:
        now = max(now, talk.client.deadline?.seconds ?? now)
      default:
        guard let last else { break }
        let kinds: [UInt8] = [2, 5, 6]
        var server = DHCPServer()
        server.leaseSeconds = UInt32(numbers.next() % 1000)
        _ = try? talk.receive(
          server.message(
            last.kind == 1 ? 2 : kinds[Int(numbers.next() % 3)],
            to: last.message
          ),
          at: now
        )
      }
      let said = talk.poll(at: now)
      #expect(said.count <= 3, "seed \(seed) round \(round)")
      last = said.last ?? last
      if let deadline = talk.client.deadline {
        #expect(deadline.seconds > now, "seed \(seed) round \(round)")
      } else {
        #expect(
          talk.client.state == .checking,
          "seed \(seed) round \(round)"
        )
      }
    }
    #expect(bound > 5, "seed \(seed): bound \(bound) times")
  }
}
