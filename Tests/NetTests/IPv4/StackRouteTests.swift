import Net
import Packets
import Testing

@Suite struct StackRouteTests {
  private func configuration(_ lease: Lease) -> StackConfiguration {
    var configuration = StackConfiguration.fixed
    configuration.addressing = .fixed(lease)
    return configuration
  }

  /// Whom the stack asks for to send to `address`; `nil`: nobody, or it cannot.
  private func neighbour(
    for address: IPv4Address,
    _ host: TestHost
  ) -> [UInt8]? {
    guard let socket = try? host.bind(port: 0) else { return nil }
    defer { host.stack.unbindDatagrams(socket) }
    let taken = try? host.send(
      [1],
      from: socket,
      to: Endpoint(address: address, port: 9)
    )
    guard taken == true else { return nil }
    let frame = host.sent().last
    return frame.map {
      $0.word(at: 12) == 0x0806 ? Array($0[38..<42]) : Array($0[0..<6])
    }
  }

  private let all: [UInt8] = [255, 255, 255, 255, 255, 255]

  @Test func hostPrefix_everythingGoesToTheGateway() {
    // As clouds lease addresses: 32 bits, and a gateway outside of them.
    let gateway = IPv4Address(10, 128, 0, 1)
    let lease = Lease(
      address: IPv4Address(10, 128, 0, 7),
      prefixLength: 32,
      gateway: gateway
    )
    withHost(configuration(lease)) { host in
      let asked = Frames.bytes(gateway)
      #expect(neighbour(for: gateway, host) == asked)
      #expect(neighbour(for: .broadcast, host) == all)
    }
    withHost(configuration(lease)) { host in
      let asked = Frames.bytes(gateway)
      #expect(neighbour(for: IPv4Address(10, 128, 0, 8), host) == asked)
    }
  }

  @Test func pairPrefix_theOtherIsANeighbour() {
    let lease = Lease(address: IPv4Address(10, 0, 0, 0), prefixLength: 31)
    withHost(configuration(lease)) { host in
      let other = IPv4Address(10, 0, 0, 1)
      #expect(neighbour(for: other, host) == Frames.bytes(other))
      #expect(neighbour(for: IPv4Address(10, 0, 0, 2), host) == nil)
    }
  }

  @Test func directedBroadcast_goesToAll() {
    let lease = Lease(address: Hosts.ourAddress, prefixLength: 24)
    withHost(configuration(lease)) { host in
      #expect(neighbour(for: IPv4Address(10, 0, 2, 255), host) == all)
      #expect(neighbour(for: IPv4Address(10, 0, 3, 255), host) == nil)
    }
  }

  @Test func leaseWithRoutes_theyAreUsed_andTheGatewayForTheRest() {
    var lease = Lease(address: Hosts.ourAddress, prefixLength: 24)
    lease.gateway = IPv4Address(10, 0, 2, 1)
    lease.routes = [
      ClasslessRoute(
        IPv4Address(192, 0, 2, 0),
        prefixLength: 24,
        gateway: IPv4Address(10, 0, 2, 3)
      ),
      ClasslessRoute(
        IPv4Address(10, 0, 3, 0),
        prefixLength: 24,
        gateway: nil
      ),
    ]
    withHost(configuration(lease)) { host in
      let way = neighbour(for: Hosts.remoteAddress, host)
      #expect(way == [10, 0, 2, 3])
      let onLink = neighbour(for: IPv4Address(10, 0, 3, 4), host)
      #expect(onLink == [10, 0, 3, 4])
      let others = neighbour(for: IPv4Address(8, 8, 8, 8), host)
      #expect(others == [10, 0, 2, 1])
    }
  }

  /// RFC 3442: option 121 names all ways, also the default.
  @Test(arguments: [
    ("79 0d 18 c00002 0a000203  00 0a000263", true),
    ("79 08 18 c00002 0a000203", false),
  ])
  func dhcp_classlessRoutes_andNoOtherGateway(
    _ option: String,
    hasDefault: Bool
  ) {
    withHost(.dynamic) { host in
      let server = DHCPServer()
      for kind in [DHCPServer.offer, DHCPServer.acknowledge] {
        let request = host.sentDHCP(at: 0)[0]
        // Option 3 has 10.0.2.2.
        let message = server.message(kind, to: request).dropLast()
        host.receive(server.frame(message + hex(option) + [255]))
      }
      #expect(neighbour(for: Hosts.remoteAddress, host) == [10, 0, 2, 3])
      host.receive(
        Frames.arp(
          operation: 2,
          from: Hosts.gateway,
          IPv4Address(10, 0, 2, 99),
          for: Hosts.our,
          Hosts.ourAddress,
          frameTo: Hosts.our
        )
      )
      let others = neighbour(for: IPv4Address(8, 8, 8, 8), host)
      #expect(others == (hasDefault ? Frames.bytes(Hosts.gateway) : nil))
    }
  }

  /// The default is the last of eighteen.
  @Test func moreRoutesThanAreKept_areCounted_andTheDefaultIsKept() {
    var value: [UInt8] = []
    for number in 0..<17 as Range<UInt8> {
      value += [16, 172, 16 + number, 10, 0, 2, 99]
    }
    value += [0, 10, 0, 2, 2]
    let option = [121, UInt8(value.count)] + value
    withHost(.dynamic) { host in
      let server = DHCPServer()
      for kind in [DHCPServer.offer, DHCPServer.acknowledge] {
        let request = host.sentDHCP(at: 0)[0]
        let message = server.message(kind, to: request).dropLast()
        host.receive(server.frame(message + option + [255]))
      }
      #expect(host.lease?.gateway == IPv4Address(10, 0, 2, 2))
      #expect(host.lease?.routes.count == 16)
      // With the offer, and with what grants it.
      #expect(host.count(.dhcpRouteRefused) == 2)
    }
  }

  /// The app has all places, and yet the address that is leased can be used.
  @Test func routesOfTheApp_leaveRoomForTheLease() throws {
    try withHost(.dynamic) { host in
      for number in 0..<64 as Range<UInt8> {
        try host.stack.addRoute(
          ClasslessRoute(
            IPv4Address(172, 16, number, 0),
            prefixLength: 24,
            gateway: Hosts.peerAddress
          )
        )
      }
      let option =
        hex("79 0d 18 c00002 0a000263 00") + Frames.bytes(Hosts.gatewayAddress)
      let server = DHCPServer()
      for kind in [DHCPServer.offer, DHCPServer.acknowledge] {
        let request = host.sentDHCP(at: 0)[0]
        let message = server.message(kind, to: request).dropLast()
        host.receive(server.frame(message + option + [255]))
      }
      #expect(host.lease != nil)
      let remote = neighbour(for: Hosts.remoteAddress, host)
      #expect(remote == Frames.bytes(Hosts.gatewayAddress))
      let onLink = neighbour(for: Hosts.peerAddress, host)
      #expect(onLink == Frames.bytes(Hosts.peerAddress))
      // That of 192.0.2/24 has found none.
      #expect(host.count(.dhcpRouteRefused) == 1)
    }
  }

  @Test func routesOfTheApp_comeAndGo() throws {
    let route = ClasslessRoute(
      IPv4Address(192, 0, 2, 0),
      prefixLength: 24,
      gateway: IPv4Address(10, 0, 2, 77)
    )
    try withHost { host in
      try host.stack.addRoute(route)
      #expect(neighbour(for: Hosts.remoteAddress, host) == [10, 0, 2, 77])
      let isRemoved = host.stack.removeRoute(route)
      #expect(isRemoved)
      #expect(neighbour(for: Hosts.remoteAddress, host) == [10, 0, 2, 2])
      let isRemovedAgain = host.stack.removeRoute(route)
      #expect(!isRemovedAgain)
    }
  }

  // MARK: This host itself

  @Test(arguments: [IPv4Address(127, 0, 0, 1), Hosts.ourAddress])
  func loopback_udp_andItsRefusal(_ address: IPv4Address) throws {
    try withHost { host in
      let server = try host.bind(port: 7)
      let client = try host.bind(port: 8)
      let own = Endpoint(address: address, port: 7)
      #expect(try host.send([1, 2, 3], from: client, to: own))
      // Nothing reaches the link; the datagram comes with the next poll.
      #expect(host.sent().isEmpty)
      #expect(host.deadline == .at(0))
      host.stack.poll(at: .at(0))
      let received = host.received(server)
      #expect(received?.bytes == [1, 2, 3])
      #expect(received?.source == Endpoint(address: address, port: 8))
      #expect(host.deadline == nil)
      let nobody = Endpoint(address: address, port: 9)
      #expect(try host.send([1], from: client, to: nobody))
      for _ in 0..<2 {
        #expect(host.sent().isEmpty)
        host.stack.poll(at: .at(0))
      }
      #expect(throws: NetworkError.refused) {
        try host.send([1], from: client, to: nobody)
      }
    }
  }

  @Test(arguments: [false, true])
  func loopback_tcp_carriesAMegabyte(cutsSegments: Bool) throws {
    var configuration = StackConfiguration.fixed
    if cutsSegments {
      configuration.capabilities.completesChecksums = true
      configuration.capabilities.largestSegmentation = 65535
      configuration.capabilities.mostFragments = 16
    }
    try withHost(configuration, packets: 1024) { host in
      let listener = try host.stack.listen(port: 80, backlog: 1)
      let client = try host.stack.connect(
        to: Endpoint(address: IPv4Address(127, 0, 0, 1), port: 80),
        at: .at(0)
      )
      var server: ConnectionID?
      var (written, read, now) = (0, 0, 0.0)
      let data = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 3) }
      for _ in 0..<20_000 where read < data.count {
        if server == nil { server = host.stack.accept(listener) }
        if host.stack.state(of: client) == .established {
          written += try host.stack.write(
            Array(data[written...].prefix(20_000)).raw,
            to: client,
            at: .at(now)
          )
        }
        while let id = server,
          case .bytes(let packet) = host.stack.read(id, at: .at(now))
        {
          let bytes = packet.bytes
          for index in 0..<bytes.byteCount
          where bytes.byte(at: index) != data[read + index] {
            Issue.record("byte \(read + index) is wrong")
            return
          }
          read += bytes.byteCount
        }
        #expect(host.sent(at: now).isEmpty)
        now = max(now, host.deadline?.seconds ?? now)
        host.stack.poll(at: .at(now))
      }
      #expect(read == data.count)
      #expect(host.counters.loopedBack > 700)
    }
  }

  /// RFC 1122 §3.2.1.3 (g): 127/8 does not come from a link.
  @Test func loopbackAddresses_fromTheLink_areDropped() {
    withHost { host in
      let own = IPv4Address(127, 0, 0, 1)
      host.receive(Frames.echoRequest(from: own, [1]))
      host.receive(Frames.echoRequest(to: own, [1]))
      host.receive(Frames.echoRequest(from: Hosts.ourAddress, [1]))
      #expect(host.count(.ipv4SourceInvalid) == 2)
      #expect(host.count(.ipv4NotForUs) == 1)
      #expect(host.sent().isEmpty)
    }
  }

  @Test func loopbackAddresses_fromTheLink_areDropped_beforeThereIsAnAddress()
    throws
  {
    try withHost(.dynamic) { host in
      let socket = try host.bind(port: 7)
      let own = IPv4Address(127, 0, 0, 1)
      host.receive(Frames.udpFrame(to: own, port: 7, [1]))
      host.receive(Frames.udpFrame(from: own, to: own, port: 7, [1]))
      host.receive(Frames.echoRequest(to: own, [1]))
      #expect(host.received(socket) == nil)
      #expect(host.count(.ipv4NoAddress) == 2)
      #expect(host.count(.ipv4SourceInvalid) == 1)
      #expect(host.sent().isEmpty)
    }
  }

  /// A stranger ends no conversation of this host with itself.
  @Test(arguments: [IPv4Address(127, 0, 0, 1), Hosts.ourAddress])
  func loopback_errorFromTheLink_isNotBelieved(_ own: IPv4Address) throws {
    try withHost { host in
      _ = try host.bind(port: 53)
      let client = try host.bind(port: 4000)
      let server = Endpoint(address: own, port: 53)
      #expect(try host.send([1], from: client, to: server))
      #expect(host.sent().isEmpty)
      host.stack.poll(at: .at(0))
      _ = host.events()
      let quote = Frames.ipv4(
        protocol: 17,
        from: own,
        to: own,
        Frames.udp(from: own, port: 4000, to: own, port: 53, [1])
      )
      let error = Frames.icmp(type: 3, code: 3, quote)
      host.receive(Frames.ethernet(Frames.ipv4(protocol: 1, error)))
      #expect(host.events().isEmpty)
      let failure = host.stack.takeFailure(of: client)
      #expect(failure == nil)
      #expect(host.count(.icmpQuoteInvalid) == 1)
    }
  }

  @Test func loopback_worksBeforeAnAddressIsBound() throws {
    try withHost(.dynamic) { host in
      let server = try host.bind(port: 7)
      let own = Endpoint(address: IPv4Address(127, 0, 0, 1), port: 7)
      #expect(try host.send([5], from: server, to: own))
      _ = host.sent()
      host.stack.poll(at: .at(0))
      #expect(host.received(server)?.bytes == [5])
    }
  }

  @Test(arguments: [
    (IPv4Address(127, 0, 0, 1), false), (IPv4Address(127, 0, 0, 1), true),
    (Hosts.ourAddress, true),
  ])
  func loopback_largeDatagram_arrives(
    _ address: IPv4Address,
    _ hasAddress: Bool
  ) throws {
    try withHost(hasAddress ? .fixed : .dynamic) { host in
      let server = try host.bind(port: 7)
      let client = try host.bind(port: 8)
      let own = Endpoint(address: address, port: 7)
      for size in [1473, 3000, host.stack.largestDatagram] {
        let text = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(try host.send(text, from: client, to: own))
        // But DHCP may ask meanwhile.
        let sent = host.sent().map { Array($0[30..<34]) }
        #expect(!sent.contains(Frames.bytes(address)))
        host.stack.poll(at: .at(0))
        let received = host.received(server)
        #expect(received?.bytes == text)
        #expect(received?.source == Endpoint(address: address, port: 8))
      }
      #expect(host.counters.dropped == 0)
    }
  }

  /// The text of a later part is no header, whatever it looks like.
  @Test func loopback_textOfAPart_isNoDatagram() throws {
    try withHost { host in
      let other = try host.bind(port: 99)
      let server = try host.bind(port: 7)
      let client = try host.bind(port: 8)
      var text = [UInt8](repeating: 0, count: 1480 - 8)
      // From port 53, to port 99, 12 bytes, no checksum.
      text += [0, 53, 0, 99, 0, 12, 0, 0, 0xBA, 0xD0, 0xBA, 0xD1]
      let own = Endpoint(address: Hosts.ourAddress, port: 7)
      #expect(try host.send(text, from: client, to: own))
      #expect(host.sent().isEmpty)
      host.stack.poll(at: .at(0))
      #expect(host.received(other) == nil)
      #expect(host.received(server)?.bytes == text)
    }
  }

  /// A part is missing, and one with its numbers comes from the link: once as
  /// if from this host, and once truly from another.
  @Test func loopback_partsFromTheLink_areNotJoined() throws {
    var configuration = StackConfiguration.fixed
    configuration.limits.controlPackets = 1
    try withHost(configuration) { host in
      try host.introducePeer()
      let server = try host.bind(port: 7)
      let client = try host.bind(port: 8)
      // The number of the next datagram is one more than that of this one.
      let peer = Endpoint(address: Hosts.peerAddress, port: 9)
      #expect(try host.send([1], from: client, to: peer))
      let number = try #require(host.sent().first).word(at: 18) &+ 1
      let text = [UInt8](repeating: 1, count: 1500)
      let own = Endpoint(address: Hosts.ourAddress, port: 7)
      #expect(try host.send(text, from: client, to: own))
      #expect(host.sent().isEmpty)
      #expect(host.count(.loopbackFull) == 1)
      host.stack.poll(at: .at(0))
      for source in [Hosts.ourAddress, Hosts.peerAddress] {
        let part = Frames.ipv4(
          protocol: 17,
          from: source,
          change: {
            $0.replaceSubrange(4..<8, with: Frames.bytes(number) + [0, 185])
          },
          [UInt8](repeating: 1, count: 28)
        )
        host.receive(Frames.ethernet(part))
      }
      #expect(host.count(.ipv4SourceInvalid) == 1)
      #expect(host.received(server) == nil)
      host.stack.poll(at: .at(60))
      #expect(host.count(.ipv4FragmentTimeout) == 2)
      #expect(host.sent(at: 60).isEmpty)
    }
  }

  @Test func loopback_isBounded() throws {
    var configuration = StackConfiguration.fixed
    configuration.limits.controlPackets = 4
    try withHost(configuration) { host in
      let socket = try host.bind(port: 7)
      let own = Endpoint(address: Hosts.ourAddress, port: 7)
      for _ in 0..<6 {
        #expect(try host.send([1], from: socket, to: own))
      }
      _ = host.sent()
      #expect(host.count(.loopbackFull) == 2)
    }
  }
}
