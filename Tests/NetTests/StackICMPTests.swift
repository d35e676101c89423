import Net
import Packets
import Testing

@Suite struct StackICMPTests {
  @Test func echoRequest_literalReply() throws {
    try withHost { host in
      try host.introducePeer()
      host.receive(
        hex(
          """
          02000000000f 525400000009 0800
          4500 0020 1234 4000 4001 1092 0a000209 0a00020f
          0800 2523 0007 0001 6869 6a6b
          """
        )
      )
      #expect(
        host.sent().map(plain) == [
          hex(
            """
            525400000009 02000000000f 0800
            4500 0020 0000 0000 4001 0000 0a00020f 0a000209
            0000 2d23 0007 0001 6869 6a6b
            """
          )
        ]
      )
      #expect(host.counters.echoesAnswered == 1)
      #expect(host.counters.dropped == 0)
    }
  }

  @Test(arguments: [0, 1, 2, 55, 56, 1399, 1400, 1471, 1472])
  func echoRequest_dataComeBack(_ size: Int) throws {
    try withHost { host in
      try host.introducePeer()
      let data = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      host.receive(Frames.echoRequest(data))
      let sent = host.sent()
      #expect(sent.count == 1)
      #expect(
        sent.map { Array($0[34...]) } == [
          Frames.icmp(type: 0, rest: 0x0007_0001, data)
        ]
      )
    }
  }

  @Test(arguments: [0, 12, 65, 66, 200])
  func echoRequest_anyHeadroomOfTheDevice(_ headroom: Int) throws {
    try withHost { host in
      try host.introducePeer()
      host.receive(Frames.echoRequest([1, 2, 3]), headroom: headroom)
      #expect(host.sent().count == 1)
    }
  }

  @Test func echoRequest_noBufferForTheCopy_isCounted() throws {
    try withHost(packets: 4) { host in
      try host.introducePeer()
      let frame = Frames.echoRequest([1])
      var held = PacketQueue()
      while host.pool.available > 1 {
        held.append(host.pool.allocate()!)
      }
      host.receive(frame, headroom: 12)
      #expect(host.sent().isEmpty)
      #expect(host.count(.noBuffer) == 1)
    }
  }

  @Test func echoRequest_fromBehindTheGateway_goesBackThroughIt() throws {
    try withHost { host in
      try host.introducePeer(Hosts.gateway, Hosts.gatewayAddress)
      host.receive(Frames.echoRequest(from: Hosts.remoteAddress, [1]))
      let sent = host.sent()
      #expect(sent.map { Array($0[..<6]) } == [Frames.bytes(Hosts.gateway)])
    }
  }

  @Test func echoRequest_toAll_isIgnored() throws {
    try withHost { host in
      try host.introducePeer()
      for address in [IPv4Address.broadcast, IPv4Address(10, 0, 2, 255)] {
        host.receive(
          Frames.echoRequest(to: address, hardware: .broadcast, [1])
        )
      }
      #expect(host.sent().isEmpty)
      #expect(host.count(.icmpBroadcastEcho) == 2)
    }
  }

  @Test(arguments: [
    ("", DropReason.icmpTruncated),
    ("0800f7ff000000", .icmpTruncated),
    ("0800f7fe00000000", .icmpChecksum),
    ("0800f7fe0000000001", .icmpChecksum),
    ("0d00f2ff00000000", .icmpTypeIgnored),
    ("0000ffff00000000", .icmpTypeIgnored),
    // Source quench. RFC 6633.
    ("0400fbff00000000", .icmpTypeIgnored),
    ("0303fcfc00000000", .icmpQuoteInvalid),
  ])
  func malformed_isDropped(_ message: String, _ reason: DropReason) throws {
    try withHost { host in
      try host.introducePeer()
      host.receive(
        Frames.ethernet(Frames.ipv4(protocol: 1, hex(message)))
      )
      #expect(host.sent().isEmpty)
      #expect(host.count(reason) == 1)
      #expect(host.counters.dropped == 1)
    }
  }

  // MARK: Errors of ours

  @Test func closedPort_literalPortUnreachable() throws {
    try withHost { host in
      try host.introducePeer()
      host.receive(
        hex(
          """
          02000000000f 525400000009 0800
          4500 0020 1234 4000 4011 1082 0a000209 0a00020f
          9c40 0045 000c 7864 6869 6a6b
          """
        )
      )
      #expect(
        host.sent().map(plain) == [
          hex(
            """
            525400000009 02000000000f 0800
            4500 003c 0000 0000 4001 0000 0a00020f 0a000209
            0303 1532 00000000
            4500 0020 1234 4000 4011 1082 0a000209 0a00020f
            9c40 0045 000c 7864 6869 6a6b
            """
          )
        ]
      )
      #expect(host.count(.udpPortClosed) == 1)
      #expect(host.counters.icmpErrorsSent == 1)
    }
  }

  @Test func unknownProtocol_literalProtocolUnreachable() throws {
    try withHost { host in
      try host.introducePeer()
      host.receive(
        hex(
          """
          02000000000f 525400000009 0800
          4500 0018 1234 4000 4084 1017 0a000209 0a00020f
          61626364
          """
        )
      )
      #expect(
        host.sent().map(plain) == [
          hex(
            """
            525400000009 02000000000f 0800
            4500 0034 0000 0000 4001 0000 0a00020f 0a000209
            0302 3837 00000000
            4500 0018 1234 4000 4084 1017 0a000209 0a00020f
            61626364
            """
          )
        ]
      )
      #expect(host.count(.ipv4ProtocolUnknown) == 1)
    }
  }

  @Test func error_quotesNoMoreThan576BytesHold() throws {
    try withHost { host in
      try host.introducePeer()
      let payload = [UInt8](repeating: 0x5A, count: 1472)
      host.receive(Frames.udpFrame(port: 69, payload))
      #expect(host.sent().map(\.count) == [14 + 576])
    }
  }

  @Test func noError_aboutWhatWasForAll() throws {
    try withHost { host in
      try host.introducePeer()
      for address in [IPv4Address.broadcast, IPv4Address(10, 0, 2, 255)] {
        host.receive(
          Frames.udpFrame(
            to: address,
            port: 69,
            hardware: .broadcast,
            [1]
          )
        )
        host.receive(
          Frames.ethernet(
            to: .broadcast,
            Frames.ipv4(protocol: 132, to: address, [1, 2, 3, 4])
          )
        )
      }
      #expect(host.sent().isEmpty)
      #expect(host.counters.icmpErrorsSent == 0)
      #expect(host.count(.udpPortClosed) == 2)
      #expect(host.count(.ipv4ProtocolUnknown) == 2)
    }
  }

  @Test func errors_areLimited_andComeBackWithTime() throws {
    var configuration = StackConfiguration.fixed
    configuration.limits.errorsPerSecond = 10
    configuration.limits.errorsBurst = 5
    try withHost(configuration) { host in
      try host.introducePeer()
      func errors(at seconds: Double) -> Int {
        (0..<20).map { _ in
          host.receive(Frames.udpFrame(port: 69, [1]), at: seconds)
          return host.sent(at: seconds).count
        }.reduce(0, +)
      }
      #expect(errors(at: 1) == 5)
      #expect(host.count(.icmpRateLimited) == 15)
      #expect(errors(at: 1.05) == 0)
      #expect(errors(at: 1.15) == 1)
      #expect(errors(at: 1.35) == 2)
      #expect(errors(at: 30) == 5)
    }
  }

  // MARK: Errors of others

  private func unreachable(code: UInt8, about quote: [UInt8]) -> [UInt8] {
    Frames.ethernet(
      from: Hosts.gateway,
      Frames.ipv4(
        protocol: 1,
        from: Hosts.gatewayAddress,
        Frames.icmp(type: 3, code: code, quote)
      )
    )
  }

  private func sentDatagram(to port: UInt16) -> [UInt8] {
    Frames.ipv4(
      protocol: 17,
      from: Hosts.ourAddress,
      to: Hosts.remoteAddress,
      Frames.udp(
        from: Hosts.ourAddress,
        port: 5000,
        to: Hosts.remoteAddress,
        port: port,
        [1, 2, 3]
      )
    )
  }

  @Test func portUnreachable_tellsTheSocket() throws {
    try withHost { host in
      let socket = try host.bind(port: 5000)
      let remote = Endpoint(address: Hosts.remoteAddress, port: 53)
      #expect(try host.send([1], from: socket, to: remote))
      let quote = Array(sentDatagram(to: 53).prefix(28))
      host.receive(unreachable(code: 3, about: quote))
      #expect(host.counters.unreachablesReceived == 1)
      guard case .datagrams(socket, .unreachable)? = host.events().first else {
        Issue.record("the socket was told nothing")
        return
      }
    }
  }

  @Test func unreachable_aboutNothingOfOurs_isDropped() throws {
    let quote = sentDatagram(to: 53)
    let table: [(String, [UInt8])] = [
      ("no header", []),
      ("part of a header", Array(quote.prefix(19))),
      ("part of the eight bytes", Array(quote.prefix(27))),
      ("another source", quote.replacing(at: 12, with: [10, 0, 2, 16])),
      ("another version", quote.replacing(at: 0, with: [0x65])),
      ("a header beyond the quote", quote.replacing(at: 0, with: [0x4F])),
    ]
    for (name, quote) in table {
      try withHost { host in
        _ = try host.bind(port: 5000)
        host.receive(unreachable(code: 3, about: quote))
        #expect(host.count(.icmpQuoteInvalid) == 1, "\(name)")
        #expect(host.events().isEmpty, "\(name)")
        #expect(host.counters.unreachablesReceived == 0, "\(name)")
      }
    }
  }

  @Test func unreachable_aboutWhatNoSocketHasSent_isDropped() throws {
    try withHost { host in
      let quote = sentDatagram(to: 53)
      host.receive(unreachable(code: 3, about: quote))
      #expect(host.count(.icmpQuoteInvalid) == 1)
      _ = try host.bind(port: 5000)
      host.receive(unreachable(code: 3, about: quote))
      #expect(host.count(.icmpQuoteInvalid) == 2)
      #expect(host.counters.dropped == 2)
      #expect(host.events().isEmpty)
    }
  }

  @Test func unreachable_ofAnEcho_isCountedOnly() throws {
    withHost { host in
      let quote = Frames.ipv4(
        protocol: 1,
        from: Hosts.ourAddress,
        to: Hosts.remoteAddress,
        Frames.icmp(type: 0, [])
      )
      host.receive(unreachable(code: 1, about: quote))
      #expect(host.counters.unreachablesReceived == 1)
      #expect(host.events().isEmpty)
    }
  }
}
