import Net
import Packets
import Testing

/// Where TCP meets IP; TCP itself has tests of its own.
@Suite struct StackTCPTests {
  private enum Flag {
    static let fin: UInt8 = 0x01
    static let syn: UInt8 = 0x02
    static let reset: UInt8 = 0x04
    static let acknowledge: UInt8 = 0x10
  }

  private let remote = Endpoint(address: Hosts.peerAddress, port: 80)

  private func sequence(_ frame: [UInt8]) -> UInt32 {
    UInt32(frame.word(at: 38)) << 16 | UInt32(frame.word(at: 40))
  }

  private func changes(
    of connection: ConnectionID,
    on host: TestHost
  ) -> ConnectionChanges {
    var all: ConnectionChanges = []
    for event in host.events() {
      if case .tcp(.connection(connection, let changes)) = event {
        all.formUnion(changes)
      }
    }
    return all
  }

  private func reply(from hardware: MACAddress = Hosts.peer) -> [UInt8] {
    Frames.arp(
      operation: 2,
      from: hardware,
      Hosts.peerAddress,
      for: Hosts.our,
      Hosts.ourAddress,
      frameTo: Hosts.our
    )
  }

  /// A connection that the peer has opened to port 7.
  private func accept(_ host: TestHost) throws -> (
    connection: ConnectionID, sequence: UInt32
  ) {
    let listener = try host.stack.listen(port: 7, backlog: 4)
    host.receive(Frames.tcpFrame(port: 7, sequence: 1000, flags: Flag.syn))
    let answer = try #require(host.sent().first)
    let sequence = sequence(answer) &+ 1
    host.receive(
      Frames.tcpFrame(
        port: 7,
        sequence: 1001,
        acknowledgement: sequence,
        flags: Flag.acknowledge
      )
    )
    let connection = host.stack.accept(listener)
    _ = host.events()
    return (try #require(connection), sequence)
  }

  @Test func closedPort_isReset() throws {
    try withHost { host in
      try host.introducePeer()
      host.receive(Frames.tcpFrame(port: 81, sequence: 1000, flags: Flag.syn))
      #expect(
        host.sent().map(plain) == [
          hex(
            """
            525400000009 02000000000f 0800
            4500 0028 0000 4000 4006 0000 0a00020f 0a000209
            0051 9c40 00000000 000003e9 5014 0000 f73e 0000
            """
          )
        ]
      )
    }
  }

  @Test func synFromAnUnknownNeighbour_answerWaitsForARP() throws {
    try withHost { host in
      _ = try host.stack.listen(port: 7, backlog: 4)
      host.receive(Frames.tcpFrame(port: 7, sequence: 1000, flags: Flag.syn))
      let asked = host.sent()
      #expect(asked.map { $0.word(at: 12) } == [0x0806])
      host.receive(reply(), at: 0.01)
      let sent = host.sent(at: 0.01)
      #expect(sent.count == 1)
      #expect(sent.first?[47] == Flag.syn | Flag.acknowledge)
      #expect(sent.first?.prefix(6) == Frames.bytes(Hosts.peer)[...])
    }
  }

  @Test func accepted_readsThePacketItCameIn() throws {
    try withHost { host in
      try host.introducePeer()
      let (connection, sequence) = try accept(host)
      let free = host.pool.available
      host.receive(
        Frames.tcpFrame(
          port: 7,
          sequence: 1001,
          acknowledgement: sequence,
          flags: Flag.acknowledge,
          [0x68, 0x69]
        )
      )
      #expect(changes(of: connection, on: host).contains(.readable))
      #expect(host.pool.available == free - 1)
      guard case .bytes(let packet) = host.stack.read(connection, at: .at(0))
      else {
        Issue.record("there is nothing to read")
        return
      }
      #expect(host.pool.available == free - 1)
      let bytes = packet.bytes
      let read = (0..<bytes.byteCount).map { bytes.byte(at: $0) }
      #expect(read == [0x68, 0x69])
      host.stack.abort(connection, at: .at(0))
      host.stack.release(connection, at: .at(0))
      #expect(host.sent().last?[47] == Flag.reset | Flag.acknowledge)
    }
  }

  @Test func ethernetPadding_isNoPayload() throws {
    try withHost { host in
      try host.introducePeer()
      let (connection, sequence) = try accept(host)
      let frame = Frames.tcpFrame(
        port: 7,
        sequence: 1001,
        acknowledgement: sequence,
        flags: Flag.acknowledge
      )
      host.receive(frame + [UInt8](repeating: 0, count: 6))
      guard case .wouldBlock = host.stack.read(connection, at: .at(0)) else {
        Issue.record("the padding was read")
        return
      }
    }
  }

  @Test func segments_fitTheMTU() throws {
    var configuration = StackConfiguration.fixed
    configuration.mtu = 576
    try withHost(configuration) { host in
      try host.introducePeer()
      let listener = try host.stack.listen(port: 7, backlog: 4)
      // The peer takes segments of 1460 bytes.
      var syn = Frames.tcpFrame(port: 7, sequence: 1000, flags: Flag.syn)
      syn = withSegmentSize(syn)
      host.receive(syn)
      let answer = try #require(host.sent().first)
      // Ours are at most 536. RFC 9293 §3.7.1.
      #expect(Array(answer[54..<58]) == hex("0204 0218"))
      host.receive(
        Frames.tcpFrame(
          port: 7,
          sequence: 1001,
          acknowledgement: sequence(answer) &+ 1,
          flags: Flag.acknowledge
        )
      )
      guard let connection = host.stack.accept(listener) else {
        Issue.record("nothing to accept")
        return
      }
      let data = [UInt8](repeating: 0x5A, count: 2000)
      let taken = try host.stack.write(
        data.raw,
        to: connection,
        at: .at(0)
      )
      #expect(taken == 2000)
      let sizes = host.sent().map(\.count)
      #expect(sizes.first == 14 + 576)
      #expect(sizes.allSatisfy { $0 <= 14 + 576 })
    }
  }

  /// The SYN with a segment size of 1460 in its options.
  private func withSegmentSize(_ frame: [UInt8]) -> [UInt8] {
    var segment = Array(frame[34...]) + hex("0204 05b4")
    segment[12] = 0x60
    segment = segment.replacing(at: 16, with: [0, 0])
    let pseudo = Array(frame[26..<34]) + [0, 6, 0, 24]
    let sum = checksum(pseudo + segment)
    segment = segment.replacing(at: 16, with: Frames.bytes(sum))
    return Frames.ethernet(Frames.ipv4(protocol: 6, segment))
  }

  // MARK: Connecting

  @Test func connect_synGoesOut_andIsEstablished() throws {
    try withHost { host in
      try host.introducePeer()
      let connection = try host.stack.connect(to: remote, at: .at(0))
      let syn = try #require(host.sent().first)
      #expect(syn[47] == Flag.syn)
      #expect(syn.word(at: 36) == 80)
      host.receive(
        Frames.tcpFrame(
          sourcePort: 80,
          port: syn.word(at: 34),
          sequence: 5000,
          acknowledgement: sequence(syn) &+ 1,
          flags: Flag.syn | Flag.acknowledge
        )
      )
      #expect(changes(of: connection, on: host).contains(.established))
    }
  }

  @Test func connect_noAddressOrNoRoute_isRefused() throws {
    withHost(.dynamic) { host in
      #expect(throws: NetworkError.noAddress) {
        _ = try host.stack.connect(to: remote, at: .at(0))
      }
    }
    withHost { host in
      for address in [
        IPv4Address.any, .broadcast,
        IPv4Address(10, 0, 2, 255), IPv4Address(224, 0, 0, 1),
      ] {
        #expect(throws: NetworkError.unreachable) {
          _ = try host.stack.connect(
            to: Endpoint(address: address, port: 80),
            at: .at(0)
          )
        }
      }
      #expect(throws: NetworkError.unreachable) {
        _ = try host.stack.connect(
          to: Endpoint(address: Hosts.peerAddress, port: 0),
          at: .at(0)
        )
      }
    }
  }

  @Test func connect_portUnreachable_fails() throws {
    try withHost { host in
      try host.introducePeer()
      let connection = try host.stack.connect(to: remote, at: .at(0))
      let syn = try #require(host.sent().first)
      let quote = Array(syn[14..<42])
      host.receive(
        Frames.ethernet(
          Frames.ipv4(protocol: 1, Frames.icmp(type: 3, code: 3, quote))
        )
      )
      #expect(host.counters.unreachablesReceived == 1)
      #expect(changes(of: connection, on: host).contains(.failed))
    }
  }

  @Test func connect_deadNeighbour_keepsTheOthersGoing() throws {
    try withHost { host in
      try host.introducePeer()
      for last in 100..<104 as Range<UInt8> {
        let dead = IPv4Address(10, 0, 2, last)
        _ = try host.stack.connect(
          to: Endpoint(address: dead, port: 80),
          at: .at(0)
        )
      }
      _ = try host.stack.connect(to: remote, at: .at(0))
      let sent = host.sent()
      #expect(sent.filter { $0.word(at: 12) == 0x0806 }.count == 4)
      #expect(sent.filter { $0.word(at: 12) == 0x0800 }.count == 1)
      // And the dead ones are asked for again, and given up.
      for second in 1...3 {
        host.stack.poll(at: .at(Double(second)))
        _ = host.sent(at: Double(second))
      }
      #expect(host.counters.neighboursUnreachable == 4)
      // The SYN and its retransmission have waited.
      #expect(host.counters.tcp.unreachableReceived == 8)
    }
  }

  @Test func addressLost_connectionsFail_andNothingIsSent() throws {
    let pool = PacketPool(capacity: 32)
    let host = TestHost(.dynamic, pool: pool)
    var server = DHCPServer()
    server.leaseSeconds = 100
    host.bind(server, at: 0)
    try host.introducePeer()
    let (connection, _) = try accept(host)
    for event in host.runDHCP(from: 50, to: 99) {
      #expect(event.message.kind == 3)
    }
    let data: [UInt8] = [1, 2, 3]
    _ = try host.stack.write(data.raw, to: connection, at: .at(99.9))
    host.stack.poll(at: .at(100))
    #expect(changes(of: connection, on: host).contains(.failed))
    #expect(host.sentDHCP(at: 100).map(\.kind) == [1])
    guard case .failed(.noAddress) = host.stack.read(connection, at: .at(100))
    else {
      Issue.record("the connection lives on")
      return
    }
  }

  @Test func deadline_isThatOfTheRetransmission() throws {
    try withHost { host in
      try host.introducePeer()
      _ = try host.stack.connect(to: remote, at: .at(2))
      let syn = try #require(host.sent(at: 2).first)
      #expect(host.deadline == .at(3))
      host.stack.poll(at: .at(3))
      let again = try #require(host.sent(at: 3).first)
      // The same but for the clock in the timestamps, which is a second on, and
      // the checksum over it.
      #expect(Array(again[34..<50]) == Array(syn[34..<50]))
      #expect(Array(again[52..<62]) == Array(syn[52..<62]))
      #expect(again.long(at: 62) &- syn.long(at: 62) == 1000)
      #expect(Array(again[66...]) == Array(syn[66...]))
    }
  }
}
