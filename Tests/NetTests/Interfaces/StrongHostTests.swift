import Net
import Packets
import Testing

/// RFC 1122 §3.3.4.2, the strong model: an address is of one interface, both
/// ways.
@Suite struct StrongHostTests {
  private enum Flag {
    static let syn: UInt8 = 0x02
    static let acknowledge: UInt8 = 0x10
  }

  private func syn(
    from source: IPv4Address,
    to link: Int
  ) -> [UInt8] {
    Frames.tcpFrame(
      from: source,
      to: TwoLinks.addresses[link],
      port: 7,
      sequence: 1000,
      flags: Flag.syn
    )
  }

  // MARK: In

  @Test func addressOfTheOtherInterface_isNotTaken() throws {
    try withTwoLinks { links in
      _ = try links.stack.listen(port: 7, backlog: 4)
      links.receive(syn(from: TwoLinks.peers[1], to: 0), on: 1)
      #expect(links.count(.ipv4NotForUs) == 1)
      for link in 0..<2 { #expect(links.sent(on: link).isEmpty) }
    }
  }

  /// Parts of a datagram of 3,000 bytes to port 7 of `destination`.
  private func parts(to destination: IPv4Address) -> [[UInt8]] {
    let text = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let whole = Frames.udp(port: 40000, to: destination, port: 7, text)
    return [0..<1480, 1480..<2960, 2960..<whole.count].map { range in
      let more: UInt16 = range.upperBound < whole.count ? 0x2000 : 0
      return Frames.ethernet(
        to: destination.isMulticast
          ? MACAddress(group: destination) : Hosts.our,
        Frames.ipv4(
          protocol: 17,
          to: destination,
          change: {
            let field = UInt16(range.lowerBound / 8) | more
            $0.replaceSubrange(6..<8, with: Frames.bytes(field))
          },
          Array(whole[range])
        )
      )
    }
  }

  @Test func partsOverTwoLinks_makeNoDatagram() throws {
    try withTwoLinks { links in
      let group = IPv4Address(224, 0, 0, 251)
      try links.stack.joinGroup(IPAddress(group), at: .at(0))
      links.settle()
      let socket = try links.stack.bindDatagrams(port: 7)
      let parts = parts(to: group)
      for (number, part) in parts.enumerated() {
        links.receive(part, on: number % 2)
      }
      #expect(links.received(socket) == nil)
      // Each link's own make one.
      links.receive(parts[1], on: 0)
      let whole = try #require(links.received(socket))
      #expect(whole.link == 0)
      links.stack.poll(at: .at(60))
      #expect(links.count(.ipv4FragmentTimeout) == 1)
    }
  }

  @Test func lostAddress_onlyThePartsOfItsLinkGo() throws {
    try withTwoLinks { links in
      let socket = try links.stack.bindDatagrams(port: 7)
      for link in 0..<2 {
        for part in parts(to: TwoLinks.addresses[link]).prefix(2) {
          links.receive(part, on: link)
        }
      }
      for seconds in [1.0, 2] {
        links.receive(
          Frames.arp(
            operation: 2,
            from: Hosts.attacker,
            TwoLinks.addresses[1],
            TwoLinks.addresses[1]
          ),
          on: 1,
          at: seconds
        )
        // The first claim is answered by an announcement.
        #expect(links.sent(on: 1, at: seconds).count == (seconds == 1 ? 1 : 0))
      }
      #expect(links.stack.lease(of: 1) == nil)
      #expect(links.count(.addressLost) == 1)
      links.receive(parts(to: TwoLinks.addresses[0])[2], on: 0, at: 3)
      #expect(links.received(socket)?.link == 0)
    }
  }

  @Test func loopbackAddress_overAnInterfaceWithoutALease_isNotTaken() throws {
    try withTwoLinks(TwoLinks.fixed(0), .dhcp) { links in
      let socket = try links.stack.bindDatagrams(port: 7)
      let own = IPv4Address(127, 0, 0, 1)
      links.receive(Frames.udpFrame(to: own, port: 7, [1]), on: 1)
      #expect(links.received(socket) == nil)
      #expect(links.count(.ipv4NoAddress) == 1)
    }
  }

  @Test func frameOfTheOtherInterface_isNotTaken() {
    withTwoLinks { links in
      let frame = Frames.echoRequest(to: TwoLinks.addresses[1], [1])
        .replacing(at: 0, with: Frames.bytes(TwoLinks.hardware[0]))
      var packet = links.pool.allocate(headroom: 12)!
      packet.append(copying: frame.raw)
      links.stack.receive(packet, on: 1, at: .at(0))
      #expect(links.count(.frameNotForUs) == 1)
    }
  }

  @Test func whoAsksForTheOtherAddress_isNotAnswered() {
    withTwoLinks { links in
      for asked in 0..<2 {
        links.receive(
          Frames.arp(
            operation: 1,
            from: Hosts.peer,
            TwoLinks.peers[1],
            TwoLinks.addresses[asked]
          ),
          on: 1
        )
        let replies = links.sent(on: 1)
        #expect(replies.count == asked)
        #expect(links.sent(on: 0).isEmpty)
      }
      #expect(links.count(.arpNotForUs) == 1)
    }
  }

  /// As when both interfaces are on one link, or when somebody pretends.
  @Test func sourceThatIsAnotherOfOurs_isNotTaken() {
    withTwoLinks { links in
      links.receive(syn(from: TwoLinks.addresses[0], to: 1), on: 1)
      #expect(links.count(.ipv4SourceInvalid) == 1)
    }
  }

  // MARK: Out

  /// The route to the peer leads over interface 0; but the connection is of the
  /// address of 1.
  @Test func answersOfAConnection_leaveByTheInterfaceOfItsAddress() throws {
    try withTwoLinks { links in
      let listener = try links.stack.listen(port: 7, backlog: 4)
      try links.introduce(TwoLinks.gateways[1], on: 1)
      links.receive(syn(from: Hosts.remoteAddress, to: 1), on: 1)
      #expect(links.sent(on: 0).isEmpty)
      let answer = try #require(links.sent(on: 1).first)
      #expect(answer[47] == Flag.syn | Flag.acknowledge)
      #expect(Array(answer[26..<30]) == Frames.bytes(TwoLinks.addresses[1]))
      let sequence =
        UInt32(answer.word(at: 38)) << 16 | UInt32(answer.word(at: 40))
      links.receive(
        Frames.tcpFrame(
          from: Hosts.remoteAddress,
          to: TwoLinks.addresses[1],
          port: 7,
          sequence: 1001,
          acknowledgement: sequence &+ 1,
          flags: Flag.acknowledge
        ),
        on: 1
      )
      let connection = try #require(links.accept(listener))
      let written = try links.stack.write(
        [1, 2, 3].raw,
        to: connection,
        at: .at(0)
      )
      #expect(written == 3)
      #expect(links.sent(on: 0).isEmpty)
      #expect(links.sent(on: 1).last?.suffix(3) == [1, 2, 3])
      links.stack.release(connection, at: .at(0))
    }
  }

  @Test func resetsAndErrors_leaveByTheInterfaceOfTheirAddress() throws {
    try withTwoLinks { links in
      try links.introduce(TwoLinks.gateways[1], on: 1)
      links.receive(syn(from: Hosts.remoteAddress, to: 1), on: 1)
      links.receive(
        Frames.udpFrame(
          from: Hosts.remoteAddress,
          to: TwoLinks.addresses[1],
          port: 99,
          [1]
        ),
        on: 1
      )
      links.receive(
        Frames.ethernet(
          Frames.ipv4(
            protocol: 1,
            from: Hosts.remoteAddress,
            to: TwoLinks.addresses[1],
            Frames.icmp(type: 8, [1, 2, 3])
          )
        ),
        on: 1
      )
      #expect(links.sent(on: 0).isEmpty)
      // A port unreachable, an echo reply, and the reset of the segment.
      #expect(links.sent(on: 1).map { $0[23] } == [1, 1, 6])
    }
  }

  @Test func answerOverTheInterfaceOfTheQuestion_comesFromTheAddressAsked()
    throws
  {
    try withTwoLinks { links in
      try links.introduce(TwoLinks.gateways[1], on: 1)
      let socket = try links.stack.bindDatagrams(port: 7)
      for link in 0..<2 {
        links.receive(
          Frames.udpFrame(
            from: Hosts.remoteAddress,
            sourcePort: 9,
            to: TwoLinks.addresses[link],
            port: 7,
            [5]
          ),
          on: link
        )
        let datagram = try #require(links.received(socket))
        #expect(datagram.link == link)
      }
      try links.send([6], from: socket, to: Hosts.remoteAddress, on: 1)
      #expect(links.sent(on: 0).isEmpty)
      let answer = try #require(links.sent(on: 1).first)
      #expect(Array(answer[26..<30]) == Frames.bytes(TwoLinks.addresses[1]))
    }
  }

  // MARK: The same address twice

  /// Two networks that have nothing to do with each other, as QEMU's own are,
  /// may lease the same address; even the peers' may be the same.
  @Test func sameEndsOnBothLinks_areTwoConnections() throws {
    let lease = Lease(
      address: Hosts.ourAddress,
      prefixLength: 24,
      gateway: Hosts.gatewayAddress
    )
    try withTwoLinks(.fixed(lease), .fixed(lease)) { links in
      let listener = try links.stack.listen(port: 7, backlog: 4)
      for link in 0..<2 {
        let socket = try links.stack.bindDatagrams(port: 0, on: link)
        try links.send([1], from: socket, to: Hosts.peerAddress)
        _ = links.sent(on: link)
        links.answer(
          for: Hosts.peerAddress,
          to: Hosts.ourAddress,
          on: link
        )
        _ = links.sent(on: link)
        links.stack.unbindDatagrams(socket)
      }
      var connections: [ConnectionID] = []
      for link in 0..<2 {
        let initial = UInt32(1000 * (link + 1))
        links.receive(
          Frames.tcpFrame(port: 7, sequence: initial, flags: Flag.syn),
          on: link
        )
        #expect(links.sent(on: 1 - link).isEmpty)
        let answer = try #require(links.sent(on: link).first)
        let sequence =
          UInt32(answer.word(at: 38)) << 16 | UInt32(answer.word(at: 40))
        links.receive(
          Frames.tcpFrame(
            port: 7,
            sequence: initial + 1,
            acknowledgement: sequence &+ 1,
            flags: Flag.acknowledge,
            [UInt8(link)]
          ),
          on: link
        )
        connections.append(try #require(links.accept(listener)))
        // Its acknowledgement goes.
        links.settle()
      }
      #expect(links.stack.connectionCount == 2)
      for link in 0..<2 {
        guard
          case .bytes(let packet) = links.stack.read(
            connections[link],
            at: .at(0)
          )
        else {
          Issue.record("nothing came over \(link)")
          return
        }
        #expect(packet.bytes.byte(at: 0) == UInt8(link))
        links.stack.abort(connections[link], at: .at(0))
        #expect(links.datagrams(on: 1 - link).isEmpty)
        #expect(links.datagrams(on: link).last?[47] == 0x14)
        links.stack.release(connections[link], at: .at(0))
      }
    }
  }
}
