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
