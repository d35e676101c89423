import Net
import Packets
import Testing

/// What is of the whole host: sockets, groups, and itself as a peer.
@Suite struct SharedSocketsTests {
  private func datagram(to link: Int, port: UInt16 = 7) -> [UInt8] {
    Frames.udpFrame(
      from: TwoLinks.peers[link],
      to: TwoLinks.addresses[link],
      port: port,
      [UInt8(link)]
    )
  }

  @Test func socketOfAll_receivesOverBoth() throws {
    try withTwoLinks { links in
      let socket = try links.stack.bindDatagrams(port: 7)
      for link in 0..<2 {
        links.receive(datagram(to: link), on: link)
        let datagram = try #require(links.received(socket))
        #expect(datagram.link == link)
        #expect(datagram.destination == TwoLinks.addresses[link])
      }
    }
  }

  @Test func socketsOfEach_receiveWhatIsTheirs() throws {
    try withTwoLinks { links in
      let sockets = [
        try links.stack.bindDatagrams(port: 7, on: 0),
        try links.stack.bindDatagrams(port: 7, on: 1),
      ]
      for number in [nil, 0, 1] {
        #expect(throws: NetworkError.addressInUse) {
          _ = try links.stack.bindDatagrams(port: 7, on: number)
        }
      }
      links.receive(datagram(to: 1), on: 1)
      #expect(links.received(sockets[0]) == nil)
      #expect(links.received(sockets[1]) != nil)
      links.stack.unbindDatagrams(sockets[1])
      links.receive(datagram(to: 1), on: 1)
      #expect(links.count(.udpPortClosed) == 1)
      // It is no other's once more.
      _ = try links.stack.bindDatagrams(port: 7, on: 1)
    }
  }

  @Test func socketOfOne_sendsOverIt() throws {
    try withTwoLinks { links in
      let socket = try links.stack.bindDatagrams(port: 0, on: 1)
      try links.send([1], from: socket, to: Hosts.remoteAddress)
      #expect(links.sent(on: 0).isEmpty)
      let request = try #require(links.sent(on: 1).first)
      #expect(Array(request[38..<42]) == Frames.bytes(TwoLinks.gateways[1]))
    }
  }

  @Test func linkThatIsDown_holdsBackNobodyElse() throws {
    try withTwoLinks { links in
      for link in 0..<2 { try links.introduce(TwoLinks.peers[link], on: link) }
      links.stack.setLink(up: false, on: 1, at: .at(0))
      let socket = try links.stack.bindDatagrams(port: 0)
      // As many as may wait there, and one that may not.
      for index in 0..<17 {
        let isTaken = try links.send(
          [UInt8(index)],
          from: socket,
          to: TwoLinks.peers[1],
          on: 1
        )
        #expect(isTaken == (index < 16))
      }
      try links.send([99], from: socket, to: TwoLinks.peers[0])
      #expect(links.datagrams(on: 0).map(\.last) == [99])
      links.stack.setLink(up: true, on: 1, at: .at(1))
      _ = links.sent(on: 1, at: 1)
      links.answer(for: TwoLinks.peers[1], on: 1, at: 1)
      let late = links.datagrams(on: 1, at: 1)
      // Eight wait for a neighbour at a time; the oldest went.
      #expect(late.map(\.last) == (8..<16).map { UInt8($0) })
    }
  }

  @Test func connectionsOfADownLink_holdBackNobodyElse() throws {
    try withTwoLinks { links in
      for link in 0..<2 { try links.introduce(TwoLinks.peers[link], on: link) }
      links.stack.setLink(up: false, on: 1, at: .at(0))
      let remotes = TwoLinks.peers.map { Endpoint(address: $0, port: 80) }
      // The route of a link that is down is taken where no other leads there:
      // here interface 0 has a default route.
      let over0 = try links.stack.connect(to: remotes[1], at: .at(0))
      #expect(
        links.stack.local(of: over0)?.address.ipv4 == TwoLinks.addresses[0]
      )
      let direct = try links.stack.connect(to: remotes[0], at: .at(0))
      #expect(links.datagrams(on: 0).map { $0[47] } == [2])
      for connection in [over0, direct] {
        links.stack.abort(connection, at: .at(0))
        links.stack.release(connection, at: .at(0))
      }
    }
  }

  @Test func groups_areJoinedOnAll_alsoOnThoseThatCome() throws {
    try withTwoLinks { links in
      let group = IPv4Address(239, 1, 2, 3)
      let socket = try links.stack.bindDatagrams(port: 7)
      try links.stack.joinGroup(IPAddress(group), at: .at(0))
      for link in 0..<2 {
        // IGMP.
        #expect(links.datagrams(on: link).map { $0[23] } == [2])
        links.receive(
          Frames.udpFrame(
            from: TwoLinks.peers[link],
            to: group,
            port: 7,
            hardware: MACAddress(group: group),
            [1]
          ),
          on: link
        )
        let datagram = try #require(links.received(socket))
        #expect(datagram.link == link)
      }
      let hardware = MACAddress(0x02, 0, 0, 0, 0, 0x11)
      var third = InterfaceConfiguration(macAddress: hardware)
      third.addressing = .fixed(
        Lease(address: IPv4Address(10, 0, 4, 15), prefixLength: 24)
      )
      let number = links.stack.addInterface(third, at: .at(10))
      #expect(number == 2)
      links.stack.poll(at: .at(10))
      var protocols: [UInt8] = []
      while let packet = links.stack.transmit(on: 2, at: .at(10)) {
        if packet.bytes.bigEndian(at: 12, as: UInt16.self) == 0x0800 {
          protocols.append(packet.bytes.byte(at: 23))
        }
      }
      #expect(protocols == [2])
      links.stack.leaveGroup(IPAddress(group), at: .at(20))
      links.receive(
        Frames.udpFrame(
          from: TwoLinks.peers[1],
          to: group,
          port: 7,
          hardware: MACAddress(group: group),
          [1]
        ),
        on: 1,
        at: 20
      )
      #expect(links.count(.ipv4Multicast) == 1)
    }
  }

  /// Each of its addresses is this host, whatever link it is on.
  @Test func ownAddresses_areReachedWithoutALink() throws {
    try withTwoLinks { links in
      let listener = try links.stack.listen(port: 7, backlog: 4)
      for link in 0..<2 {
        let connection = try links.stack.connect(
          to: Endpoint(address: TwoLinks.addresses[link], port: 7),
          at: .at(0)
        )
        for _ in 0..<4 {
          for other in 0..<2 { #expect(links.sent(on: other).isEmpty) }
          links.stack.poll(at: .at(0))
        }
        #expect(links.stack.state(of: connection) == .established)
        let accepted = try #require(links.accept(listener))
        #expect(
          links.stack.remote(of: accepted) == links.stack.local(of: connection)
        )
        for id in [connection, accepted] {
          links.stack.abort(id, at: .at(0))
          links.stack.release(id, at: .at(0))
        }
        for _ in 0..<4 {
          for other in 0..<2 { _ = links.sent(on: other) }
          links.stack.poll(at: .at(0))
        }
      }
      #expect(links.count(.noRoute) == 0)
    }
  }

  /// Six sockets send as much as they may over a link that is down.
  @Test func linkThatIsDown_leavesBuffersToTheOther() throws {
    // What is received is not in the stack's buffers: the device has its own.
    let device = PacketPool(capacity: 8)
    try withTwoLinks { links in
      links.stack.setLink(up: false, on: 1, at: .at(1))
      let other = try links.stack.bindDatagrams(port: 0, on: 0)
      for _ in 0..<6 {
        let socket = try links.stack.bindDatagrams(port: 0, on: 1)
        for size in [1, links.stack.largestDatagram] {
          let text = [UInt8](repeating: 1, count: size)
          for _ in 0..<15 {
            _ = try links.send(text, from: socket, to: TwoLinks.peers[1], at: 1)
          }
        }
      }
      #expect(links.pool.available >= 128)
      var packet = device.allocate(headroom: 12)!
      let question = Frames.arp(
        operation: 1,
        from: Hosts.peer,
        Hosts.peerAddress,
        Hosts.ourAddress
      )
      packet.append(copying: question.raw)
      links.stack.receive(packet, on: 0, at: .at(2))
      #expect(links.sent(on: 0, at: 2).count == 1)
      // The largest datagram of the other still has room.
      let text = [UInt8](repeating: 1, count: links.stack.largestDatagram)
      #expect(try links.send(text, from: other, to: TwoLinks.peers[0], at: 2))
    }
  }
}
