import Net
import Packets
import Testing

@Suite struct StackInspectionTests {
  private func connect(
    _ host: TestHost,
    _ ports: ClosedRange<UInt16>
  ) throws -> [ConnectionID] {
    try ports.map {
      try host.stack.connect(
        to: Endpoint(address: Hosts.peerAddress, port: $0),
        at: .at(0)
      )
    }
  }

  private func ports(_ host: TestHost) -> [UInt16] {
    var position = 0
    var ports: [UInt16] = []
    while let found = host.stack.nextConnection(from: &position) {
      ports.append(found.remote.port)
    }
    return ports
  }

  @Test func nothing_isThereAtFirst() throws {
    withHost { #expect(ports($0) == []) }
  }

  @Test func each_isSeenOnce() throws {
    try withHost { host in
      _ = try connect(host, 1...200)
      #expect(ports(host).sorted() == Array(1...200))
      #expect(ports(host).count == host.stack.connectionCount)
    }
  }

  @Test func thoseThatStay_areSeenWhileOthersComeAndGo() throws {
    try withHost { host in
      let first = try connect(host, 1...100)
      var position = 0
      var seen: [UInt16] = []
      for step in 0... {
        // In the middle of the walk every other one ends, and new ones come.
        if step == 30 {
          for id in first.indices where id % 2 == 0 {
            host.stack.abort(first[id], at: .at(0))
            host.stack.release(first[id], at: .at(0))
          }
          _ = try connect(host, 1001...1020)
        }
        guard let found = host.stack.nextConnection(from: &position) else {
          break
        }
        seen.append(found.remote.port)
      }
      for port in stride(from: 2, through: 100, by: 2) as StrideThrough<UInt16>
      {
        #expect(seen.filter { $0 == port } == [port])
      }
      #expect(Set(seen).count == seen.count)
    }
  }

  @Test func onesThatAreOver_areNotSeen() throws {
    try withHost { host in
      let ids = try connect(host, 1...3)
      host.stack.abort(ids[1], at: .at(0))
      #expect(ports(host) == [1, 3])
    }
  }

  /// Accepts a connection from `port`, and both ends close it.
  private func closeOne(
    _ host: TestHost,
    _ listener: ListenerID,
    from port: UInt16,
    at time: Double
  ) throws {
    func arrive(_ sequence: UInt32, _ acknowledgement: UInt32, _ flags: UInt8) {
      host.receive(
        Frames.tcpFrame(
          sourcePort: port,
          port: 7,
          sequence: sequence,
          acknowledgement: acknowledgement,
          flags: flags
        ),
        at: time
      )
    }
    arrive(9, 0, 0x02)
    // Others may have something to say, too.
    let sent = host.sent(at: time)
    let answer = try #require(
      sent.first { $0.word(at: 12) == 0x0800 && $0.word(at: 36) == port }
    )
    let first = answer[38..<42].reduce(0) { $0 << 8 | UInt32($1) }
    arrive(10, first &+ 1, 0x10)
    let accepted = host.stack.accept(listener)
    let id = try #require(accepted)
    host.stack.close(id, at: .at(time))
    _ = host.sent(at: time)
    arrive(10, first &+ 2, 0x11)
    host.stack.release(id, at: .at(time))
    _ = host.sent(at: time)
  }

  @Test func thoseInTimeWait_areSeenUntilTheyAreOver() throws {
    try withHost { host in
      try host.introducePeer()
      let listener = try host.stack.listen(port: 7, backlog: 5)
      for port in 1...5 as ClosedRange<UInt16> {
        try closeOne(host, listener, from: port, at: Double(port))
      }
      _ = try connect(host, 101...102)
      #expect(ports(host).sorted() == [1, 2, 3, 4, 5, 101, 102])
      #expect(host.stack.connectionCount == 7)
      var position = 0
      while let found = host.stack.nextConnection(from: &position) {
        #expect(
          found.state == (found.remote.port > 100 ? .synSent : .timeWait)
        )
        guard found.state == .timeWait else { continue }
        #expect(found.local.port == 7)
        #expect(found.receiveWindow > 0)
        #expect(found.bytesInFlight == 0)
        #expect(found.smoothedRoundTripTime == nil)
      }
      // After a minute the first two are over.
      host.stack.poll(at: .at(62.5))
      #expect(ports(host).sorted().prefix(3) == [3, 4, 5])
      try closeOne(host, listener, from: 6, at: 63)
      #expect(ports(host).sorted().prefix(4) == [3, 4, 5, 6])
    }
  }

  /// The walk stands in TIME-WAIT while slots are added before it.
  @Test func thoseInTimeWait_areSeenOnceWhileTheSlotsGrow() throws {
    try withHost { host in
      try host.introducePeer()
      let listener = try host.stack.listen(port: 7, backlog: 5)
      for port in 1...4 as ClosedRange<UInt16> {
        try closeOne(host, listener, from: port, at: 1)
      }
      var position = 0
      var seen: [UInt16] = []
      while let found = host.stack.nextConnection(from: &position) {
        seen.append(found.remote.port)
        if seen.count == 2 { _ = try connect(host, 1001...1200) }
      }
      #expect(seen.sorted() == [1, 2, 3, 4])
    }
  }

  @Test func theRoundTrip_andHowItVaries() throws {
    try withHost { host in
      try host.introducePeer()
      let listener = try host.stack.listen(port: 7, backlog: 1)
      host.receive(Frames.tcpFrame(port: 7, sequence: 9, flags: 2), at: 1)
      let answer = host.sent(at: 1)[0]
      host.receive(
        Frames.tcpFrame(
          port: 7,
          sequence: 10,
          acknowledgement: answer[38..<42].reduce(0) { $0 << 8 | UInt32($1) }
            &+ 1,
          flags: 0x10
        ),
        at: 1.04
      )
      let id = host.stack.accept(listener)!
      let information = host.stack.information(of: id)!
      // RFC 6298 §2.2.
      #expect(information.smoothedRoundTripTime == .milliseconds(40))
      #expect(information.roundTripVariation == .milliseconds(20))
      var position = 0
      let found = host.stack.nextConnection(from: &position)
      #expect(found?.smoothedRoundTripTime == .milliseconds(40))
      #expect(found?.state == .established)
    }
  }
}

@Suite struct RemarkTests {
  private func remarks(
    of host: TestHost,
    _ body: () throws -> Void
  ) rethrows -> (drops: [String], tcp: [String]) {
    let before = host.stack.counters
    try body()
    let after = host.stack.counters
    var drops: [String] = []
    var tcp: [String] = []
    after.forEachDrop(since: before) { drops.append("\($0) \($1)") }
    after.forEachRemarkOfTCP(since: before) { tcp.append("\($0) \($1)") }
    return (drops, tcp)
  }

  @Test func whatIsTaken_hasNone() throws {
    try withHost { host in
      _ = try host.stack.listen(port: 7, backlog: 1)
      let found = remarks(of: host) {
        host.receive(Frames.echoRequest([1]))
        host.receive(Frames.tcpFrame(port: 7, sequence: 9, flags: 2))
      }
      #expect(found.drops == [])
      #expect(found.tcp == [])
    }
  }

  @Test func whatIsDropped_hasItsReason() {
    withHost { host in
      let found = remarks(of: host) {
        host.receive([1, 2, 3])
        host.receive([1, 2, 3])
        host.receive(Frames.ethernet(type: 0x86DD, [1]))
        host.receive(Frames.tcpFrame(port: 8, sequence: 9, flags: 2))
      }
      #expect(
        found.drops == ["ethernet: truncated 2", "ethernet: unknown type 1"]
      )
      #expect(found.tcp == ["tcp: no connection 1"])
    }
  }
}
