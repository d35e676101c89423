import Net
import Packets
import Testing

@Suite struct StackARPTests {
  private func request(
    from hardware: MACAddress = Hosts.peer,
    _ address: IPv4Address = Hosts.peerAddress,
    for target: IPv4Address = Hosts.ourAddress
  ) -> [UInt8] {
    Frames.arp(operation: 1, from: hardware, address, target)
  }

  private func reply(
    from hardware: MACAddress = Hosts.peer,
    _ address: IPv4Address = Hosts.peerAddress
  ) -> [UInt8] {
    Frames.arp(
      operation: 2,
      from: hardware,
      address,
      for: Hosts.our,
      Hosts.ourAddress,
      frameTo: Hosts.our
    )
  }

  /// Sends one byte to an address; the byte names the datagram.
  private func send(
    _ byte: UInt8,
    to address: IPv4Address = Hosts.peerAddress,
    from socket: SocketID,
    on host: TestHost,
    at seconds: Double = 0
  ) throws {
    let taken = try host.send(
      [byte],
      from: socket,
      to: Endpoint(address: address, port: 9),
      at: seconds
    )
    #expect(taken)
  }

  private let ourRequest = hex(
    """
    ffffffffffff 02000000000f 0806
    0001 0800 06 04 0001
    02000000000f 0a00020f 000000000000 0a000209
    """
  )

  // MARK: Requests for us

  @Test func request_literalReply() {
    withHost { host in
      host.receive(
        hex(
          """
          ffffffffffff 525400000009 0806
          0001 0800 06 04 0001
          525400000009 0a000209 000000000000 0a00020f
          000000000000000000000000000000000000
          """
        )
      )
      #expect(
        host.sent() == [
          hex(
            """
            525400000009 02000000000f 0806
            0001 0800 06 04 0002
            02000000000f 0a00020f 525400000009 0a000209
            """
          )
        ]
      )
      #expect(host.counters.arpRepliesSent == 1)
      #expect(host.counters.dropped == 0)
    }
  }

  @Test func request_teachesWhereTheAskerIs() throws {
    try withHost { host in
      host.receive(request())
      #expect(host.sent().count == 1)
      // Several at once: nothing waits, nothing is lost.
      let socket = try host.bind(port: 5000)
      for byte in 1...3 as ClosedRange<UInt8> {
        try send(byte, from: socket, on: host)
      }
      let sent = host.sent().filter { $0.word(at: 12) == 0x0800 }
      #expect(sent.map(\.last) == [1, 2, 3])
      #expect(host.counters.dropped == 0)
    }
  }

  @Test func requestFromElsewhere_teachesNothing() throws {
    try withHost { host in
      let stranger = IPv4Address(10, 0, 3, 9)
      host.receive(request(from: Hosts.peer, stranger))
      #expect(host.sent().count == 1)
      let socket = try host.bind(port: 5000)
      try send(1, to: stranger, from: socket, on: host)
      // It goes by way of the gateway, who is asked for.
      #expect(host.sent().map { $0.word(at: 12) } == [0x0806])
    }
  }

  @Test func probe_isAnswered_butTeachesNothing() throws {
    try withHost { host in
      host.receive(request(from: Hosts.peer, .any))
      #expect(host.sent().count == 1)
      // Nothing was learnt of the peer.
      let socket = try host.bind(port: 0)
      try send(1, from: socket, on: host)
      #expect(host.sent() == [ourRequest])
    }
  }

  @Test func requestForAnother_isNotAnswered() {
    withHost { host in
      host.receive(request(for: IPv4Address(10, 0, 2, 77)))
      #expect(host.sent().isEmpty)
      #expect(host.count(.arpNotForUs) == 1)
    }
  }

  @Test(
    arguments: [
      (0, [0, 6], DropReason.arpMalformed),  // hardware type
      (2, [0x86, 0xDD], .arpMalformed),  // protocol type
      (4, [8], .arpMalformed),  // hardware length
      (5, [16], .arpMalformed),  // protocol length
      (6, [0, 0], .arpMalformed),  // operation
      (6, [0, 3], .arpMalformed),
      (6, [0, 2], .arpUnsolicited),
      (8, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .arpSenderInvalid),
      (8, [0x01, 0, 0x5E, 0, 0, 1], .arpSenderInvalid),
      (8, [0, 0, 0, 0, 0, 0], .arpSenderInvalid),
      (14, [255, 255, 255, 255], .arpSenderInvalid),
      (14, [10, 0, 2, 255], .arpSenderInvalid),
      (14, [224, 0, 0, 1], .arpSenderInvalid),
      (14, [127, 0, 0, 1], .arpSenderInvalid),
    ] as [(Int, [UInt8], DropReason)]
  )
  func malformed_isDropped(
    _ offset: Int,
    _ bytes: [UInt8],
    _ reason: DropReason
  ) {
    withHost { host in
      let good = request()
      host.receive(good.replacing(at: 14 + offset, with: bytes))
      #expect(host.sent().isEmpty)
      #expect(host.count(reason) == 1)
      #expect(host.counters.dropped == 1)
    }
  }

  @Test func truncated_isDropped() {
    withHost { host in
      for count in 14..<42 {
        host.receive(Array(request().prefix(count)))
      }
      #expect(host.count(.arpTruncated) == 28)
      #expect(host.sent().isEmpty)
    }
  }

  // MARK: Our requests

  @Test func unknownNeighbour_isAskedFor_andThePacketWaits() throws {
    try withHost { host in
      let socket = try host.bind(port: 5000)
      try send(0x11, from: socket, on: host)
      #expect(host.sent() == [ourRequest])
      #expect(host.sent().isEmpty)
      host.receive(reply(), at: 0.5)
      let sent = host.sent(at: 0.5)
      #expect(sent.count == 1)
      #expect(sent.first?.prefix(6) == Frames.bytes(Hosts.peer)[...])
      #expect(sent.first?.last == 0x11)
      // From now on nothing waits.
      try send(0x22, from: socket, on: host)
      #expect(host.sent(at: 0.5).map(\.last) == [0x22])
      #expect(host.counters.dropped == 0)
    }
  }

  @Test func waitingPackets_theNewestEightStay_inOrder() throws {
    try withHost { host in
      let socket = try host.bind(port: 5000)
      for byte in 1...10 as ClosedRange<UInt8> {
        try send(byte, from: socket, on: host)
      }
      #expect(host.sent() == [ourRequest])
      #expect(host.count(.neighbourPending) == 2)
      host.receive(reply())
      #expect(host.sent().map(\.last) == [3, 4, 5, 6, 7, 8, 9, 10])
    }
  }

  @Test func deadNeighbour_keepsNobodyBack() throws {
    try withHost { host in
      try host.introducePeer()
      let socket = try host.bind(port: 5000)
      for byte in 0..<8 as Range<UInt8> {
        try send(byte, to: IPv4Address(10, 0, 2, 66), from: socket, on: host)
        try send(byte, from: socket, on: host)
      }
      let sent = host.sent()
      #expect(sent.filter { $0.word(at: 12) == 0x0806 }.count == 1)
      #expect(
        sent.filter { $0.word(at: 12) == 0x0800 }.map(\.last)
          == [0, 1, 2, 3, 4, 5, 6, 7]
      )
      #expect(host.count(.neighbourPending) == 0)
    }
  }

  @Test func noAnswer_oneRequestASecond_thenUnreachable() throws {
    try withHost { host in
      let socket = try host.bind(port: 5000)
      try send(1, from: socket, on: host)
      #expect(host.sent(at: 0) == [ourRequest])
      for second in 1...2 {
        #expect(host.deadline == .at(Double(second)))
        host.stack.poll(at: .at(Double(second) - 0.001))
        #expect(host.sent(at: Double(second) - 0.001).isEmpty)
        host.stack.poll(at: .at(Double(second)))
        #expect(host.sent(at: Double(second)) == [ourRequest])
      }
      #expect(host.events().isEmpty)
      host.stack.poll(at: .at(3))
      #expect(host.sent(at: 3).isEmpty)
      #expect(host.counters.neighboursUnreachable == 1)
      #expect(host.count(.neighbourUnreachable) == 1)
      #expect(host.deadline == nil)
      guard case .datagrams(socket, .unreachable)? = host.events().first else {
        Issue.record("the socket is not told")
        return
      }
      // The app is told once; the next packet begins anew.
      #expect(throws: NetworkError.unreachable) {
        try send(2, from: socket, on: host, at: 3)
      }
      try send(2, from: socket, on: host, at: 3)
      #expect(host.sent(at: 3) == [ourRequest])
    }
  }

  @Test func sendingMore_doesNotAskMore() throws {
    try withHost { host in
      let socket = try host.bind(port: 5000)
      var requests = 0
      for step in 0..<29 {
        let now = Double(step) / 10
        try send(1, from: socket, on: host, at: now)
        requests += host.sent(at: now).count
      }
      #expect(requests == 3)
    }
  }

  /// Confirmed for at most 45 s; then it has 5 s to show that it is there.
  @Test func oldNeighbour_isProbedAtItsAddress_whilePacketsGo() throws {
    try withHost { host in
      try host.introducePeer(at: 0)
      let socket = try host.bind(port: 5000)
      try send(1, from: socket, on: host, at: 14)
      #expect(host.sent(at: 14).map(\.last) == [1])
      #expect(host.deadline == nil)
      try send(2, from: socket, on: host, at: 46)
      #expect(host.sent(at: 46).map(\.last) == [2])
      #expect(host.deadline == .at(51))
      try send(3, from: socket, on: host, at: 51)
      let sent = host.sent(at: 51)
      #expect(sent.count == 2)
      #expect(sent.contains(Frames.bytes(Hosts.peer) + ourRequest[6...]))
      #expect(sent.contains { $0.last == 3 })
      host.receive(reply(), at: 51)
      try send(4, from: socket, on: host, at: 52)
      #expect(host.sent(at: 52).map(\.last) == [4])
    }
  }

  @Test func probedNeighbour_noAnswer_isForgotten() throws {
    try withHost { host in
      try host.introducePeer(at: 0)
      let socket = try host.bind(port: 5000)
      try send(1, from: socket, on: host, at: 46)
      #expect(host.sent(at: 46).count == 1)
      let alone = Frames.bytes(Hosts.peer) + ourRequest[6...]
      for (second, request) in [(51, alone), (52, alone), (53, ourRequest)] {
        host.stack.poll(at: .at(Double(second)))
        #expect(host.sent(at: Double(second)) == [request])
      }
      host.stack.poll(at: .at(54))
      #expect(host.counters.neighboursUnreachable == 1)
      try send(2, from: socket, on: host, at: 54)
      #expect(host.sent(at: 54) == [ourRequest])
    }
  }

  // MARK: Poisoning

  @Test func unsolicitedReply_makesNoEntry() throws {
    try withHost { host in
      host.receive(reply(from: Hosts.attacker, Hosts.gatewayAddress))
      host.receive(reply(from: Hosts.attacker))
      #expect(host.count(.arpUnsolicited) == 2)
      let socket = try host.bind(port: 5000)
      try send(1, from: socket, on: host)
      #expect(host.sent() == [ourRequest])
    }
  }

  @Test func requestForUs_isTaken_butAllAreAskedWithTheNextUse() throws {
    try withHost { host in
      host.receive(request(from: Hosts.attacker))
      #expect(host.sent().count == 1)
      let socket = try host.bind(port: 5000)
      try send(1, from: socket, on: host)
      #expect(host.sent().contains(ourRequest))
      // The right host's answer puts it right.
      host.receive(reply())
      try send(2, from: socket, on: host)
      let frame = try #require(host.sent().first { $0.word(at: 12) == 0x0800 })
      #expect(frame.prefix(6) == Frames.bytes(Hosts.peer)[...])
    }
  }

  /// What an attacker may say: a reply, a request, an announcement.
  private func claim(_ kind: Int) -> [UInt8] {
    switch kind {
    case 0: reply(from: Hosts.attacker)
    case 1: request(from: Hosts.attacker)
    default: request(from: Hosts.attacker, for: Hosts.peerAddress)
    }
  }

  @Test(arguments: 0..<3)
  func changedAddress_isNotTaken_theOldOneIsAsked(kind: Int) throws {
    try withHost { host in
      try host.introducePeer()
      for _ in 0..<100 { host.receive(claim(kind), at: 1) }
      let socket = try host.bind(port: 5000)
      try send(1, from: socket, on: host, at: 1)
      // Beside it may be replies to the attacker.
      let sent = host.sent(at: 1).filter {
        $0.starts(with: Frames.bytes(Hosts.peer))
      }
      #expect(sent.map { $0.word(at: 12) } == [0x0806, 0x0800])
      #expect(sent[0] == Frames.bytes(Hosts.peer) + ourRequest[6...])
      #expect(host.counters.neighboursDisputed == 100)
      // The one who is there says so.
      host.receive(reply(), at: 1)
      #expect(host.deadline == .at(2))
      host.stack.poll(at: .at(2))
      #expect(host.sent(at: 2).isEmpty)
      #expect(host.deadline == nil)
    }
  }

  @Test func changedAddress_theOldOneIsGone_takenAfterASecond() throws {
    try withHost { host in
      try host.introducePeer()
      // A standby takes over: it announces itself.
      host.receive(
        request(from: Hosts.attacker, for: Hosts.peerAddress),
        at: 1
      )
      #expect(host.sent(at: 1).count == 1)
      host.stack.poll(at: .at(2))
      #expect(host.sent(at: 2) == [ourRequest])
      host.receive(reply(from: Hosts.attacker), at: 2)
      let socket = try host.bind(port: 5000)
      try send(1, from: socket, on: host, at: 2)
      let frame = try #require(host.sent(at: 2).first)
      #expect(frame.prefix(6) == Frames.bytes(Hosts.attacker)[...])
    }
  }

  @Test func manyNeighbours_theTableIsBounded() throws {
    var configuration = StackConfiguration.fixed
    configuration.limits.neighbours = 4
    configuration.limits.neighboursAsked = 1
    try withHost(configuration) { host in
      try host.introducePeer()
      let socket = try host.bind(port: 5000)
      for last in 100..<116 as Range<UInt8> {
        let now = Double(last - 100) / 29
        try send(
          last,
          to: IPv4Address(10, 0, 2, last),
          from: socket,
          on: host,
          at: now
        )
        let sent = host.sent(at: now).filter { $0[41] == last }
        #expect(sent.count == 1)
        // Another at once: nobody has had the time to answer.
        guard last >= 102 else { continue }
        let other = IPv4Address(10, 0, 2, last + 50)
        try send(last, to: other, from: socket, on: host, at: now)
        #expect(host.sent(at: now).isEmpty)
      }
      // Four places, one of the peer's: thirteen waiting packets lost theirs,
      // and fourteen found none.
      #expect(host.count(.neighbourUnreachable) == 27)
      // The one that answered is still known.
      try send(7, from: socket, on: host, at: 0.52)
      #expect(host.sent(at: 0.52).map(\.last) == [7])
    }
  }

  /// 64 hosts are known, and one more asks for us and pings, ten times a second.
  /// Somebody else sends a ping of another address for each of its.
  @Test(arguments: [false, true])
  func fullTable_aNewcomerIsAnswered(isFlooded: Bool) throws {
    try withHost { host in
      for number in 0..<64 as Range<UInt8> {
        try host.introducePeer(
          MACAddress(2, 0, 0, 0, 1, number),
          IPv4Address(10, 0, 2, 100 + number)
        )
      }
      let newcomer = IPv4Address(10, 0, 2, 200)
      let hardware = MACAddress(2, 0, 0, 0, 2, 200)
      var answered = 0
      for round in 0..<100 {
        let now = Double(round) / 10
        host.stack.poll(at: .at(now))
        host.receive(request(from: hardware, newcomer), at: now)
        host.receive(Frames.echoRequest(from: newcomer, [1]), at: now)
        var sent = host.sent(at: now)
        if isFlooded {
          let forged = IPv4Address(10, 0, 2, UInt8(201 + round % 50))
          host.receive(Frames.echoRequest(from: forged, [1]), at: now)
          sent += host.sent(at: now)
        }
        let isAsked = sent.contains {
          $0.word(at: 12) == 0x0806 && $0[21] == 1
            && Array($0[38..<42]) == Frames.bytes(newcomer)
        }
        if isAsked {
          host.receive(reply(from: hardware, newcomer), at: now + 0.001)
          sent += host.sent(at: now + 0.001)
        }
        answered +=
          sent.filter {
            $0.word(at: 12) == 0x0800
              && Array($0[30..<34]) == Frames.bytes(newcomer)
          }.count
      }
      #expect(answered == 100)
    }
  }

  /// A reply to another host's address or hardware, requests, announcements:
  /// none of them is an answer to our request.
  @Test(arguments: 0..<5)
  func asked_whatIsNoAnswer_isNotBelieved(kind: Int) throws {
    try withHost { host in
      let socket = try host.bind(port: 5000)
      try send(1, from: socket, on: host)
      #expect(host.sent() == [ourRequest])
      let forged = reply(from: Hosts.attacker)
      let frames = [
        forged.replacing(at: 32, with: [2, 0, 0, 0, 0, 0x77]),
        forged.replacing(at: 38, with: [10, 0, 2, 77]),
        request(from: Hosts.attacker),
        request(from: Hosts.attacker, for: Hosts.peerAddress),
        request(from: Hosts.attacker, for: IPv4Address(10, 0, 2, 77)),
      ]
      host.receive(frames[kind])
      #expect(host.sent().allSatisfy { $0.word(at: 12) == 0x0806 })
      host.receive(reply())
      let sent = host.sent()
      #expect(sent.map(\.last) == [1])
      #expect(sent.first?.prefix(6) == Frames.bytes(Hosts.peer)[...])
      #expect(host.counters.neighboursDisputed == 0)
    }
  }

  @Test func linkFlaps_theNeighbourIsAskedOnceASecond() throws {
    try withHost { host in
      let socket = try host.bind(port: 5000)
      try send(1, from: socket, on: host)
      #expect(host.sent() == [ourRequest])
      host.stack.setLink(up: false, at: .at(0.1))
      host.stack.setLink(up: true, at: .at(0.2))
      try send(2, from: socket, on: host, at: 0.3)
      #expect(!host.sent(at: 0.3).contains(ourRequest))
      host.stack.poll(at: .at(0.4))
      #expect(host.counters.arpRequestsHeldBack == 1)
      host.stack.poll(at: .at(1))
      #expect(host.sent(at: 1).contains(ourRequest))
    }
  }

  @Test func controlQueueFull_isCounted() {
    var configuration = StackConfiguration.fixed
    configuration.limits.controlPackets = 3
    withHost(configuration) { host in
      for _ in 0..<5 {
        host.receive(request())
      }
      #expect(host.count(.controlQueueFull) == 2)
      #expect(host.sent().count == 3)
    }
  }

  private func answer(_ host: TestHost, at seconds: Double) {
    host.receive(
      Frames.arp(
        operation: 2,
        from: Hosts.peer,
        Hosts.peerAddress,
        for: Hosts.our,
        Hosts.ourAddress,
        frameTo: Hosts.our
      ),
      at: seconds
    )
  }

  /// Two sockets at once, whose parts do not mix.
  @Test func largeDatagram_toANewNeighbour_allPartsOrNone() throws {
    try withHost { host in
      let text = [UInt8](repeating: 1, count: 20_000)
      let to = Endpoint(address: Hosts.peerAddress, port: 9)
      for port in [7, 8] as [UInt16] {
        let socket = try host.bind(port: port)
        #expect(try host.send(text, from: socket, to: to))
      }
      _ = host.sent()
      answer(host, at: 0.001)
      let parts = host.sent(at: 0.001).filter { $0.word(at: 12) == 0x0800 }
      let offsets = parts.map { Int($0.word(at: 20) & 0x1FFF) * 8 }
      let whole = Array(stride(from: 0, to: 20_008, by: 1480))
      #expect(offsets == whole + whole)
      #expect(host.counters.dropped == 0)
    }
  }

  /// Echo requests from eight addresses that nobody has fill the places.
  @Test func waitingPackets_ofForgedNeighbours_keepNobodyElsesOut() throws {
    try withHost { host in
      for last in 100..<108 as Range<UInt8> {
        for _ in 0..<8 {
          host.receive(
            Frames.echoRequest(from: IPv4Address(10, 0, 2, last), [1]),
            at: 1
          )
        }
      }
      _ = host.sent(at: 1)
      let socket = try host.bind(port: 7)
      let to = Endpoint(address: Hosts.peerAddress, port: 9)
      #expect(try host.send([1], from: socket, to: to, at: 1.1))
      _ = host.sent(at: 1.1)
      #expect(host.count(.neighbourPending) == 1)
      answer(host, at: 1.101)
      let sent = host.sent(at: 1.101).filter { $0.word(at: 12) == 0x0800 }
      #expect(sent.count == 1)
    }
  }
}
