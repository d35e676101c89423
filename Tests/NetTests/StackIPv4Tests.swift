import Net
import Packets
import Testing

@Suite struct StackIPv4Tests {
  /// An echo request whose IP header is changed before its checksum is made.
  private func echo(
    from source: IPv4Address = Hosts.peerAddress,
    to destination: IPv4Address = Hosts.ourAddress,
    hardware: MACAddress = Hosts.our,
    options: [UInt8] = [],
    _ change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    Frames.ethernet(
      to: hardware,
      Frames.ipv4(
        protocol: 1,
        from: source,
        to: destination,
        options: options,
        change: change,
        Frames.icmp(type: 8, [1, 2, 3, 4])
      )
    )
  }

  private func expectDropped(
    _ frame: [UInt8],
    _ reason: DropReason,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try withHost(sourceLocation: sourceLocation) { host in
      try host.introducePeer()
      host.receive(frame)
      #expect(host.sent().isEmpty, sourceLocation: sourceLocation)
      #expect(host.count(reason) == 1, sourceLocation: sourceLocation)
      #expect(host.counters.dropped == 1, sourceLocation: sourceLocation)
    }
  }

  private func expectAnswered(
    _ frame: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try withHost(sourceLocation: sourceLocation) { host in
      try host.introducePeer()
      host.receive(frame)
      #expect(host.sent().count == 1, sourceLocation: sourceLocation)
      #expect(host.counters.dropped == 0, sourceLocation: sourceLocation)
    }
  }

  // MARK: Ethernet

  @Test func frame_truncated() throws {
    for count in 0..<14 {
      try expectDropped(Array(echo().prefix(count)), .frameTruncated)
    }
  }

  @Test func frame_forAnother() throws {
    try expectDropped(echo(hardware: Hosts.peer), .frameNotForUs)
  }

  @Test func frame_fromAGroup() throws {
    let frame = echo().replacing(at: 6, with: [0xFF])
    try expectDropped(frame, .frameSourceInvalid)
  }

  @Test(arguments: [0x86DD, 0x8100, 0x0000, 0x05DC, 0xFFFF] as [UInt16])
  func frame_ofAnotherType(_ type: UInt16) throws {
    let frame = echo().replacing(at: 12, with: Frames.bytes(type))
    try expectDropped(frame, .frameTypeUnknown)
  }

  // MARK: The header

  @Test func header_truncated() throws {
    for count in 14..<34 {
      try expectDropped(Array(echo().prefix(count)), .ipv4Truncated)
    }
  }

  @Test func datagram_truncated() throws {
    for count in 34..<46 {
      try expectDropped(Array(echo().prefix(count)), .ipv4Truncated)
    }
  }

  @Test(arguments: [0x05, 0x65, 0x55, 0xF5] as [UInt8])
  func version_other(_ first: UInt8) throws {
    try expectDropped(echo { $0[0] = first }, .ipv4Version)
  }

  @Test(arguments: [0x40, 0x41, 0x44, 0x4F] as [UInt8])
  func headerLength_tooSmallOrTooLarge(_ first: UInt8) throws {
    try expectDropped(echo { $0[0] = first }, .ipv4HeaderLength)
  }

  @Test(
    arguments: [
      (0, DropReason.ipv4HeaderLength),
      (19, .ipv4HeaderLength),
      (33, .ipv4Truncated),
      (65535, .ipv4Truncated),
      // Within the frame, but the message is cut.
      (20, .icmpTruncated),
      (31, .icmpChecksum),
    ] as [(UInt16, DropReason)]
  )
  func totalLength_wrong(_ length: UInt16, _ reason: DropReason) throws {
    try expectDropped(
      echo { $0.replaceSubrange(2..<4, with: Frames.bytes(length)) },
      reason
    )
  }

  @Test func everyBitOfTheHeader_isCovered() throws {
    let frame = echo()
    for bit in 0..<160 {
      var spoilt = frame
      spoilt[14 + bit / 8] ^= 1 << UInt8(bit % 8)
      try withHost { host in
        try host.introducePeer()
        host.receive(spoilt)
        #expect(host.sent().isEmpty, "bit \(bit)")
        #expect(host.counters.dropped == 1, "bit \(bit)")
      }
    }
  }

  @Test func checksum_wrong() throws {
    let frame = echo()
    let bad = frame.replacing(
      at: 24,
      with: Frames.bytes(frame.word(at: 24) &+ 1)
    )
    try expectDropped(bad, .ipv4Checksum)
  }

  @Test func padding_isCut() throws {
    try expectAnswered(echo() + [UInt8](repeating: 0xEE, count: 14))
  }

  @Test(arguments: [0, 1, 255] as [UInt8])
  func timeToLive_doesNotMatterToAHost(_ time: UInt8) throws {
    try expectAnswered(echo { $0[8] = time })
  }

  @Test(
    arguments: [
      (0x3FFF, DropReason?.some(.ipv4FragmentInvalid)),  // beyond the end
      (0x4000, nil),  // don't fragment
      (0x8000, nil),  // reserved
    ] as [(UInt16, DropReason?)]
  )
  func fragments(_ field: UInt16, _ reason: DropReason?) throws {
    let frame = echo {
      $0.replaceSubrange(6..<8, with: Frames.bytes(field))
    }
    if let reason {
      try expectDropped(frame, reason)
    } else {
      try expectAnswered(frame)
    }
  }

  // MARK: Options

  @Test(
    arguments: [
      ("00000000", DropReason?.none),  // end
      ("01010101", nil),  // no operation
      ("0183ffff 83ffff00", .ipv4SourceRoute),
      ("83070400 00000000", .ipv4SourceRoute),  // loose
      ("89070400 00000000", .ipv4SourceRoute),  // strict
      ("00830704 00000000", nil),  // behind the end
      ("07070400 00000000", nil),  // record route
      ("44080500 00000000", nil),  // timestamp
      ("94040000", nil),  // router alert
      ("94000000", .ipv4OptionMalformed),  // length 0
      ("94010000", .ipv4OptionMalformed),  // length 1
      ("94050000", .ipv4OptionMalformed),  // beyond the header
      ("94ff0000", .ipv4OptionMalformed),
      ("01010194", .ipv4OptionMalformed),  // no length
      (
        "01010101 01010101 01010101 01010101 01010101"
          + "01010101 01010101 01010101 01010101 01010101", nil
      ),
    ] as [(String, DropReason?)]
  )
  func options(_ bytes: String, _ reason: DropReason?) throws {
    let frame = echo(options: hex(bytes))
    if let reason {
      try expectDropped(frame, reason)
    } else {
      try expectAnswered(frame)
    }
  }

  @Test func options_areNotPartOfTheReply() throws {
    try withHost { host in
      try host.introducePeer()
      host.receive(echo(options: [1, 1, 1, 1]))
      #expect(host.sent().map(\.count) == [14 + 20 + 12])
    }
  }

  // MARK: Addresses

  @Test(arguments: [
    IPv4Address(0, 0, 0, 0), IPv4Address(0, 1, 2, 3),
    IPv4Address(127, 0, 0, 1), IPv4Address(224, 0, 0, 1),
    IPv4Address(240, 0, 0, 1), IPv4Address(255, 255, 255, 255),
    IPv4Address(10, 0, 2, 255), Hosts.ourAddress,
  ])
  func source_invalid(_ source: IPv4Address) throws {
    try expectDropped(echo(from: source), .ipv4SourceInvalid)
  }

  @Test(arguments: [
    (IPv4Address(10, 0, 2, 16), DropReason.ipv4NotForUs),
    (IPv4Address(10, 0, 3, 255), .ipv4NotForUs),
    (IPv4Address(0, 0, 0, 0), .ipv4NotForUs),
    (IPv4Address(127, 0, 0, 1), .ipv4NotForUs),
    (IPv4Address(224, 0, 0, 1), .ipv4Multicast),
    (IPv4Address(239, 255, 255, 250), .ipv4Multicast),
  ])
  func destination_other(
    _ destination: IPv4Address,
    _ reason: DropReason
  ) throws {
    try expectDropped(echo(to: destination), reason)
  }

  @Test func destination_oursInAFrameForAll_isNotTaken() throws {
    // RFC 1122 §3.3.6.
    try expectDropped(echo(hardware: .broadcast), .ipv4NotForUs)
  }

  @Test func multicastFrame_isIgnored() throws {
    let group = MACAddress(0x01, 0, 0x5E, 0, 0, 0xFB)
    let address = IPv4Address(224, 0, 0, 251)
    try expectDropped(echo(to: address, hardware: group), .ipv4Multicast)
  }

  @Test func tcpToAll_isDropped() throws {
    let segment = hex("9c400050 00000001 00000000 50022000 00000000")
    try expectDropped(
      Frames.ethernet(
        to: .broadcast,
        Frames.ipv4(protocol: 6, to: .broadcast, segment)
      ),
      .tcpBroadcast
    )
  }

  // MARK: Routes

  @Test func nextHops() throws {
    let table: [(IPv4Address, IPv4Address?)] = [
      (IPv4Address(10, 0, 2, 9), IPv4Address(10, 0, 2, 9)),
      (IPv4Address(10, 0, 2, 2), IPv4Address(10, 0, 2, 2)),
      (IPv4Address(10, 0, 3, 1), IPv4Address(10, 0, 2, 2)),
      (IPv4Address(8, 8, 8, 8), IPv4Address(10, 0, 2, 2)),
      (IPv4Address(0, 0, 0, 0), nil),
      (IPv4Address(250, 0, 0, 1), nil),
    ]
    for (destination, hop) in table {
      try withHost { host in
        let socket = try host.bind(port: 0)
        let target = Endpoint(address: destination, port: 9)
        guard let hop else {
          #expect(throws: NetworkError.unreachable) {
            try host.send([1], from: socket, to: target)
          }
          return
        }
        _ = try host.send([1], from: socket, to: target)
        #expect(
          host.sent() == [
            Frames.arp(
              operation: 1,
              from: Hosts.our,
              Hosts.ourAddress,
              hop
            )
          ]
        )
      }
    }
  }

  @Test func noGateway_otherLinksAreUnreachable() throws {
    var configuration = StackConfiguration.fixed
    configuration.addressing = .fixed(
      Lease(address: Hosts.ourAddress, prefixLength: 24)
    )
    try withHost(configuration) { host in
      let socket = try host.bind(port: 0)
      #expect(throws: NetworkError.unreachable) {
        try host.send(
          [1],
          from: socket,
          to: Endpoint(address: Hosts.remoteAddress, port: 9)
        )
      }
      // What comes from there is read, but cannot be answered.
      host.receive(echo(from: Hosts.remoteAddress))
      #expect(host.sent().isEmpty)
      #expect(host.count(.noRoute) == 1)
    }
  }

  @Test func identification_differsFromPacketToPacket() throws {
    try withHost { host in
      try host.introducePeer()
      var seen: Set<UInt16> = []
      for _ in 0..<50 {
        host.receive(echo())
        for frame in host.sent() {
          seen.insert(frame.word(at: 18))
        }
      }
      #expect(seen.count == 50)
    }
  }

  @Test func fixedAddress_isToldOf_andAnnounced() {
    let pool = PacketPool(capacity: 8)
    let host = TestHost(.fixed, pool: pool)
    guard case .addressBound(let lease, on: 0)? = host.events().first else {
      Issue.record("nobody is told")
      return
    }
    #expect(lease.address == Hosts.ourAddress)
    #expect(host.deadline == nil)
    #expect(
      host.sent() == [
        Frames.arp(
          operation: 1,
          from: Hosts.our,
          Hosts.ourAddress,
          Hosts.ourAddress
        )
      ]
    )
  }
}
