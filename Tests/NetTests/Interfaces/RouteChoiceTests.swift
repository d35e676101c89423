import Net
import Packets
import Testing

/// Over which interface something new goes, and from which address.
@Suite struct RouteChoiceTests {
  private let remote = Hosts.remoteAddress

  /// The link on which somebody is asked for to send to `address`, and who.
  private func way(
    to address: IPv4Address,
    _ links: TwoLinks,
    at seconds: Double = 0
  ) -> (link: Int, asked: [UInt8])? {
    guard let socket = try? links.stack.bindDatagrams(port: 0) else {
      return nil
    }
    defer { links.stack.unbindDatagrams(socket) }
    let taken = try? links.send([1], from: socket, to: address, at: seconds)
    guard taken == true else { return nil }
    var found: (Int, [UInt8])?
    for link in 0..<2 {
      for frame in links.sent(on: link, at: seconds) {
        #expect(found == nil, "over both")
        #expect(frame.word(at: 12) == 0x0806)
        #expect(
          Array(frame[28..<32]) == Frames.bytes(TwoLinks.addresses[link])
        )
        found = (link, Array(frame[38..<42]))
      }
    }
    return found
  }

  private func expect(
    _ address: IPv4Address,
    goesOver link: Int,
    _ neighbour: IPv4Address,
    _ links: TwoLinks,
    at seconds: Double = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let found = way(to: address, links, at: seconds)
    #expect(found?.link == link, sourceLocation: sourceLocation)
    #expect(
      found?.asked == Frames.bytes(neighbour),
      sourceLocation: sourceLocation
    )
  }

  @Test func neighbours_areReachedOverTheirLink() {
    withTwoLinks { links in
      for link in 0..<2 {
        let peer = TwoLinks.peers[link]
        expect(peer, goesOver: link, peer, links)
      }
    }
  }

  @Test func twoDefaultRoutes_theFirstInterfacesIsTaken() {
    withTwoLinks { links in
      expect(remote, goesOver: 0, TwoLinks.gateways[0], links)
    }
  }

  @Test func longerPrefix_comesBeforeTheInterfacesOrder() throws {
    try withTwoLinks { links in
      let other = IPv4Address(10, 0, 3, 77)
      try links.stack.addRoute(
        ClasslessRoute(
          IPv4Address(192, 0, 2, 0),
          prefixLength: 24,
          gateway: other
        ),
        on: 1
      )
      expect(remote, goesOver: 1, other, links)
      expect(
        IPv4Address(192, 0, 3, 1),
        goesOver: 0,
        TwoLinks.gateways[0],
        links
      )
    }
  }

  @Test func onlyTheSecondHasAGateway_itIsTaken() {
    let first = Lease(address: TwoLinks.addresses[0], prefixLength: 24)
    withTwoLinks(.fixed(first)) { links in
      expect(remote, goesOver: 1, TwoLinks.gateways[1], links)
    }
  }

  @Test func sameLinkTwice_theFirstIsTaken() {
    let second = Lease(address: IPv4Address(10, 0, 2, 16), prefixLength: 24)
    withTwoLinks(TwoLinks.fixed(0), .fixed(second)) { links in
      expect(Hosts.peerAddress, goesOver: 0, Hosts.peerAddress, links)
    }
  }

  @Test func linkThatIsDown_isPassedOver_untilItIsUp() {
    withTwoLinks { links in
      links.stack.setLink(up: false, on: 0, at: .at(1))
      #expect(!links.isUp(0))
      #expect(links.isAnyUp)
      expect(remote, goesOver: 1, TwoLinks.gateways[1], links, at: 1)
      links.stack.setLink(up: true, on: 0, at: .at(2))
      links.settle(at: 2)
      expect(remote, goesOver: 0, TwoLinks.gateways[0], links, at: 2)
    }
  }

  @Test func bothDown_whatIsNewWaitsForTheFirst() throws {
    try withTwoLinks { links in
      for link in 0..<2 {
        links.stack.setLink(up: false, on: link, at: .at(1))
      }
      #expect(!links.isAnyUp)
      let socket = try links.stack.bindDatagrams(port: 0)
      try links.send([1], from: socket, to: remote, at: 1)
      #expect(links.sent(on: 0, at: 1).isEmpty)
      links.stack.setLink(up: true, on: 0, at: .at(2))
      links.stack.setLink(up: true, on: 1, at: .at(2))
      let asked = links.sent(on: 0, at: 2).map { Array($0[38..<42]) }
      #expect(asked.contains(Frames.bytes(TwoLinks.gateways[0])))
      let others = links.sent(on: 1, at: 2).map { Array($0[38..<42]) }
      #expect(!others.contains(Frames.bytes(TwoLinks.gateways[1])))
    }
  }

  /// What goes to everybody, or to a group, has no route: it goes over the first
  /// link that is up, or the one that is asked for.
  @Test(arguments: [IPv4Address.broadcast, IPv4Address(224, 0, 0, 251)])
  func groupsAndAll_goOverTheFirst_orTheOneAsked(_ address: IPv4Address) throws
  {
    try withTwoLinks { links in
      let socket = try links.stack.bindDatagrams(port: 0)
      try links.send([1], from: socket, to: address)
      #expect(links.sent(on: 0).count == 1)
      #expect(links.sent(on: 1).isEmpty)
      try links.send([1], from: socket, to: address, on: 1)
      #expect(links.sent(on: 0).isEmpty)
      let frame = try #require(links.sent(on: 1).first)
      #expect(Array(frame[26..<30]) == Frames.bytes(TwoLinks.addresses[1]))
    }
  }

  @Test func directedBroadcast_goesOverItsLink() throws {
    try withTwoLinks { links in
      let socket = try links.stack.bindDatagrams(port: 0)
      try links.send([1], from: socket, to: IPv4Address(10, 0, 3, 255))
      #expect(links.sent(on: 0).isEmpty)
      let frame = try #require(links.sent(on: 1).first)
      #expect(frame.prefix(6) == [255, 255, 255, 255, 255, 255])
    }
  }

  @Test func interfaceThatIsNotThere_isUnreachable() throws {
    try withTwoLinks { links in
      #expect(throws: NetworkError.unreachable) {
        _ = try links.stack.bindDatagrams(port: 0, on: 2)
      }
      let socket = try links.stack.bindDatagrams(port: 0)
      for number in [-1, 2] {
        #expect(throws: NetworkError.unreachable) {
          try links.send([1], from: socket, to: self.remote, on: number)
        }
        let route = ClasslessRoute(.any, prefixLength: 0, gateway: nil)
        #expect(throws: NetworkError.unreachable) {
          try links.stack.addRoute(route, on: number)
        }
      }
    }
  }

  @Test func routesOfOneInterface_leaveThoseOfTheOther() throws {
    try withTwoLinks { links in
      let route = ClasslessRoute(
        IPv4Address(192, 0, 2, 0),
        prefixLength: 24,
        gateway: nil
      )
      try links.stack.addRoute(route, on: 0)
      try links.stack.addRoute(route, on: 1)
      let isRemoved = links.stack.removeRoute(route, on: 0)
      #expect(isRemoved)
      expect(remote, goesOver: 1, remote, links)
      let isGone = !links.stack.removeRoute(route, on: 0)
      #expect(isGone)
    }
  }
}
