import Net
import Testing

/// Whole transfers of a stack over a small link. RFC 1191, RFC 2923, RFC 4821.
@Suite struct SmallLinkTests {
  private func withFarHost(
    _ router: FarHost.Router,
    mtu: Int,
    _ body: (TestHost, FarHost) throws -> Void
  ) throws {
    try withHost { host in
      try host.introducePeer(Hosts.gateway, Hosts.gatewayAddress)
      let far = FarHost(host, router, mtu: mtu)
      try far.connect()
      try body(host, far)
    }
  }

  /// Sends nothing for so long that what was learnt of the way is old.
  private func rest(_ host: TestHost, _ far: FarHost) {
    far.wait(until: far.seconds + 601)
    #expect(host.sent(at: far.seconds).allSatisfy { $0.word(at: 12) == 0x0806 })
  }

  /// Router, MTU of its link, what the segments' datagrams come down to, and how
  /// long a hundred kilobytes take at the most.
  @Test(
    arguments: [
      (.tells, 1000, 1000, 0.1), (.tells, 300, 552, 20),
      (.cutsInSilence, 1400, 1024, 4), (.cutsInSilence, 1000, 552, 6),
      (.cutsInSilence, 300, 552, 6),
      (.swallows, 1492, 1024, 4), (.swallows, 1024, 1024, 4),
      (.swallows, 1023, 552, 6), (.swallows, 986, 552, 6),
      (.swallows, 552, 552, 6),
    ] as [(FarHost.Router, Int, Int, Double)]
  )
  func smallLink_aHundredKilobytesGetThrough(
    router: FarHost.Router,
    mtu: Int,
    size: Int,
    limit: Double
  ) throws {
    // One that cuts what may be cut, and tells of what may not.
    if router == .tells, mtu < 552 { return try tellsOfLess(mtu, limit) }
    try withFarHost(router, mtu: mtu) { host, far in
      let time = try far.take(100_000)
      #expect(time < limit, "\(far.sent)")
      // Once it is known nothing larger is sent.
      #expect(far.sizes.suffix(50).allSatisfy { $0 <= size })
      #expect(host.counters.pathMTUsLowered == 1)
      let isTold = router == .tells
      #expect(host.counters.tcp.blackHoles == (isTold ? 0 : 1))
      // Nothing is lost any more.
      let before = host.counters.tcp.segmentsRetransmitted
      try far.take(100_000)
      #expect(far.sizes.max() == size)
      #expect(host.counters.tcp.segmentsRetransmitted == before)
      // Where it could be smaller still, it may be cut.
      #expect(far.sent.allSatisfy { $0.mayBeCut == (size == 552) })
    }
  }

  /// No link is believed to be as small: what is sent may be cut.
  private func tellsOfLess(_ mtu: Int, _ limit: Double) throws {
    try withFarHost(.tells, mtu: mtu) { host, far in
      far.write(1000)
      try far.run(until: 0.1)
      #expect(far.sizes == [1040, 552, 528])
      #expect(far.sent.map(\.mayBeCut) == [false, true, true])
      #expect(host.counters.pathMTUsLowered == 1)
      far.router = .cutsInSilence
      #expect(try far.take(1000) < limit)
    }
  }

  /// RFC 9293 §3.7.2: what is known of the way holds for the host.
  @Test(arguments: [FarHost.Router.tells, .cutsInSilence, .swallows])
  func smallLink_isKnownToTheNextConnection(router: FarHost.Router) throws {
    try withFarHost(router, mtu: 1000) { host, far in
      try far.take(100_000)
      let size = far.sizes.suffix(9).max()
      let second = FarHost(host, router, mtu: 1000, at: far.seconds)
      try second.connect()
      let before = host.counters.tcp.segmentsRetransmitted
      try second.take(100_000)
      #expect(second.sizes.max() == size)
      #expect(host.counters.tcp.segmentsRetransmitted == before)
    }
  }

  /// RFC 1191 §6.3: after ten minutes larger ones are tried again, on a connection
  /// that lives, and with "don't fragment".
  @Test(arguments: [FarHost.Router.tells, .cutsInSilence, .swallows])
  func largerAgain_afterTenMinutes(router: FarHost.Router) throws {
    try withFarHost(router, mtu: 1000) { host, far in
      try far.take(100_000)
      far.wait(until: far.seconds + 590)
      try far.take(20_000)
      #expect(far.sizes.max()! <= 1000)
      far.mtu = 1500
      rest(host, far)
      let before = host.counters.tcp.segmentsRetransmitted
      try far.take(100_000)
      #expect(far.sizes.first == 1500)
      #expect(far.sizes.suffix(20).max() == 1500)
      #expect(far.sent.filter { $0.size == 1500 }.allSatisfy { !$0.mayBeCut })
      #expect(host.counters.tcp.segmentsRetransmitted == before)
    }
  }

  /// One segment shows that it is as it was.
  @Test(arguments: [FarHost.Router.tells, .cutsInSilence, .swallows])
  func largerAgain_stillTooLarge_isOneSegment(router: FarHost.Router) throws {
    try withFarHost(router, mtu: 1000) { host, far in
      try far.take(100_000)
      let size = far.sizes.suffix(9).max()
      for _ in 0..<3 {
        rest(host, far)
        #expect(try far.take(100_000) < 1)
        #expect(far.sizes.filter { $0 > 1000 } == [1500])
        #expect(far.sizes.suffix(9).max() == size)
      }
      #expect(host.counters.pathMTUsLowered == 4)
    }
  }

  /// In an outage everything is lost, whatever its size: once it is over,
  /// segments are as large as they were, on this connection and on others.
  @Test(arguments: [0.5, 1, 2, 5, 10, 30, 45])
  func outage_isNoBlackHole(seconds: Double) throws {
    try withFarHost(.swallows, mtu: 1500) { host, far in
      far.router = .isDown
      far.write(50_000)
      try far.run(until: seconds)
      far.router = .swallows
      try far.take(100_000)
      #expect(far.sizes.suffix(20).max() == 1500)
      #expect(far.sent.suffix(20).allSatisfy { !$0.mayBeCut })
      #expect(host.counters.tcp.blackHoles == 0)
      #expect(host.counters.pathMTUsLowered == 0)
      let second = FarHost(host, .swallows, mtu: 1500, at: far.seconds)
      try second.connect()
      try second.take(3000)
      #expect(second.sizes.max() == 1500)
    }
  }

  /// Then the link behind it is small, too.
  @Test func outage_andThenABlackHole() throws {
    try withFarHost(.swallows, mtu: 1000) { host, far in
      far.router = .isDown
      far.write(50_000)
      try far.run(until: 20)
      far.router = .swallows
      try far.take(100_000)
      #expect(far.sizes.suffix(20).max() == 552)
      #expect(host.counters.tcp.blackHoles == 1)
    }
  }
}
