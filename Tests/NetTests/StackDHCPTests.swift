import Net
import Packets
import Testing

@Suite struct StackDHCPTests {
  private func withClient(
    _ configuration: StackConfiguration = .dynamic,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (TestHost) throws -> Void
  ) rethrows {
    // `withHost` would send what the client says first.
    let pool = PacketPool(capacity: 64)
    try Self.run(TestHost(configuration, pool: pool), body)
    #expect(
      pool.available == pool.capacity,
      sourceLocation: sourceLocation
    )
  }

  private static func run(
    _ host: consuming TestHost,
    _ body: (TestHost) throws -> Void
  ) rethrows { try body(host) }

  // MARK: INIT, SELECTING

  @Test func initialise_discoverIsLiteral() {
    var configuration = StackConfiguration.dynamic
    configuration.hostName = Array("apus".utf8)
    withClient(configuration) { host in
      #expect(host.deadline == .at(0))
      let sent = host.sentDHCP(at: 0)
      #expect(sent.count == 1)
      let discover = sent[0]
      #expect(discover.toHardware == hex("ffffffffffff"))
      #expect(discover.source == [0, 0, 0, 0])
      #expect(discover.destination == [255, 255, 255, 255])
      #expect(discover.ports == hex("0044 0043"))
      let transaction = Frames.bytes(discover.transaction)
      let expected =
        hex("01010600") + transaction + hex("0000 0000")
        + [UInt8](repeating: 0, count: 16) + hex("02000000000f")
        + [UInt8](repeating: 0, count: 10 + 64 + 128)
        + hex("63825363 350101 3d0f ff 00000001 0003 0001 02000000000f")
        + hex("390205dc 0c0461707573 370b 01790306 0f1a2a 333a3b 77 ff")
      let padding = [UInt8](repeating: 0, count: 300 - expected.count)
      #expect(discover.message == expected + padding)
    }
  }

  @Test func selecting_noServer_backsOffWithJitter() {
    withClient { host in
      let sent = host.runDHCP(from: 0, to: 330)
      let gaps = zip(sent, sent.dropFirst()).map { $1.seconds - $0.seconds }
      for (gap, expected) in zip(gaps, [4, 8, 16, 32, 64, 64, 64] as [Double]) {
        #expect(abs(gap - expected) <= 1)
      }
      #expect(gaps.count >= 7)
      #expect(gaps.contains { $0 != $0.rounded() }, "there is no jitter")
      #expect(Set(sent.map(\.message.transaction)).count == 1)
      #expect(sent.allSatisfy { $0.message.kind == 1 })
      // secs tells how long the client has tried.
      for (seconds, message) in sent {
        #expect(message.seconds == UInt16(seconds))
      }
      #expect(host.lease == nil)
    }
  }

  @Test func otherSeed_otherTransaction() {
    var configuration = StackConfiguration.dynamic
    var transactions: Set<UInt32> = []
    for seed in 0..<4 as Range<UInt64> {
      configuration.seed = SipHash.Key(seed, 0)
      withClient(configuration) {
        transactions.insert($0.sentDHCP(at: 0)[0].transaction)
      }
    }
    #expect(transactions.count == 4)
  }

  // MARK: REQUESTING, BOUND

  @Test func offer_isRequested_andAcknowledgementBinds() throws {
    try withClient { host in
      let discover = host.sentDHCP(at: 0)[0]
      host.receive(DHCPServer().reply(2, to: discover), at: 1)
      let sent = host.sentDHCP(at: 1)
      #expect(sent.count == 1)
      let request = sent[0]
      #expect(request.kind == 3)
      #expect(request.transaction == discover.transaction)
      #expect(request.toHardware == hex("ffffffffffff"))
      #expect(request.source == [0, 0, 0, 0])
      #expect(request.clientAddress == [0, 0, 0, 0])
      #expect(request.options[50] == [10, 0, 2, 15])
      #expect(request.options[54] == [10, 0, 2, 2])
      #expect(host.lease == nil)
      #expect(host.events().isEmpty)

      host.receive(DHCPServer().reply(5, to: request), at: 2)
      let lease = try #require(host.lease)
      #expect(lease.address == Hosts.ourAddress)
      #expect(lease.prefixLength == 24)
      #expect(lease.gateway == Hosts.gatewayAddress)
      #expect(lease.nameServers == [IPv4Address(10, 0, 2, 3)])
      #expect(lease.server == Hosts.gatewayAddress)
      #expect(lease.seconds == 86400)
      // All count from the request, at 1 s.
      #expect(lease.renewal == .at(1 + 43200))
      #expect(lease.rebinding == .at(1 + 75600))
      #expect(lease.expiry == .at(1 + 86400))
      guard case .addressBound(lease, on: 0)? = host.events().first else {
        Issue.record("nobody is told")
        return
      }
      // The address is announced to the link, the gateway is asked for, and
      // nothing else is said.
      #expect(
        host.sent(at: 2)
          == [Hosts.ourAddress, Hosts.gatewayAddress].map {
            Frames.arp(
              operation: 1,
              from: Hosts.our,
              Hosts.ourAddress,
              $0
            )
          }
      )
      introduceServer(host, at: 2)
      #expect(host.sent(at: 3).isEmpty)
      #expect(host.deadline == lease.renewal)
    }
  }

  @Test func replyToAll_isTakenToo() {
    withClient { host in
      let server = DHCPServer()
      for kind in [DHCPServer.offer, DHCPServer.acknowledge] {
        let request = host.sentDHCP(at: 0)[0]
        let message = server.message(kind, to: request)
        host.receive(server.frame(message, toAll: true))
      }
      #expect(host.lease?.address == Hosts.ourAddress)
    }
  }

  @Test func requesting_noAnswer_fourRequestsThenDiscover() {
    withClient { host in
      let discover = host.sentDHCP(at: 0)[0]
      host.receive(DHCPServer().reply(2, to: discover))
      let sent = host.runDHCP(from: 0, to: 100)
      #expect(sent.map(\.message.kind).prefix(5) == [3, 3, 3, 3, 1])
      #expect(sent[4].message.transaction != discover.transaction)
      #expect(sent[4].message.seconds == 0)
      let gaps = zip(sent, sent.dropFirst()).map { $1.seconds - $0.seconds }
      for (gap, expected) in zip(gaps, [4, 8, 16, 32] as [Double]) {
        #expect(abs(gap - expected) <= 1)
      }
    }
  }

  @Test func requesting_refused_beginsAnewAfterASecond() {
    withClient { host in
      host.receive(DHCPServer().reply(2, to: host.sentDHCP(at: 0)[0]))
      let request = host.sentDHCP(at: 0)[0]
      host.receive(DHCPServer().reply(6, to: request), at: 0)
      #expect(host.sentDHCP(at: 0.9).isEmpty)
      #expect(host.deadline == .at(1))
      #expect(host.sentDHCP(at: 1).map(\.kind) == [1])
      // There was no address to lose.
      #expect(host.events().isEmpty)
    }
  }

  @Test func secondOffer_isNotTaken() {
    withClient { host in
      let discover = host.sentDHCP(at: 0)[0]
      host.receive(DHCPServer().reply(2, to: discover))
      var other = DHCPServer()
      other.server = IPv4Address(10, 0, 2, 4)
      host.receive(other.reply(2, to: discover))
      #expect(host.count(.dhcpUnexpected) == 1)
      let request = host.sentDHCP(at: 0)[0]
      #expect(request.options[54] == [10, 0, 2, 2])
      // Nor is another server's acknowledgement, or its refusal.
      host.receive(other.reply(5, to: request))
      host.receive(other.reply(6, to: request))
      #expect(host.count(.dhcpServerInvalid) == 2)
      #expect(host.lease == nil)
    }
  }

  // MARK: RENEWING, REBINDING, the end

  @Test func renewing_unicastToTheServer_extendsTheLease() throws {
    try withClient { host in
      let server = DHCPServer()
      host.bind(server, at: 0)
      _ = host.sent()
      _ = host.events()
      #expect(host.sentDHCP(at: 43199).isEmpty)
      // At T1 the server's hardware address is asked for first.
      host.stack.poll(at: .at(43200))
      #expect(
        host.sent(at: 43200) == [
          Frames.arp(
            operation: 1,
            from: Hosts.our,
            Hosts.ourAddress,
            Hosts.gatewayAddress
          )
        ]
      )
      host.receive(
        Frames.arp(
          operation: 2,
          from: Hosts.gateway,
          Hosts.gatewayAddress,
          for: Hosts.our,
          Hosts.ourAddress,
          frameTo: Hosts.our
        ),
        at: 43200
      )
      let sent = host.sentDHCP(at: 43200)
      #expect(sent.count == 1)
      let renewal = sent[0]
      #expect(renewal.kind == 3)
      #expect(renewal.toHardware == Frames.bytes(Hosts.gateway))
      #expect(renewal.source == [10, 0, 2, 15])
      #expect(renewal.destination == [10, 0, 2, 2])
      #expect(renewal.clientAddress == [10, 0, 2, 15])
      #expect(renewal.options[50] == nil)
      #expect(renewal.options[54] == nil)

      host.receive(server.reply(5, to: renewal), at: 43201)
      let lease = try #require(host.lease)
      #expect(lease.expiry == .at(43200 + 86400))
      guard case .addressRenewed(lease, on: 0)? = host.events().first else {
        Issue.record("nobody is told")
        return
      }
      #expect(host.sent(at: 43201).isEmpty)
    }
  }

  @Test func renewing_noAnswer_halvesTheTimeThatIsLeft() {
    var configuration = StackConfiguration.dynamic
    configuration.limits.neighbourLifetime = .seconds(86400)
    withClient(configuration) { host in
      var server = DHCPServer()
      server.leaseSeconds = 3600  // T1 1800, T2 3150
      host.bind(server, at: 0)
      introduceServer(host, at: 1799)
      let sent = host.runDHCP(from: 1799, to: 3599)
      #expect(
        sent.map { $0.seconds.rounded() } == [
          // Renewing: 1350 s are left, then 675, 337.5, 168.75, 84.4; then a
          // minute at the least, and T2 comes first.
          1800, 2475, 2813, 2981, 3066, 3126,
          // Rebinding: 450 s are left, then 225, 112.5.
          3150, 3375, 3488, 3548,
        ]
      )
      #expect(
        sent.map(\.message.destination) == Array(
          repeating: [10, 0, 2, 2],
          count: 6
        ) + Array(repeating: [255, 255, 255, 255], count: 4)
      )
      #expect(sent.allSatisfy { $0.message.kind == 3 })
      #expect(sent.allSatisfy { $0.message.options[54] == nil })
      #expect(sent.allSatisfy { $0.message.clientAddress == [10, 0, 2, 15] })
      #expect(Set(sent.map(\.message.transaction)).count == 1)
    }
  }

  /// The stack knows where the server is, and keeps knowing it.
  private func introduceServer(_ host: TestHost, at seconds: Double) {
    _ = host.sent(at: seconds)
    _ = host.events()
    try? host.introducePeer(
      Hosts.gateway,
      Hosts.gatewayAddress,
      at: seconds
    )
  }

  @Test func rebinding_anyServerMayExtend() {
    withClient { host in
      host.bind(DHCPServer(), at: 0)
      _ = host.sent()
      _ = host.sentDHCP(at: 43200)
      let rebinding = host.sentDHCP(at: 75600)
      #expect(rebinding.map(\.destination) == [[255, 255, 255, 255]])
      #expect(rebinding.map(\.source) == [[10, 0, 2, 15]])
      var other = DHCPServer()
      other.server = IPv4Address(10, 0, 2, 4)
      host.receive(other.reply(5, to: rebinding[0]), at: 75601)
      #expect(host.lease?.server == IPv4Address(10, 0, 2, 4))
      #expect(host.lease?.expiry == .at(75600 + 86400))
    }
  }

  @Test func expiry_givesTheAddressUp_andBeginsAnew() throws {
    try withClient { host in
      host.bind(DHCPServer(), at: 0)
      _ = host.sent()
      _ = host.events()
      let socket = try host.bind(port: 5000)
      _ = host.runDHCP(from: 43200, to: 86398)
      let destination = Endpoint(address: Hosts.peerAddress, port: 9)
      #expect(
        try host.send([1], from: socket, to: destination, at: 86399)
      )
      host.stack.poll(at: .at(86400))
      #expect(host.lease == nil)
      guard case .addressLost? = host.events().first else {
        Issue.record("nobody is told")
        return
      }
      // What was not sent is dropped, and nothing more is taken.
      #expect(host.count(.addressLost) == 1)
      #expect(throws: NetworkError.noAddress) {
        try host.send([1], from: socket, to: destination, at: 86400)
      }
      let sent = host.sentDHCP(at: 86400)
      #expect(sent.map(\.kind) == [1])
      #expect(sent.map(\.source) == [[0, 0, 0, 0]])
      host.receive(Frames.echoRequest([1]), at: 86400)
      #expect(host.count(.ipv4NoAddress) == 1)
    }
  }

  @Test func renewing_refused_givesTheAddressUp() {
    withClient { host in
      host.bind(DHCPServer(), at: 0)
      introduceServer(host, at: 43199)
      let renewal = host.sentDHCP(at: 43200)[0]
      host.receive(DHCPServer().reply(6, to: renewal), at: 43200)
      #expect(host.lease == nil)
      guard case .addressLost? = host.events().first else {
        Issue.record("nobody is told")
        return
      }
      #expect(host.sentDHCP(at: 43201).map(\.kind) == [1])
    }
  }

  @Test func afterALoss_aNewAddressIsBound() {
    withClient { host in
      host.bind(DHCPServer(), at: 0)
      introduceServer(host, at: 43199)
      let renewal = host.sentDHCP(at: 43200)[0]
      host.receive(DHCPServer().reply(6, to: renewal), at: 43200)
      var other = DHCPServer()
      other.address = IPv4Address(10, 0, 2, 16)
      host.bind(other, at: 43201)
      // Who sleeps through all of it learns both, in order.
      let events = host.events()
      #expect(events.count == 2)
      guard case .addressLost? = events.first,
        case .addressBound(let lease, on: 0)? = events.last
      else {
        Issue.record("\(events)")
        return
      }
      #expect(lease.address == IPv4Address(10, 0, 2, 16))
    }
  }

  @Test func addressThatCameAndWentUnnoticed_isNotMentioned() {
    withClient { host in
      var server = DHCPServer()
      server.leaseSeconds = 10
      host.bind(server, at: 0)
      _ = host.runDHCP(from: 0, to: 10)
      #expect(host.lease == nil)
      #expect(host.events().isEmpty)
    }
  }

  @Test func infiniteLease_wantsNothing() {
    withClient { host in
      var server = DHCPServer()
      server.leaseSeconds = 0xFFFF_FFFF
      host.bind(server, at: 0)
      introduceServer(host, at: 0)
      #expect(host.sent(at: 1).isEmpty)
      #expect(host.lease?.expiry == nil)
      #expect(host.lease?.seconds == nil)
      #expect(host.deadline == nil)
      #expect(host.sentDHCP(at: 1e8).isEmpty)
    }
  }

  @Test(arguments: [1, 2, 3, 10, 120] as [UInt32])
  func shortLease_isKeptForLong(_ seconds: UInt32) {
    withClient { host in
      var server = DHCPServer()
      server.leaseSeconds = seconds
      host.bind(server, at: 0)
      introduceServer(host, at: 0)
      let first = host.lease?.renewal?.seconds
      #expect(first == Double(seconds) / 2)
      for _ in 0..<10 {
        let now = host.deadline!.seconds
        guard let request = host.sentDHCP(at: now).first else { continue }
        host.receive(server.reply(5, to: request), at: now)
        #expect(
          host.lease?.expiry == .at(now + Double(seconds))
        )
      }
      for event in host.events() {
        if case .addressLost = event {
          Issue.record("the address is lost")
        }
      }
    }
  }

  @Test func twoMinuteLease_survivesLostRenewals() {
    var configuration = StackConfiguration.dynamic
    // The server's hardware address stays known, though nobody answers here.
    configuration.limits.neighbourLifetime = .seconds(600)
    withClient(configuration) { host in
      var server = DHCPServer()
      server.leaseSeconds = 120
      host.bind(server, at: 0)
      introduceServer(host, at: 59)
      let sent = host.runDHCP(from: 59, to: 119)
      #expect(
        sent.map { $0.seconds } == [
          60, 82.5, 93.75, 101.25, 105, 112.5,
        ]
      )
      // The last of them is heard.
      host.receive(server.reply(5, to: sent.last!.message), at: 119)
      #expect(host.lease?.expiry == .at(112.5 + 120))
    }
  }

  // MARK: What servers say

  @Test(
    arguments: [
      (100, 200, 100, 200),
      (nil, nil, 500, 875),
      (100, nil, 100, 875),
      (nil, 600, 500, 600),
      // Against T1 < T2 < the end:
      (600, 500, 500, 875),
      (500, 500, 500, 875),
      (500, 1000, 500, 875),
      (0, 10, 500, 875),
      (900, nil, 500, 875),
      (0xFFFF_FFFF, 0xFFFF_FFFF, 500, 875),
    ] as [(UInt32?, UInt32?, Double, Double)]
  )
  func times(
    _ renewal: UInt32?,
    _ rebinding: UInt32?,
    _ first: Double,
    _ second: Double
  ) {
    withClient { host in
      var server = DHCPServer()
      server.leaseSeconds = 1000
      server.renewalSeconds = renewal
      server.rebindingSeconds = rebinding
      host.bind(server, at: 0)
      #expect(host.lease?.renewal == .at(first))
      #expect(host.lease?.rebinding == .at(second))
    }
  }

  @Test func longestFiniteLease_doesNotOverflow() {
    withClient { host in
      var server = DHCPServer()
      server.leaseSeconds = 0xFFFF_FFFE
      host.bind(server, at: 1000)
      #expect(host.lease?.expiry == .at(1000 + 4_294_967_294))
      _ = host.sentDHCP(at: 2_147_483_647 + 1000)
      _ = host.sentDHCP(at: 4_294_967_294)
    }
  }

  @Test(
    arguments: [
      (nil, IPv4Address(10, 0, 2, 15), 8),
      (nil, IPv4Address(172, 16, 2, 15), 16),
      (nil, IPv4Address(192, 168, 2, 15), 24),
      ([255, 255, 255, 255], IPv4Address(10, 0, 2, 15), 32),
      ([255, 255, 255, 254], IPv4Address(10, 0, 2, 15), 31),
      ([128, 0, 0, 0], IPv4Address(10, 0, 2, 15), 1),
    ] as [([UInt8]?, IPv4Address, Int)]
  )
  func prefix(_ mask: [UInt8]?, _ address: IPv4Address, _ length: Int) {
    withClient { host in
      var server = DHCPServer()
      server.mask = mask
      server.address = address
      host.bind(server, at: 0)
      #expect(host.lease?.prefixLength == length)
    }
  }

  @Test func gatewayAndNameServers_areOptional_andChecked() {
    withClient { host in
      var server = DHCPServer()
      server.router = nil
      server.nameServers = nil
      host.bind(server, at: 0)
      #expect(host.lease?.gateway == nil)
      #expect(host.lease?.nameServers == [])
    }
    for router in [hex("0a00020f"), hex("ffffffff"), hex("00000000")] {
      withClient { host in
        var server = DHCPServer()
        server.router = router + [10, 0, 2, 1]
        server.nameServers = hex("00000000 01010101 02020202 03030303")
        host.bind(server, at: 0)
        #expect(host.lease?.gateway == nil)
        #expect(
          host.lease?.nameServers == [
            IPv4Address(1, 1, 1, 1), IPv4Address(2, 2, 2, 2),
          ]
        )
      }
    }
  }

  // MARK: Hostile servers

  @Test func unusableLease_isRefused() {
    func broken(_ change: (inout DHCPServer) -> Void) -> DHCPServer {
      var server = DHCPServer()
      change(&server)
      return server
    }
    let table: [(String, DHCPServer)] = [
      ("no time", broken { $0.leaseSeconds = nil }),
      ("no time at all", broken { $0.leaseSeconds = 0 }),
      ("holes in the mask", broken { $0.mask = [255, 0, 255, 0] }),
      ("no mask bits", broken { $0.mask = [0, 0, 0, 0] }),
      ("another address", broken { $0.address = IPv4Address(10, 0, 2, 77) }),
    ]
    for (name, server) in table {
      withClient { host in
        host.receive(DHCPServer().reply(2, to: host.sentDHCP(at: 0)[0]))
        let request = host.sentDHCP(at: 0)[0]
        let message = server.message(5, to: request)
        host.receive(server.frame(message, toAll: true))
        #expect(host.lease == nil, "\(name)")
        #expect(host.count(.dhcpLeaseInvalid) == 1, "\(name)")
      }
    }
    // What cannot be used is not even asked for.
    for last in [0, 255] as [UInt8] {
      withClient { host in
        var server = DHCPServer()
        server.address = IPv4Address(10, 0, 2, last)
        let discover = host.sentDHCP(at: 0)[0]
        host.receive(
          server.frame(server.message(2, to: discover), toAll: true)
        )
        #expect(host.sentDHCP(at: 0).isEmpty)
        #expect(host.count(.dhcpLeaseInvalid) == 1)
      }
    }
  }

  @Test func offerOfNoAddress_isRefused() {
    for address in [
      IPv4Address.any, .broadcast, IPv4Address(127, 0, 0, 1),
      IPv4Address(224, 0, 0, 1),
    ] {
      withClient { host in
        var server = DHCPServer()
        server.address = address
        let discover = host.sentDHCP(at: 0)[0]
        host.receive(
          server.frame(server.message(2, to: discover), toAll: true)
        )
        #expect(host.count(.dhcpLeaseInvalid) == 1)
        #expect(host.sentDHCP(at: 0).isEmpty)
      }
    }
  }

  @Test(
    arguments: [
      (0, [1], DropReason.dhcpMalformed),  // op: a request
      (1, [6], .dhcpMalformed),  // htype
      (2, [16], .dhcpMalformed),  // hlen
      (4, [0xFF, 0xFF, 0xFF, 0xFF], .dhcpNotForUs),  // xid
      (28, [0x66], .dhcpNotForUs),  // chaddr
      (236, [0], .dhcpMalformed),  // magic cookie
      (240, [0, 0, 0], .dhcpMalformed),  // no option 53
      (241, [2], .dhcpOptionMalformed),  // its length
      (242, [9], .dhcpOptionMalformed),  // its value
      (242, [8], .dhcpMalformed),  // an INFORM
      (242, [1], .dhcpUnexpected),  // a DISCOVER
      (242, [5], .dhcpUnexpected),  // too early
      (242, [6], .dhcpUnexpected),  // too early
      (243, [99], .dhcpServerInvalid),  // no option 54
      (244, [200], .dhcpOptionMalformed),  // beyond the end
      (244, [3], .dhcpOptionMalformed),  // its length
      (245, [0, 0, 0, 0], .dhcpServerInvalid),  // 0.0.0.0
      (245, [255, 255, 255, 255], .dhcpServerInvalid),
      (250, [5], .dhcpOptionMalformed),  // length of the lease time
      (256, [2], .dhcpOptionMalformed),  // length of the mask
      (262, [3], .dhcpOptionMalformed),  // length of the router
      (262, [0], .dhcpOptionMalformed),
      (268, [5], .dhcpOptionMalformed),  // length of the name servers
    ] as [(Int, [UInt8], DropReason)]
  )
  func malformed_isDropped(
    _ offset: Int,
    _ bytes: [UInt8],
    _ reason: DropReason
  ) {
    withClient { host in
      let discover = host.sentDHCP(at: 0)[0]
      let server = DHCPServer()
      let good = server.message(2, to: discover)
      let bad = good.replacing(at: offset, with: bytes)
      #expect(bad != good)
      host.receive(server.frame(bad))
      #expect(host.count(reason) == 1)
      #expect(host.counters.dropped == 1)
      #expect(host.counters.dhcpReceived == 0)
      #expect(host.sentDHCP(at: 0).isEmpty)
      // And the client still takes the right one.
      host.receive(server.frame(good))
      #expect(host.sentDHCP(at: 0).count == 1)
    }
  }

  @Test func everyTruncation_isRefusedOrIsWhole() {
    withClient { host in
      let discover = host.sentDHCP(at: 0)[0]
      let server = DHCPServer()
      let message = server.message(2, to: discover)
      // Up to the end of option 54 the offer lacks something it needs.
      for count in 0..<249 {
        host.receive(server.frame(Array(message.prefix(count))))
      }
      #expect(host.counters.dropped == 249)
      #expect(host.count(.dhcpTruncated) == 240)
      #expect(host.sentDHCP(at: 0).isEmpty)
    }
  }

  @Test func wrongPortOrSource_isDropped() {
    withClient { host in
      let discover = host.sentDHCP(at: 0)[0]
      let server = DHCPServer()
      let message = server.message(2, to: discover)
      host.receive(server.frame(message, port: 6767))
      #expect(host.count(.dhcpServerInvalid) == 1)
      #expect(host.sentDHCP(at: 0).isEmpty)
    }
  }

  @Test func bound_lateReplies_changeNothing() {
    withClient { host in
      let server = DHCPServer()
      host.receive(server.reply(2, to: host.sentDHCP(at: 0)[0]))
      let request = host.sentDHCP(at: 0)[0]
      host.receive(server.reply(5, to: request))
      let lease = host.lease
      #expect(lease != nil)
      for kind in [2, 5, 6] as [UInt8] {
        host.receive(server.reply(kind, to: request))
      }
      #expect(host.count(.dhcpUnexpected) == 3)
      #expect(host.lease == lease)
    }
  }

  @Test func overload_optionsInFileAndName() {
    withClient { host in
      let server = DHCPServer()
      for kind in [DHCPServer.offer, DHCPServer.acknowledge] {
        let request = host.sentDHCP(at: 0)[0]
        var message = server.message(kind, to: request)
        message = Array(message[..<240])
        message += [53, 1, kind, 52, 1, 3, 255]
        message = message.replacing(
          at: 108,
          with: hex("0000 3604 0a000202 3304 00000e10 ff")
        )
        message = message.replacing(
          at: 44,
          with: hex("0104 ffffff00 0304 0a000202 ff")
        )
        host.receive(server.frame(message))
      }
      #expect(host.lease?.prefixLength == 24)
      #expect(host.lease?.gateway == Hosts.gatewayAddress)
      #expect(host.lease?.seconds == 3600)
    }
  }

  @Test func overload_thatIsMalformed_isRefused() {
    withClient { host in
      let server = DHCPServer()
      let request = host.sentDHCP(at: 0)[0]
      var message = server.message(2, to: request)
      message = Array(message.dropLast()) + [52, 1, 1, 255]
      // The option would reach into the cookie.
      message = message.replacing(
        at: 108,
        with: [UInt8](repeating: 0, count: 126) + [12, 1]
      )
      host.receive(server.frame(message))
      #expect(host.count(.dhcpOptionMalformed) == 1)
    }
  }

  // MARK: The link and other traffic

  @Test func beforeAnAddress_onlyDHCPIsTaken() {
    withClient { host in
      host.receive(Frames.echoRequest([1]))
      host.receive(Frames.udpFrame(port: 7, [1]))
      host.receive(Frames.ethernet(Frames.ipv4(protocol: 6, [1])))
      #expect(host.count(.ipv4NoAddress) == 3)
      host.receive(
        Frames.arp(
          operation: 1,
          from: Hosts.peer,
          Hosts.peerAddress,
          Hosts.ourAddress
        )
      )
      #expect(host.count(.arpNotForUs) == 1)
      #expect(host.sent().map { SentDHCP($0).kind }.isEmpty)
    }
  }

  @Test func linkDown_sendsNothing_linkUp_beginsAnew() {
    withClient { host in
      host.stack.setLink(up: false, at: .at(0))
      #expect(host.sentDHCP(at: 0).isEmpty)
      #expect(host.sentDHCP(at: 60).isEmpty)
      host.stack.setLink(up: true, at: .at(61))
      #expect(host.sentDHCP(at: 61).map(\.seconds) == [0])
      #expect(host.count(.linkDown) == 2)
    }
  }

  @Test func noBuffer_isCounted_andTriedAgain() {
    withClient { host in
      var held = PacketQueue()
      while let packet = host.pool.allocate() {
        held.append(packet)
      }
      #expect(host.sentDHCP(at: 0).isEmpty)
      #expect(host.count(.noBuffer) == 1)
      _ = held.popFirst()
      #expect(host.sentDHCP(at: 5).map(\.kind) == [1])
    }
  }
}
