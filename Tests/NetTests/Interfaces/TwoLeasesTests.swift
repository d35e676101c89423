import Net
import Packets
import Testing

/// Leases of two interfaces, beside each other, and what goes with one of them.
@Suite struct TwoLeasesTests {
  private let remote = Hosts.remoteAddress

  private func server(_ link: Int, seconds: UInt32 = 86400) -> DHCPServer {
    var server = DHCPServer()
    server.client = TwoLinks.hardware[link]
    server.address = TwoLinks.addresses[link]
    server.server = TwoLinks.gateways[link]
    server.router = Frames.bytes(TwoLinks.gateways[link])
    server.leaseSeconds = seconds
    return server
  }

  /// The DHCP messages over `link`.
  private func asked(
    _ links: TwoLinks,
    on link: Int,
    at seconds: Double
  ) -> [SentDHCP] {
    links.stack.poll(at: .at(seconds))
    return links.datagrams(on: link, at: seconds).map { SentDHCP($0) }
  }

  private func bind(
    _ links: TwoLinks,
    on link: Int,
    _ first: SentDHCP,
    seconds: UInt32 = 86400,
    at now: Double
  ) throws {
    let server = server(link, seconds: seconds)
    links.receive(server.reply(2, to: first), on: link, at: now)
    let request = try #require(asked(links, on: link, at: now).first)
    #expect(request.kind == 3)
    links.receive(server.reply(5, to: request), on: link, at: now)
  }

  /// Runs `body` with two links on which the stack asks, and what it asked.
  private func withClients(
    _ body: (TwoLinks, [SentDHCP]) throws -> Void
  ) throws {
    let pool = PacketPool(capacity: 256)
    try run(TwoLinks(.dhcp, .dhcp, pool: pool), body)
    #expect(pool.available == pool.capacity)
  }

  private func run(
    _ links: consuming TwoLinks,
    _ body: (TwoLinks, [SentDHCP]) throws -> Void
  ) throws {
    let first = (0..<2).compactMap { asked(links, on: $0, at: 0).first }
    try #require(first.map(\.kind) == [1, 1])
    try body(links, first)
  }

  private func events(_ links: TwoLinks) -> [String] {
    var events: [String] = []
    while let event = links.stack.nextEvent() {
      switch event {
      case .addressBound(_, let link): events.append("bound \(link)")
      case .addressLost(let link): events.append("lost \(link)")
      default: break
      }
    }
    return events
  }

  @Test func eachInterfaceAsksForItself_andIsTold() throws {
    try withClients { links, first in
      // RFC 4361 §6.1: the machine's name is the same, the interface's not.
      let names = first.compactMap { $0.options[61] }
      try #require(names.count == 2)
      #expect(names[0].suffix(10) == names[1].suffix(10))
      #expect(names[0] != names[1])
      #expect(first[0].transaction != first[1].transaction)
      try bind(links, on: 1, first[1], at: 0)
      #expect(links.stack.lease(of: 0) == nil)
      #expect(links.stack.lease(of: 1)?.address == TwoLinks.addresses[1])
      #expect(links.stack.lease?.address == TwoLinks.addresses[1])
      #expect(events(links) == ["bound 1"])
      try bind(links, on: 0, first[0], at: 1)
      #expect(links.stack.lease?.address == TwoLinks.addresses[0])
      #expect(events(links) == ["bound 0"])
    }
  }

  @Test func answerToTheOtherInterface_isNotTaken() throws {
    try withClients { links, first in
      links.receive(server(0).reply(2, to: first[0]), on: 1)
      #expect(links.count(.dhcpNotForUs) == 1)
      #expect(asked(links, on: 1, at: 0).isEmpty)
    }
  }

  @Test func leaseThatEnds_takesItsRoutes_andTheOtherStays() throws {
    try withClients { links, first in
      try bind(links, on: 0, first[0], seconds: 100, at: 0)
      try bind(links, on: 1, first[1], at: 0)
      links.settle()
      var connections: [ConnectionID] = []
      for link in 0..<2 {
        connections.append(
          try links.stack.connect(
            to: Endpoint(address: TwoLinks.peers[link], port: 80),
            at: .at(98)
          )
        )
      }
      let addresses = connections.map {
        links.stack.local(of: $0)?.address.ipv4
      }
      #expect(addresses == TwoLinks.addresses)
      links.settle(at: 99)
      links.stack.poll(at: .at(100))
      #expect(links.stack.lease(of: 0) == nil)
      #expect(links.stack.lease(of: 1) != nil)
      #expect(events(links) == ["lost 0"])
      #expect(links.stack.state(of: connections[0]) == .closed)
      #expect(links.stack.state(of: connections[1]) == .synSent)
      guard
        case .failed(.noAddress) = links.stack.read(
          connections[0],
          at: .at(100)
        )
      else {
        Issue.record("the connection did not fail with its address")
        return
      }
      // The other's default route is the one that is left.
      let socket = try links.stack.bindDatagrams(port: 0)
      try links.send([1], from: socket, to: remote, at: 100)
      #expect(links.stack.local(of: connections[1]) != nil)
      let targets = links.sent(on: 1, at: 100).map { Array($0[38..<42]) }
      #expect(targets.contains(Frames.bytes(TwoLinks.gateways[1])))
      for connection in connections {
        links.stack.abort(connection, at: .at(100))
        links.stack.release(connection, at: .at(100))
      }
    }
  }

  @Test func onlyOneIsAddressed_theOtherCannotSend() throws {
    try withClients { links, first in
      let socket = try links.stack.bindDatagrams(port: 0)
      #expect(throws: NetworkError.noAddress) {
        try links.send([1], from: socket, to: self.remote)
      }
      try bind(links, on: 1, first[1], at: 0)
      links.settle()
      #expect(throws: NetworkError.noAddress) {
        try links.send([1], from: socket, to: self.remote, on: 0)
      }
      try links.send([1], from: socket, to: remote)
      links.answer(for: TwoLinks.gateways[1], on: 1)
      #expect(links.datagrams(on: 1).map(\.last) == [1])
    }
  }

  @Test func dhcpPort_isTaken_whileAnyInterfaceAsks() throws {
    let pool = PacketPool(capacity: 64)
    let links = TwoLinks(TwoLinks.fixed(0), .dhcp, pool: pool)
    #expect(throws: NetworkError.addressInUse) {
      _ = try links.stack.bindDatagrams(port: 68)
    }
  }

  @Test func release_givesBothBack() throws {
    try withClients { links, first in
      for link in 0..<2 { try bind(links, on: link, first[link], at: 0) }
      links.settle()
      links.stack.releaseLeases(at: .at(1))
      #expect(links.hasUnsentControl)
      for link in 0..<2 {
        links.answer(for: TwoLinks.gateways[link], on: link, at: 1)
        let sent = links.datagrams(on: link, at: 1).map { SentDHCP($0) }
        #expect(sent.map(\.kind) == [7])
      }
      #expect(!links.hasUnsentControl)
    }
  }
}
