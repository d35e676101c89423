import Net
import Packets
import Testing

/// What an app says of a connection when it opens it, on the wire. RFC 9293
/// §3.9.1.1, §3.9.1.9, §3.9.2.
@Suite struct StackConnectionOptionsTests {
  private enum Flag {
    static let syn: UInt8 = 0x02
    static let reset: UInt8 = 0x04
    static let acknowledge: UInt8 = 0x10
    static let congestionEcho: UInt8 = 0x40
  }

  private let remote = Endpoint(address: Hosts.peerAddress, port: 80)

  /// Expedited, over five routers.
  private var options: ConnectionOptions {
    var options = ConnectionOptions()
    options.differentiatedServices = .expedited
    options.timeToLive = 5
    return options
  }

  private func number(_ frame: [UInt8]) -> UInt32 {
    UInt32(frame.word(at: 38)) << 16 | UInt32(frame.word(at: 40))
  }

  /// The second octet of the internet header, and its time to live.
  private func handling(_ frame: [UInt8]) -> [UInt8] { [frame[15], frame[22]] }

  /// The peer's answer to the SYN in `frame`.
  private func answer(to frame: [UInt8], flags: UInt8 = 0) -> [UInt8] {
    Frames.tcpFrame(
      sourcePort: 80,
      port: frame.word(at: 34),
      sequence: 5000,
      acknowledgement: number(frame) &+ 1,
      flags: Flag.syn | Flag.acknowledge | flags
    )
  }

  // MARK: MUST-48, MUST-49

  @Test func unlessSaid_isStandardAnd64() throws {
    try withHost { host in
      try host.introducePeer()
      _ = try host.stack.connect(to: remote, at: .at(0))
      #expect(host.sent().map(handling) == [[0x00, 64]])
    }
  }

  @Test func connect_allIsSentAsTheAppSays() throws {
    try withHost { host in
      try host.introducePeer()
      let id = try host.stack.connect(to: remote, options: options, at: .at(0))
      let syn = try #require(host.sent().first)
      #expect(handling(syn) == [0xB8, 5])
      host.receive(answer(to: syn))
      _ = try host.stack.write([1].raw, to: id, at: .at(0))
      #expect(host.sent().map(handling) == [[0xB8, 5]])
      // The byte once more, and the reset.
      host.stack.poll(at: .at(3))
      #expect(host.sent(at: 3).map(handling) == [[0xB8, 5]])
      host.stack.abort(id, at: .at(3))
      #expect(host.sent(at: 3).map(handling) == [[0xB8, 5]])
    }
  }

  @Test func listen_allIsSentAsTheAppSays() throws {
    try withHost { host in
      try host.introducePeer()
      let listener = try host.stack.listen(
        port: 7,
        backlog: 1,
        options: options
      )
      host.receive(Frames.tcpFrame(port: 7, sequence: 1000, flags: Flag.syn))
      let answer = try #require(host.sent().first)
      #expect(answer[47] == Flag.syn | Flag.acknowledge)
      #expect(handling(answer) == [0xB8, 5])
      host.receive(
        Frames.tcpFrame(
          port: 7,
          sequence: 1001,
          acknowledgement: number(answer) &+ 1,
          flags: Flag.acknowledge
        )
      )
      let accepted = host.stack.accept(listener)
      let id = try #require(accepted)
      _ = try host.stack.write([1].raw, to: id, at: .at(0))
      #expect(host.sent().map(handling) == [[0xB8, 5]])
    }
  }

  /// SHLD-21; and no more than the code point changes.
  @Test func open_canBeChanged() throws {
    try withHost { host in
      try host.introducePeer()
      let id = try host.stack.connect(to: remote, at: .at(0))
      host.receive(answer(to: try #require(host.sent().first)))
      _ = host.sent()
      host.stack.setDifferentiatedServices(id, .lowerEffort)
      host.stack.setTimeToLive(id, 255)
      _ = try host.stack.write([1].raw, to: id, at: .at(0))
      #expect(host.sent().map(handling) == [[0x04, 255]])
      host.stack.setTimeToLive(id, 0)
      host.stack.poll(at: .at(3))
      #expect(host.sent(at: 3).map(handling) == [[0x04, 1]])
    }
  }

  /// RFC 3168 §5: the lower two bits are not the app's.
  @Test func congestionMarks_areBesideIt() throws {
    try withHost { host in
      try host.introducePeer()
      var options = options
      options.requestsECN = true
      let id = try host.stack.connect(to: remote, options: options, at: .at(0))
      let syn = try #require(host.sent().first)
      #expect(syn[47] == 0xC2)
      #expect(handling(syn) == [0xB8, 5])
      host.receive(answer(to: syn, flags: Flag.congestionEcho))
      _ = host.sent()
      _ = try host.stack.write([1].raw, to: id, at: .at(0))
      #expect(host.sent().map(handling) == [[0xBA, 5]])
    }
  }

  // MARK: MUST-43

  /// The route leads over interface 0.
  @Test func connect_comesFromTheAddressThatTheAppSays() throws {
    try withTwoLinks { links in
      for link in 0..<2 {
        try links.introduce(TwoLinks.gateways[link], on: link)
      }
      for link in 0..<2 {
        var options = ConnectionOptions()
        options.localAddress = IPAddress(TwoLinks.addresses[link])
        let id = try links.stack.connect(
          to: Endpoint(address: Hosts.remoteAddress, port: 80),
          options: options,
          at: .at(0)
        )
        #expect(links.datagrams(on: 1 - link).isEmpty)
        let syn = try #require(links.datagrams(on: link).first)
        #expect(syn[47] == Flag.syn)
        #expect(Array(syn[26..<30]) == Frames.bytes(TwoLinks.addresses[link]))
        links.stack.abort(id, at: .at(0))
        links.stack.release(id, at: .at(0))
      }
    }
  }

  @Test func connect_fromAnAddressOfNobody_isRefused() {
    withHost { host in
      for (address, error) in [
        (IPv4Address(10, 0, 2, 16), NetworkError.noAddress),
        (IPv4Address(127, 0, 0, 1), .unreachable),
      ] {
        var options = ConnectionOptions()
        options.localAddress = IPAddress(address)
        #expect(throws: error) {
          _ = try host.stack.connect(to: remote, options: options, at: .at(0))
        }
      }
      #expect(host.sent().isEmpty)
    }
  }

  @Test func listen_takesConnectionsToTheAddressThatTheAppSays() throws {
    try withTwoLinks { links in
      var options = ConnectionOptions()
      options.localAddress = IPAddress(TwoLinks.addresses[1])
      let listener = try links.stack.listen(
        port: 7,
        backlog: 4,
        options: options
      )
      for (link, flags) in [
        (0, Flag.reset | Flag.acknowledge), (1, Flag.syn | Flag.acknowledge),
      ] {
        try links.introduce(TwoLinks.peers[link], on: link)
        links.receive(
          Frames.tcpFrame(
            from: TwoLinks.peers[link],
            to: TwoLinks.addresses[link],
            port: 7,
            sequence: 1000,
            flags: Flag.syn
          ),
          on: link
        )
        #expect(links.datagrams(on: link).map { $0[47] } == [flags])
      }
      // The port is taken, for whatever address.
      #expect(throws: NetworkError.addressInUse) {
        _ = try links.stack.listen(port: 7, backlog: 1)
      }
      links.stack.stopListening(listener, at: .at(0))
      links.settle()
    }
  }
}
