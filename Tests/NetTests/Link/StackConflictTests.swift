import Net
import Packets
import Testing

/// RFC 5227 as frames.
@Suite struct StackConflictTests {
  private static func probe(_ address: String) -> [UInt8] {
    hex(
      """
      ffffffffffff 02000000000f 0806
      0001 0800 06 04 0001
      02000000000f 00000000 000000000000 \(address)
      """
    )
  }

  private let probe = Self.probe("0a00020f")
  private let announcement = hex(
    """
    ffffffffffff 02000000000f 0806
    0001 0800 06 04 0001
    02000000000f 0a00020f 000000000000 0a00020f
    """
  )

  private func checked(
    _ configuration: StackConfiguration
  ) -> StackConfiguration {
    var configuration = configuration
    configuration.limits.conflict = ConflictTiming()
    return configuration
  }

  /// Another host's packet from our address.
  private func claim(from hardware: MACAddress = Hosts.attacker) -> [UInt8] {
    Frames.arp(operation: 2, from: hardware, Hosts.ourAddress, Hosts.ourAddress)
  }

  private func sent(by host: TestHost, at seconds: Double) -> [[UInt8]] {
    host.stack.poll(at: .at(seconds))
    return host.sent(at: seconds)
  }

  @Test func fixed_threeProbes_thenBound_thenTwoAnnouncements() {
    let pool = PacketPool(capacity: 16)
    do {
      let host = TestHost(checked(.fixed), pool: pool)
      #expect(host.sent() == [probe])
      #expect(host.lease == nil)
      #expect(sent(by: host, at: 0.02) == [probe])
      #expect(sent(by: host, at: 0.04) == [probe])
      #expect(host.events().isEmpty)
      #expect(sent(by: host, at: 0.059).isEmpty)
      #expect(sent(by: host, at: 0.06) == [announcement])
      #expect(host.lease?.address == Hosts.ourAddress)
      #expect(sent(by: host, at: 2.06) == [announcement])
      #expect(host.deadline == nil)
      #expect(host.counters.arpProbesSent == 3)
    }
    #expect(pool.available == 16)
  }

  @Test(arguments: [1, 2] as [UInt16])
  func fixed_anotherHasIt_notUsed_andLookedAtAgain(operation: UInt16) {
    withHost(checked(.fixed)) { host in
      host.receive(
        Frames.arp(
          operation: operation,
          from: Hosts.attacker,
          Hosts.ourAddress,
          Hosts.peerAddress
        ),
        at: 0.01
      )
      guard case .addressTaken(Hosts.ourAddress, on: 0)? = host.events().first
      else {
        Issue.record("nobody was told")
        return
      }
      #expect(host.lease == nil)
      #expect(host.count(.arpConflict) == 1)
      #expect(host.deadline == .at(60.01))
      #expect(sent(by: host, at: 60) == [])
      // The other has gone.
      for seconds in [60.01, 60.03, 60.05] {
        #expect(sent(by: host, at: seconds) == [probe])
      }
      #expect(sent(by: host, at: 60.07) == [announcement])
      #expect(host.lease != nil)
    }
  }

  @Test func anothersProbe_isAConflict_ourOwnThatComesBackIsNot() {
    withHost(checked(.fixed)) { host in
      host.receive(
        Frames.arp(operation: 1, from: Hosts.our, .any, Hosts.ourAddress)
      )
      #expect(host.count(.arpEcho) == 1)
      #expect(host.count(.arpConflict) == 0)
      host.receive(
        Frames.arp(operation: 1, from: Hosts.peer, .any, Hosts.ourAddress)
      )
      #expect(host.count(.arpConflict) == 1)
      #expect(host.lease == nil)
    }
  }

  @Test func probing_questionsForTheAddress_areNotAnswered() {
    withHost(checked(.fixed)) { host in
      host.receive(
        Frames.arp(
          operation: 1,
          from: Hosts.peer,
          Hosts.peerAddress,
          Hosts.ourAddress
        )
      )
      #expect(host.sent().isEmpty)
      #expect(host.count(.arpNotForUs) == 1)
    }
  }

  @Test func bound_defendedOnce_thenGivenUp() {
    withHost { host in
      host.receive(claim(), at: 1)
      #expect(host.sent(at: 1) == [announcement])
      #expect(host.counters.addressDefences == 1)
      #expect(host.lease != nil)
      host.receive(claim(), at: 10.9)
      #expect(host.sent(at: 10.9).isEmpty)
      #expect(host.lease == nil)
      let events = host.events()
      guard case .addressTaken? = events.first,
        case .addressLost? = events.last
      else {
        Issue.record("nobody was told")
        return
      }
      #expect(host.count(.arpConflict) == 2)
      #expect(host.deadline == .at(70.9))
    }
  }

  @Test func bound_conflictsFarApart_areEachDefended() {
    withHost { host in
      for seconds in [10.0, 20, 30, 40] {
        host.receive(claim(), at: seconds)
        #expect(host.sent(at: seconds) == [announcement])
      }
      #expect(host.lease != nil)
    }
  }

  @Test func linkDownWhileProbing_beginsAnewWhenItIsUp() {
    withHost(checked(.fixed)) { host in
      host.stack.setLink(up: false, at: .at(0.01))
      #expect(host.deadline == nil)
      host.stack.poll(at: .at(5))
      #expect(host.lease == nil)
      host.stack.setLink(up: true, at: .at(7))
      for seconds in [7, 7.02, 7.04] {
        #expect(sent(by: host, at: seconds) == [probe])
      }
      #expect(sent(by: host, at: 7.06) == [announcement])
    }
  }

  // MARK: With DHCP

  @Test func dhcp_free_isBoundAfterTheProbes() {
    withHost(checked(.dynamic)) { host in
      host.bind(DHCPServer(), at: 0)
      #expect(host.lease == nil)
      #expect(host.sent() == [probe])
      #expect(sent(by: host, at: 0.02) == [probe])
      #expect(sent(by: host, at: 0.04) == [probe])
      let last = sent(by: host, at: 0.06)
      #expect(last.first == announcement)
      #expect(host.lease?.address == Hosts.ourAddress)
      #expect(sent(by: host, at: 2.06).contains(announcement))
    }
  }

  @Test func dhcp_taken_isDeclined_andAnotherAskedForAfterTenSeconds() {
    withHost(checked(.dynamic)) { host in
      host.bind(DHCPServer(), at: 0)
      #expect(host.sent() == [probe])
      host.receive(claim(), at: 0.01)
      let decline = host.sentDHCP(at: 0.01)
      #expect(decline.map(\.kind) == [4])
      #expect(decline[0].options[50] == Frames.bytes(Hosts.ourAddress))
      #expect(decline[0].clientAddress == [0, 0, 0, 0])
      #expect(host.lease == nil)
      #expect(host.sentDHCP(at: 10).isEmpty)
      #expect(host.sentDHCP(at: 10.01).map(\.kind) == [1])
    }
  }

  @Test func dhcp_lostLater_isDeclined_andConnectionsEnd() {
    withHost(.dynamic) { host in
      host.bind(DHCPServer(), at: 0)
      _ = host.sent()
      _ = host.events()
      host.receive(claim(), at: 1)
      host.receive(claim(), at: 2)
      #expect(host.lease == nil)
      #expect(host.sentDHCP(at: 2).map(\.kind) == [4])
    }
  }

  /// A flood of claims costs one answer, and leaves nothing behind.
  @Test func flood_ofClaims_oneDefence() {
    withHost(packets: 16) { host in
      for index in 0..<10_000 {
        host.receive(
          claim(from: MACAddress(bits: 0x0200_0000_1000 + UInt64(index)))
        )
        if index == 0 { #expect(host.sent() == [announcement]) }
      }
      #expect(host.sent().isEmpty)
      #expect(host.count(.arpConflict) == 2)
      #expect(host.count(.arpNotForUs) == 9_998)
    }
  }

  private func claim(_ host: TestHost, at seconds: Double) {
    host.receive(
      Frames.arp(
        operation: 2,
        from: Hosts.attacker,
        Hosts.ourAddress,
        Hosts.ourAddress
      ),
      at: seconds
    )
  }

  /// Answers wait for a device that is full, and the address is lost.
  @Test func lostAddress_nothingIsSentFromIt() throws {
    try withHost { host in
      try host.introducePeer()
      for _ in 0..<4 { host.receive(Frames.echoRequest([1]), at: 1) }
      host.receive(
        Frames.arp(
          operation: 1,
          from: Hosts.peer,
          Hosts.peerAddress,
          Hosts.ourAddress
        ),
        at: 1
      )
      // The first claim is answered by an announcement.
      for seconds in [1.0, 2] { claim(host, at: seconds) }
      #expect(host.lease == nil)
      #expect(host.sent(at: 2).isEmpty)
      #expect(host.count(.addressLost) == 6)
    }
  }

  @Test func lostAddress_whatWasSentToIt_isDropped() throws {
    try withHost { host in
      let server = try host.bind(port: 7)
      let own = Endpoint(address: Hosts.ourAddress, port: 7)
      #expect(try host.send([1], from: server, to: own))
      #expect(host.sent().isEmpty)
      for seconds in [1.0, 2] { claim(host, at: seconds) }
      host.stack.poll(at: .at(2))
      #expect(host.received(server) == nil)
      _ = host.sent(at: 2)
      // With the announcement that answered the first claim.
      #expect(host.count(.addressLost) == 2)
    }
  }
}
