import Packets
import Testing

@testable import Net

/// What the stack makes of leases: conflicts, the end, a remembered address.
@Suite struct StackLeaseTests {
  /// Outlives the hosts, which may end with packets to send.
  private let pool = PacketPool(capacity: 64)

  private func host(
    _ configuration: StackConfiguration = .dynamic
  ) -> TestHost {
    TestHost(configuration, pool: pool)
  }

  /// Whether the next event says that the address is lost.
  private func isLost(_ host: TestHost) -> Bool {
    host.events().contains {
      if case .addressLost = $0 { true } else { false }
    }
  }

  /// Another host says that it has `address`.
  private func claim(
    _ address: IPv4Address,
    _ host: TestHost,
    at seconds: Double
  ) {
    host.receive(
      Frames.arp(operation: 2, from: Hosts.attacker, address, address),
      at: seconds
    )
  }

  private func isWaiting(_ host: TestHost) -> Bool {
    host.stack.hasUnsentControl
  }

  @Test func addressThatIsTaken_isGivenUp_declined_andAnotherBound() throws {
    let host = host()
    host.bind(DHCPServer(), at: 0)
    _ = host.sent()
    _ = host.events()
    // The first time it is defended.
    claim(Hosts.ourAddress, host, at: 4)
    #expect(host.lease?.address == Hosts.ourAddress)
    #expect(host.sentDHCP(at: 4).isEmpty)
    claim(Hosts.ourAddress, host, at: 5)
    #expect(host.lease == nil)
    #expect(isLost(host))
    let decline = host.sentDHCP(at: 5)
    try #require(decline.map(\.kind) == [4])
    #expect(decline[0].source == [0, 0, 0, 0])
    #expect(decline[0].destination == [255, 255, 255, 255])
    #expect(host.sentDHCP(at: 14.9).isEmpty)
    let discover = host.sentDHCP(at: 15)
    try #require(discover.map(\.kind) == [1])

    var other = DHCPServer()
    other.address = IPv4Address(10, 0, 2, 16)
    host.receive(other.reply(2, to: discover[0]), at: 15)
    let request = host.sentDHCP(at: 16)
    try #require(request.map(\.kind) == [3])
    host.receive(other.reply(5, to: request[0]), at: 16)
    #expect(host.lease?.address == IPv4Address(10, 0, 2, 16))
  }

  @Test func addressThatIsNotOurs_canBeTaken() {
    let host = host()
    host.bind(DHCPServer(), at: 0)
    claim(Hosts.peerAddress, host, at: 4)
    claim(Hosts.peerAddress, host, at: 5)
    #expect(host.lease?.address == Hosts.ourAddress)
    #expect(host.count(.arpConflict) == 0)
  }

  /// Who gave the address back does not decline it as well.
  @Test func addressThatIsTaken_afterItsRelease_isLeftInSilence() {
    let host = host()
    host.bind(DHCPServer(), at: 0)
    host.stack.releaseLeases(at: .at(3))
    claim(Hosts.ourAddress, host, at: 4)
    claim(Hosts.ourAddress, host, at: 5)
    #expect(host.lease == nil)
    #expect(host.sentDHCP(at: 1e6).isEmpty)
  }

  @Test func release_goesToTheServer_onceItIsFound() throws {
    let host = host()
    host.bind(DHCPServer(), at: 0)
    _ = host.sent()
    host.stack.releaseLeases(at: .at(5))
    // The gateway, which is the server, was asked for and has not answered.
    #expect(isWaiting(host))
    _ = host.sent(at: 5)
    host.receive(
      Frames.arp(
        operation: 2,
        from: Hosts.gateway,
        Hosts.gatewayAddress,
        for: Hosts.our,
        Hosts.ourAddress,
        frameTo: Hosts.our
      ),
      at: 5
    )
    let release = host.sentDHCP(at: 5)
    try #require(release.map(\.kind) == [7])
    #expect(release[0].source == [10, 0, 2, 15])
    #expect(release[0].destination == [10, 0, 2, 2])
    #expect(release[0].clientAddress == [10, 0, 2, 15])
    #expect(!isWaiting(host))
    host.stack.releaseLeases(at: .at(6))
    #expect(host.sentDHCP(at: 1e6).isEmpty)
  }

  @Test func releaseOfAFixedAddress_isSilent() {
    let host = host(.fixed)
    _ = host.sent()
    host.stack.releaseLeases(at: .at(5))
    #expect(host.sent(at: 5).isEmpty)
  }

  @Test func rememberedAddress_isAskedForFirst() throws {
    var configuration = StackConfiguration.dynamic
    configuration.rememberedAddress = Hosts.ourAddress
    let host = host(configuration)
    let request = host.sentDHCP(at: 0)
    try #require(request.map(\.kind) == [3])
    #expect(request[0].options[50] == [10, 0, 2, 15])
    host.receive(DHCPServer().reply(5, to: request[0]), at: 0)
    #expect(host.lease?.address == Hosts.ourAddress)
  }

  @Test func refusedOptions_areCounted_andTheLeaseTaken() {
    let host = host()
    let server = DHCPServer()
    for kind in [DHCPServer.offer, DHCPServer.acknowledge] {
      let request = host.sentDHCP(at: 0)[0]
      // 121 with 33 bits, 26 with one byte.
      let message =
        server.message(kind, to: request).dropLast()
        + hex("79 0a 21 0a00000000 0a000202 1a 01 05 ff")
      host.receive(server.frame(message))
    }
    #expect(host.lease?.gateway == Hosts.gatewayAddress)
    #expect(host.lease?.routes == [])
    #expect(host.count(.dhcpOptionRefused) == 4)
  }

  @Test func runsOfRandomNumbers_differ() {
    let host = host()
    var first = host.stack.makeRandomNumbers()
    var second = host.stack.makeRandomNumbers()
    var numbers: Set<UInt64> = []
    for _ in 0..<8 {
      numbers.insert(first.next())
      numbers.insert(second.next())
    }
    #expect(numbers.count == 16)
  }
}
