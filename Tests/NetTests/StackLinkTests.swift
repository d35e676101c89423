import Net
import Packets
import Testing

/// What the stack does when the link goes and comes back.
@Suite struct StackLinkTests {
  private static let announcement = Frames.arp(
    operation: 1,
    from: Hosts.our,
    Hosts.ourAddress,
    Hosts.ourAddress
  )

  /// Runs `body` with a host whose lease of a day began at 0, and whose link
  /// has been down from 5 s to 6 s.
  private func withFlappedHost(
    _ server: DHCPServer = DHCPServer(),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (TestHost) throws -> Void
  ) rethrows {
    let pool = PacketPool(capacity: 64)
    try Self.run(TestHost(.dynamic, pool: pool), server, body)
    #expect(
      pool.available == pool.capacity,
      "packets are lost",
      sourceLocation: sourceLocation
    )
  }

  private static func run(
    _ host: consuming TestHost,
    _ server: DHCPServer,
    _ body: (TestHost) throws -> Void
  ) rethrows {
    host.bind(server, at: 0)
    _ = host.sent()
    _ = host.events()
    flap(host, from: 5, to: 6)
    try body(host)
  }

  private static func flap(_ host: TestHost, from: Double, to: Double) {
    host.stack.setLink(up: false, at: .at(from))
    host.stack.setLink(up: true, at: .at(to))
  }

  // MARK: REBOOTING

  @Test func linkUp_lease_isConfirmedByRequestToAll() {
    withFlappedHost { host in
      let sent = host.sentDHCP(at: 6)
      #expect(sent.count == 1)
      let request = sent[0]
      // RFC 2131 §4.3.2: a DHCPREQUEST of INIT-REBOOT.
      #expect(request.kind == 3)
      #expect(request.options[50] == [10, 0, 2, 15])
      #expect(request.options[54] == nil)
      #expect(request.clientAddress == [0, 0, 0, 0])
      #expect(request.seconds == 0)
      #expect(request.toHardware == hex("ffffffffffff"))
      #expect(request.source == [0, 0, 0, 0])
      #expect(request.destination == [255, 255, 255, 255])
    }
  }

  @Test func rebooting_addressStaysInUse() {
    withFlappedHost { host in
      #expect(host.sentDHCP(at: 6).count == 1)
      #expect(host.lease?.address == Hosts.ourAddress)
      #expect(host.events().isEmpty)
      host.receive(Frames.echoRequest([1, 2, 3]), at: 6)
      #expect(host.counters.echoesAnswered == 1)
    }
  }

  @Test func rebooting_acknowledged_newTimes_andAnnouncement() throws {
    try withFlappedHost { host in
      let request = host.sentDHCP(at: 6)[0]
      host.receive(DHCPServer().reply(5, to: request), at: 7)
      let lease = try #require(host.lease)
      #expect(lease.address == Hosts.ourAddress)
      // They count from the request, at 6 s.
      #expect(lease.renewal == .at(6 + 43200))
      #expect(lease.rebinding == .at(6 + 75600))
      #expect(lease.expiry == .at(6 + 86400))
      #expect(host.sent(at: 7) == [Self.announcement])
      #expect(host.deadline == lease.renewal)
      let events = host.events()
      #expect(events.count == 1)
      guard case .addressRenewed(lease, on: 0)? = events.first else {
        Issue.record("\(events)")
        return
      }
    }
  }

  @Test func rebooting_anotherServerMayConfirm() {
    withFlappedHost { host in
      var other = DHCPServer()
      other.server = IPv4Address(10, 0, 2, 4)
      other.router = [10, 0, 2, 4]
      host.receive(other.reply(5, to: host.sentDHCP(at: 6)[0]), at: 6)
      #expect(host.lease?.server == IPv4Address(10, 0, 2, 4))
      #expect(host.lease?.gateway == IPv4Address(10, 0, 2, 4))
    }
  }

  @Test func rebooting_nothingIsAnnouncedBeforeTheAnswer() {
    withFlappedHost { host in
      host.stack.poll(at: .at(6))
      let types = host.sent(at: 6).map { $0.word(at: 12) }
      #expect(types == [0x0800])
    }
  }

  @Test func rebooting_refused_givesTheAddressUp_andBeginsAnew() {
    withFlappedHost { host in
      // Not the one that granted it: any server may know that it is wrong.
      var other = DHCPServer()
      other.server = IPv4Address(10, 0, 2, 4)
      let request = host.sentDHCP(at: 6)[0]
      let refusal = other.message(DHCPServer.refuse, to: request)
      host.receive(other.frame(refusal, toAll: true), at: 6)
      #expect(host.lease == nil)
      let events = host.events()
      guard events.count == 1, case .addressLost? = events.first else {
        Issue.record("\(events)")
        return
      }
      #expect(host.sentDHCP(at: 6.9).isEmpty)
      #expect(host.sentDHCP(at: 7).map(\.kind) == [1])
    }
  }

  @Test func rebooting_acknowledgementOfAnotherAddress_isRefused() {
    withFlappedHost { host in
      let request = host.sentDHCP(at: 6)[0]
      var other = DHCPServer()
      other.address = IPv4Address(10, 0, 2, 77)
      let message = other.message(5, to: request)
      host.receive(other.frame(message, toAll: true), at: 6)
      #expect(host.count(.dhcpLeaseInvalid) == 1)
      #expect(host.lease?.address == Hosts.ourAddress)
      // And the right one is still taken.
      host.receive(DHCPServer().reply(5, to: request), at: 6)
      #expect(host.lease?.expiry == .at(6 + 86400))
    }
  }

  @Test func rebooting_strangersAndLateReplies_changeNothing() {
    withFlappedHost { host in
      let request = host.sentDHCP(at: 6)[0]
      let good = DHCPServer().message(DHCPServer.refuse, to: request)
      let wrongTransaction = good.replacing(at: 4, with: [1, 2, 3, 4])
      host.receive(DHCPServer().frame(wrongTransaction), at: 6)
      let wrongHardware = good.replacing(at: 28, with: [0x66])
      host.receive(DHCPServer().frame(wrongHardware), at: 6)
      #expect(host.count(.dhcpNotForUs) == 2)
      host.receive(DHCPServer().reply(2, to: request), at: 6)
      #expect(host.count(.dhcpUnexpected) == 1)
      #expect(host.lease?.address == Hosts.ourAddress)
    }
  }

  @Test func rebooting_noAnswer_fourRequests_thenTheRestOfTheLease() throws {
    try withFlappedHost { host in
      let sent = host.runDHCP(from: 6, to: 5000)
      #expect(sent.map(\.message.kind) == [3, 3, 3, 3])
      #expect(Set(sent.map(\.message.transaction)).count == 1)
      let gaps = zip(sent, sent.dropFirst()).map { $1.seconds - $0.seconds }
      for (gap, expected) in zip(gaps, [4, 8, 16] as [Double]) {
        #expect(abs(gap - expected) <= 1)
      }
      // As if nothing had been: the lease of second 0.
      let lease = try #require(host.lease)
      #expect(lease.expiry == .at(86400))
      #expect(host.deadline == .at(43200))
      #expect(host.events().isEmpty)
      // It is renewed when it always was to be.
      try introduceServer(host, at: 43199)
      let renewal = host.sentDHCP(at: 43200)
      #expect(renewal.map(\.clientAddress) == [[10, 0, 2, 15]])
    }
  }

  @Test func rebooting_noAnswer_isAnnouncedAfterAll() {
    withFlappedHost { host in
      var announcements: [Double] = []
      while let deadline = host.deadline, deadline < .at(200) {
        host.stack.poll(at: deadline)
        for frame in host.sent(at: deadline.seconds)
        where frame == Self.announcement {
          announcements.append(deadline.seconds)
        }
      }
      // 4 + 8 + 16 + 32 s, each a second more or less.
      #expect(announcements.count == 1)
      #expect(abs(announcements[0] - 66) <= 4)
    }
  }

  @Test func rebooting_leaseEndsMeanwhile_isGivenUp() {
    var server = DHCPServer()
    server.leaseSeconds = 20
    withFlappedHost(server) { host in
      _ = host.runDHCP(from: 6, to: 19.9)
      #expect(host.lease != nil)
      #expect(host.deadline == .at(20))
      let sent = host.sentDHCP(at: 20)
      #expect(host.lease == nil)
      #expect(sent.map(\.kind) == [1])
    }
  }

  @Test func rebooting_renewalFellDueMeanwhile_comesAfter() throws {
    var server = DHCPServer()
    server.leaseSeconds = 100
    try withFlappedHost(server) { host in
      // T1 is at 50 s, T2 at 87.5 s; the minute ends about 66 s.
      let sent = host.runDHCP(from: 6, to: 80)
      #expect(sent.filter { $0.seconds < 60 }.count == 4)
      try introduceServer(host, at: 80)
      let renewals = host.runDHCP(from: 80, to: 87)
      #expect(!renewals.isEmpty)
      for (_, message) in renewals {
        #expect(message.clientAddress == [10, 0, 2, 15])
        #expect(message.destination == [10, 0, 2, 2])
      }
    }
  }

  @Test func leaseWithoutEnd_isConfirmedToo_andKeptInSilence() {
    var server = DHCPServer()
    server.leaseSeconds = 0xFFFF_FFFF
    withFlappedHost(server) { host in
      #expect(host.runDHCP(from: 6, to: 1000).count == 4)
      #expect(host.lease?.address == Hosts.ourAddress)
      #expect(host.deadline == nil)
    }
  }

  @Test func flapWhileRebooting_asksAnew() {
    withFlappedHost { host in
      let first = host.sentDHCP(at: 6)[0]
      Self.flap(host, from: 6.1, to: 6.2)
      let second = host.sentDHCP(at: 6.2)
      #expect(second.map(\.kind) == [3])
      #expect(second[0].transaction != first.transaction)
      host.receive(DHCPServer().reply(5, to: first), at: 6.3)
      #expect(host.count(.dhcpNotForUs) == 1)
      host.receive(DHCPServer().reply(5, to: second[0]), at: 6.3)
      #expect(host.lease?.expiry == .at(6.2 + 86400))
    }
  }

  @Test func flapWhileRenewing_confirmsInstead() throws {
    try withFlappedHost { host in
      host.receive(DHCPServer().reply(5, to: host.sentDHCP(at: 6)[0]), at: 6)
      try introduceServer(host, at: 6)
      #expect(host.sentDHCP(at: 43205.9).isEmpty)
      host.stack.poll(at: .at(43206))
      Self.flap(host, from: 43207, to: 43208)
      let sent = host.sentDHCP(at: 43208)
      #expect(sent.map(\.source) == [[0, 0, 0, 0]])
      #expect(sent.map { $0.options[50] } == [[10, 0, 2, 15]])
    }
  }

  @Test func leaseEndedWhileDown_beginsAnew() {
    withFlappedHost { host in
      host.stack.setLink(up: false, at: .at(7))
      _ = host.runDHCP(from: 7, to: 86400)
      #expect(host.lease == nil)
      host.stack.setLink(up: true, at: .at(90000))
      let sent = host.sentDHCP(at: 90000)
      #expect(sent.map(\.kind) == [1])
    }
  }

  // MARK: Traffic

  @Test func linkDown_nothingIsSent_linkUp_datagramsThatWaitedAre() throws {
    try withHost { host in
      let socket = try host.bind(port: 1000)
      host.stack.setLink(up: false, at: .at(1))
      #expect(!host.isLinkUp)
      let peer = Endpoint(address: Hosts.peerAddress, port: 9)
      let isTaken = try host.send([1, 2, 3], from: socket, to: peer, at: 1)
      #expect(isTaken)
      #expect(host.sent(at: 2).isEmpty)
      host.stack.setLink(up: true, at: .at(3))
      #expect(host.isLinkUp)
      let question = Frames.arp(
        operation: 1,
        from: Hosts.our,
        Hosts.ourAddress,
        Hosts.peerAddress
      )
      #expect(host.sent(at: 3) == [Self.announcement, question])
      host.receive(
        Frames.arp(
          operation: 2,
          from: Hosts.peer,
          Hosts.peerAddress,
          for: Hosts.our,
          Hosts.ourAddress,
          frameTo: Hosts.our
        ),
        at: 3
      )
      let sent = host.sent(at: 3)
      #expect(sent.map { Array($0.suffix(3)) } == [[1, 2, 3]])
      #expect(host.localPort(of: socket) == 1000)
    }
  }

  @Test func linkUpTwice_isOnce() {
    withFlappedHost { host in
      #expect(host.sentDHCP(at: 6).count == 1)
      host.stack.setLink(up: true, at: .at(6.5))
      #expect(host.sentDHCP(at: 6.5).isEmpty)
    }
  }

  // MARK: Announcements

  @Test func announce_fixedAddress_isOneRequestForItself() {
    withHost { host in
      host.stack.announce()
      #expect(host.sent() == [Self.announcement])
      #expect(host.sent(at: 10).isEmpty)
    }
  }

  @Test func announce_whileTheLinkIsDown_isMadeUpForOnce() {
    withHost { host in
      host.stack.setLink(up: false, at: .at(0))
      host.stack.announce()
      host.stack.setLink(up: true, at: .at(1))
      #expect(host.sent(at: 1) == [Self.announcement])
      #expect(host.count(.linkDown) == 0)
    }
  }

  @Test func announce_withoutAnAddress_saysNothing() {
    let pool = PacketPool(capacity: 64)
    let host = TestHost(.dynamic, pool: pool)
    host.stack.announce()
    #expect(host.sent().isEmpty)
    #expect(host.counters.arpRequestsSent == 0)
  }

  private func introduceServer(
    _ host: TestHost,
    at seconds: Double
  ) throws {
    _ = host.sent(at: seconds)
    try host.introducePeer(
      Hosts.gateway,
      Hosts.gatewayAddress,
      at: seconds
    )
  }
}

extension TestHost {
  fileprivate var isLinkUp: Bool { stack.isLinkUp }
}
