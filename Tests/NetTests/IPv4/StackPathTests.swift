import Packets
import Testing

@testable import Net

/// What routers say of the way. RFC 1191, RFC 1122 §3.2.2, RFC 5927.
@Suite struct StackPathTests {
  private let remote = Endpoint(address: Hosts.remoteAddress, port: 80)

  private func error(
    type: UInt8,
    code: UInt8,
    rest: UInt32 = 0,
    about quote: [UInt8]
  ) -> [UInt8] {
    Frames.ethernet(
      from: Hosts.gateway,
      Frames.ipv4(
        protocol: 1,
        from: Hosts.gatewayAddress,
        Frames.icmp(type: type, code: code, rest: rest, quote)
      )
    )
  }

  /// A connection to the remote host that has sent 3,000 bytes, and the first
  /// segment of them.
  private func connect(
    _ host: TestHost
  ) throws -> (id: ConnectionID, segments: [[UInt8]]) {
    try host.introducePeer(Hosts.gateway, Hosts.gatewayAddress)
    let id = try host.stack.connect(to: remote, at: .at(0))
    let syn = try #require(host.sent().first)
    let sequence = UInt32(syn.word(at: 38)) << 16 | UInt32(syn.word(at: 40))
    host.receive(
      answer(to: syn, acknowledging: sequence &+ 1)
    )
    _ = host.sent()
    _ = host.events()
    let data = [UInt8](repeating: 1, count: 3000)
    _ = try host.stack.write(data.raw, to: id, at: .at(0))
    return (id, host.sent())
  }

  /// A SYN,ACK with a segment size of 1460, or, from another number, an
  /// acknowledgement.
  private func answer(
    to syn: [UInt8],
    from sequence: UInt32 = 5000,
    acknowledging number: UInt32
  ) -> [UInt8] {
    var segment = Frames.bytes(UInt16(80)) + Array(syn[34..<36])
    segment += Frames.bytes(sequence) + Frames.bytes(number)
    segment +=
      [0x60, sequence == 5000 ? 0x12 : 0x10] + Frames.bytes(UInt16(64000)) + [
        0, 0, 0, 0,
      ]
    segment += [2, 4, 0x05, 0xB4]
    let pseudo =
      Frames.bytes(Hosts.remoteAddress) + Frames.bytes(Hosts.ourAddress)
      + [0, 6] + Frames.bytes(UInt16(segment.count))
    return Frames.ethernet(
      from: Hosts.gateway,
      Frames.ipv4(
        protocol: 6,
        from: Hosts.remoteAddress,
        segment.replacing(
          at: 16,
          with: Frames.bytes(checksum(pseudo + segment))
        )
      )
    )
  }

  @Test func tcp_forbidsToCut() throws {
    try withHost { host in
      let (_, segments) = try connect(host)
      // A small one behind full ones goes, too: Minshall's change to Nagle's.
      #expect(segments.map(\.count) == [1514, 1514, 134])
      #expect(segments.allSatisfy { $0.word(at: 20) == 0x4000 })
    }
  }

  @Test func wouldFragment_segmentsBecomeSmaller_atOnce() throws {
    try withHost { host in
      let (_, segments) = try connect(host)
      let quote = Array(segments[0][14...].prefix(28))
      host.receive(error(type: 3, code: 4, rest: 1000, about: quote))
      #expect(host.counters.pathMTUsLowered == 1)
      #expect(host.counters.tcp.pathsSmaller == 1)
      let again = host.sent()
      #expect(!again.isEmpty)
      #expect(again.allSatisfy { $0.count <= 1014 })
      // It is the first byte that goes first.
      #expect(again[0][38..<42] == segments[0][38..<42])
      // UDP to the same host goes in parts that fit.
      let socket = try host.bind(port: 7)
      let data = [UInt8](repeating: 1, count: 1400)
      let peer = Endpoint(address: Hosts.remoteAddress, port: 9)
      #expect(try host.send(data, from: socket, to: peer))
      let parts = host.sent().filter { $0[23] == 17 }
      #expect(parts.map(\.count) == [1010, 466])
    }
  }

  @Test func wouldFragment_again_saysNothingNew() throws {
    try withHost { host in
      let (_, segments) = try connect(host)
      let quote = Array(segments[0][14...].prefix(28))
      for mtu in [1000, 1000, 1400] as [UInt32] {
        host.receive(error(type: 3, code: 4, rest: mtu, about: quote))
      }
      #expect(host.counters.pathMTUsLowered == 1)
      #expect(host.count(.icmpPathIgnored) == 2)
    }
  }

  /// RFC 5927 §7: what is not in flight, not ours, or not of TCP, is forged.
  @Test func wouldFragment_forged_changesNothing() throws {
    try withHost { host in
      let (_, segments) = try connect(host)
      let quote = Array(segments[0][14...].prefix(28))
      let forged: [[UInt8]] = [
        quote.replacing(at: 24, with: [1, 2, 3, 4]),  // sequence number
        quote.replacing(at: 20, with: [0, 9]),  // our port
        quote.replacing(at: 22, with: [0, 81]),  // its port
        quote.replacing(at: 16, with: [192, 0, 2, 81]),  // its address
        quote.replacing(at: 9, with: [17]),  // UDP
        quote.replacing(at: 6, with: [0, 0]),  // may be cut
        quote.replacing(at: 6, with: [0x40, 1]),  // a later part
        quote.replacing(at: 12, with: [10, 0, 2, 16]),  // not from us
      ]
      for quote in forged {
        host.receive(error(type: 3, code: 4, rest: 600, about: quote))
      }
      #expect(host.counters.pathMTUsLowered == 0)
      #expect(host.sent().isEmpty)
      #expect(host.count(.icmpPathIgnored) == 6)
      #expect(host.count(.icmpQuoteInvalid) == 2)
    }
  }

  /// All that `segments` had arrives; another 3,000 bytes are sent.
  private func goOn(
    _ host: TestHost,
    _ id: ConnectionID,
    after segments: [[UInt8]]
  ) throws -> [[UInt8]] {
    acknowledge(host, segments)
    let data = [UInt8](repeating: 2, count: 3000)
    _ = try host.stack.write(data.raw, to: id, at: .at(0))
    return host.sent()
  }

  /// The 3,000 bytes that `segments` had arrive.
  private func acknowledge(_ host: TestHost, _ segments: [[UInt8]]) {
    let first = segments[0]
    let sequence = UInt32(first.word(at: 38)) << 16 | UInt32(first.word(at: 40))
    host.receive(
      answer(to: first, from: 5001, acknowledging: sequence &+ 3000)
    )
  }

  /// RFC 5927 §7.2: full segments have got through, so that one who says that
  /// they cannot is not believed, unless they do not any more.
  @Test func wouldFragment_belowWhatGotThrough_waitsForATimeout() throws {
    try withHost { host in
      let (id, segments) = try connect(host)
      let next = try goOn(host, id, after: segments)
      #expect(next.map(\.count) == [1514, 1514, 134])
      let quote = Array(next[0][14...].prefix(28))
      host.receive(error(type: 3, code: 4, rest: 1000, about: quote))
      #expect(host.counters.pathMTUsNoted == 1)
      #expect(host.counters.pathMTUsLowered == 0)
      #expect(host.sent().isEmpty)
      while host.counters.tcp.retransmissionTimeouts == 0 {
        host.stack.poll(at: try #require(host.deadline))
      }
      #expect(host.counters.pathMTUsLowered == 1)
      #expect(host.counters.tcp.pathsSmaller == 1)
      let again = host.sent(at: 1)
      #expect(again.map(\.count) == [1014])
      #expect(again[0][38..<42] == next[0][38..<42])
    }
  }

  @Test func wouldFragment_belowWhatGotThrough_acknowledged_isForgotten()
    throws
  {
    try withHost { host in
      let (id, segments) = try connect(host)
      let next = try goOn(host, id, after: segments)
      let quote = Array(next[0][14...].prefix(28))
      host.receive(error(type: 3, code: 4, rest: 1000, about: quote))
      // It has got through, too; what follows does not.
      let last = try goOn(host, id, after: next)
      #expect(last.first?.count == 1514)
      while host.counters.tcp.retransmissionTimeouts == 0 {
        host.stack.poll(at: try #require(host.deadline))
      }
      #expect(host.counters.pathMTUsLowered == 0)
      #expect(host.sent(at: 1).map(\.count) == [1514])
    }
  }

  /// RFC 9293 §3.8.3 (MUST-20): at the third timeout IP looks for its next hop,
  /// whatever it has heard of it.
  @Test func noAnswers_theGatewayIsAsked() throws {
    try withHost { host in
      try host.introducePeer(Hosts.gateway, Hosts.gatewayAddress)
      _ = try host.stack.connect(to: remote, at: .at(0))
      _ = host.sent()
      var asked: [Double] = []
      while let deadline = host.deadline, deadline.seconds < 9 {
        host.stack.poll(at: deadline)
        for frame in host.sent(at: deadline.seconds)
        where frame.word(at: 12) == 0x0806 {
          #expect(Array(frame[..<6]) == Frames.bytes(Hosts.gateway))
          asked.append(deadline.seconds)
        }
      }
      #expect(host.counters.tcp.pathsSuspected == 1)
      #expect(asked == [7, 8])
    }
  }

  // MARK: UDP

  private func sentDatagram(_ host: TestHost, _ socket: SocketID) throws
    -> [UInt8]
  {
    #expect(try host.send([1], from: socket, to: remote))
    return Array(try #require(host.sent().last)[14...].prefix(28))
  }

  /// Type, code, and what the app is told.
  @Test(
    arguments: [
      (3, 3, .refused), (3, 2, .refused), (3, 0, .unreachable),
      (3, 1, .unreachable), (3, 13, .unreachable), (11, 0, .unreachable),
      (11, 1, .unreachable), (12, 0, .unreachable),
    ] as [(UInt8, UInt8, NetworkError)]
  )
  func error_isToldToTheSocket(
    _ type: UInt8,
    _ code: UInt8,
    _ reason: NetworkError
  ) throws {
    try withHost { host in
      try host.introducePeer(Hosts.gateway, Hosts.gatewayAddress)
      let socket = try host.bind(port: 5000)
      let quote = try sentDatagram(host, socket)
      host.receive(error(type: type, code: code, about: quote))
      guard case .datagrams(socket, .unreachable)? = host.events().first else {
        Issue.record("the socket was told nothing")
        return
      }
      // To others it still sends; to this one it hears of it, once.
      let other = Endpoint(address: Hosts.remoteAddress, port: 81)
      #expect(try host.send([1], from: socket, to: other))
      #expect(throws: reason) {
        try host.send([1], from: socket, to: remote)
      }
      #expect(try host.send([1], from: socket, to: remote))
    }
  }

  private func lowerPath(_ host: TestHost) {
    let isNews = host.stack.pathMTUs.lower(
      to: Hosts.remoteAddress,
      mtu: 552,
      at: .at(0)
    )
    #expect(isNews)
  }

  @Test func anotherLink_thePathMTUsAreForgotten() {
    withHost { host in
      lowerPath(host)
      host.stack.setLink(up: false, at: .at(1))
      host.stack.setLink(up: true, at: .at(2))
      let mtu = host.stack.pathMTU(to: Hosts.remoteAddress, on: 0, at: .at(3))
      #expect(mtu == 1500)
    }
  }

  @Test func lostAddress_thePathMTUsAreForgotten() {
    withHost { host in
      lowerPath(host)
      for seconds in [1.0, 2] {
        host.receive(
          Frames.arp(
            operation: 2,
            from: Hosts.attacker,
            Hosts.ourAddress,
            Hosts.ourAddress
          ),
          at: seconds
        )
      }
      #expect(host.lease == nil)
      let mtu = host.stack.pathMTU(to: Hosts.remoteAddress, on: 0, at: .at(3))
      #expect(mtu == 1500)
    }
  }

  @Test func error_aboutWhatWasNotSent_disturbsNobody() throws {
    try withHost { host in
      try host.introducePeer(Hosts.gateway, Hosts.gatewayAddress)
      let socket = try host.bind(port: 5000)
      let quote = try sentDatagram(host, socket)
      for forged in [
        quote.replacing(at: 16, with: [192, 0, 2, 81]),
        quote.replacing(at: 22, with: [0, 81]),
        quote.replacing(at: 20, with: [0, 9]),
      ] {
        host.receive(error(type: 3, code: 3, about: forged))
      }
      #expect(host.events().isEmpty)
      let failure = host.stack.takeFailure(of: socket)
      #expect(failure == nil)
    }
  }

  /// Random quotes: nothing crashes, nothing is lowered, nobody is told.
  @Test(arguments: [5927, 792] as [UInt64])
  func flood_ofForgedErrors(seed: UInt64) throws {
    var random = RandomNumbers(seed: SipHash.Key(seed, 1))
    try withHost { host in
      let (id, segments) = try connect(host)
      for _ in 0..<5000 {
        var quote = Array(segments[0][14...].prefix(28))
        quote.replaceSubrange(
          24..<28,
          with: Frames.bytes(
            UInt32(truncatingIfNeeded: random.next()) | 1 << 31
          )
        )
        quote[20] = UInt8(truncatingIfNeeded: random.next()) | 1
        quote[22] = 1
        host.receive(
          error(
            type: [3, 11, 12][Int(random.next() % 3)],
            code: UInt8(random.next() % 16),
            rest: UInt32(truncatingIfNeeded: random.next()),
            about: quote
          )
        )
      }
      #expect(host.counters.pathMTUsLowered == 0, "seed \(seed)")
      #expect(host.stack.state(of: id) == .established, "seed \(seed)")
      #expect(host.sent().isEmpty, "seed \(seed)")
    }
  }

  // MARK: The link's. RFC 2132 §5.1

  @Test func leaseWithAnMTU_segmentsAndDatagramsKeepToIt() throws {
    var lease = Lease(
      address: Hosts.ourAddress,
      prefixLength: 24,
      gateway: Hosts.gatewayAddress
    )
    lease.mtu = 1400
    var configuration = StackConfiguration.fixed
    configuration.addressing = .fixed(lease)
    try withHost(configuration) { host in
      try host.introducePeer(Hosts.gateway, Hosts.gatewayAddress)
      let id = try host.stack.connect(to: remote, at: .at(0))
      let syn = try #require(host.sent().first)
      #expect(Array(syn[54..<58]) == [2, 4] + Frames.bytes(UInt16(1360)))
      host.stack.abort(id, at: .at(0))
      let socket = try host.bind(port: 0)
      for (count, sizes) in [(1372, [1400]), (1373, [1396, 25])] {
        let bytes = [UInt8](repeating: 1, count: count)
        #expect(try host.send(bytes, from: socket, to: remote))
        #expect(host.sent().map { $0.count - 14 } == sizes)
      }
    }
  }
}
