import Net
import Packets
import Testing

@Suite struct StackMulticastTests {
  private let group = IPv4Address(224, 0, 0, 251)
  private let groupHardware = MACAddress(group: IPv4Address(224, 0, 0, 251))

  private func query(
    _ group: IPv4Address = .any,
    tenths: UInt8,
    version: Int,
    from source: IPv4Address = Hosts.peerAddress
  ) -> [UInt8] {
    query(
      group,
      tenths: tenths,
      rest: version == 3 ? [2, 125, 0, 0] : [],
      from: source
    )
  }

  private func query(
    _ group: IPv4Address = .any,
    tenths: UInt8,
    rest: [UInt8],
    from source: IPv4Address = Hosts.peerAddress
  ) -> [UInt8] {
    var message = [0x11, tenths, 0, 0] + Frames.bytes(group) + rest
    message = message.replacing(at: 2, with: Frames.bytes(checksum(message)))
    return Frames.ethernet(
      to: MACAddress(0x01, 0, 0x5E, 0, 0, 1),
      Frames.ipv4(
        protocol: 2,
        from: source,
        to: IPv4Address(224, 0, 0, 1),
        options: [0x94, 4, 0, 0],
        message
      )
    )
  }

  /// Destination and IGMP message of all that is sent at its time up to `end`.
  private func messages(
    _ host: TestHost,
    from start: Double,
    to end: Double
  ) -> [String] {
    var found = host.sent(at: start)
    while let deadline = host.deadline, deadline <= .at(end) {
      host.stack.poll(at: deadline)
      found += host.sent(at: deadline.seconds)
    }
    return found.map {
      "\($0[30]).\($0[31]).\($0[32]).\($0[33]) "
        + $0[38...].map { String($0, radix: 16) }.joined(separator: " ")
    }
  }

  private func report(_ record: Int) -> String {
    // The checksum depends on the record alone.
    let body: [UInt8] =
      [0x22, 0, 0, 0, 0, 0, 0, 1, UInt8(record), 0, 0, 0, 224, 0, 0, 251]
    let whole = body.replacing(at: 2, with: Frames.bytes(checksum(body)))
    return "224.0.0.22 "
      + whole.map { String($0, radix: 16) }.joined(separator: " ")
  }

  @Test func join_isToldTwice_andReceived_leave_too() throws {
    try withHost { host in
      let socket = try host.bind(port: 5353)
      let datagram = Frames.ethernet(
        to: groupHardware,
        Frames.ipv4(
          protocol: 17,
          to: group,
          change: { $0[8] = 255 },
          Frames.udp(port: 5353, to: group, port: 5353, [1, 2])
        )
      )
      host.receive(datagram)
      #expect(host.count(.ipv4Multicast) == 1)
      try host.stack.joinGroup(IPAddress(group), at: .at(0))
      #expect(messages(host, from: 0, to: 9) == [report(4), report(4)])
      host.receive(datagram, at: 9)
      guard let received = host.stack.receiveDatagram(socket) else {
        Issue.record("the datagram is lost")
        return
      }
      let (destination, time) = (received.destination, received.timeToLive)
      #expect(destination == Endpoint(address: group, port: 5353))
      #expect(time == 255)
      host.stack.leaveGroup(IPAddress(group), at: .at(10))
      #expect(messages(host, from: 10, to: 19) == [report(3), report(3)])
      host.receive(datagram, at: 20)
      #expect(host.count(.ipv4Multicast) == 2)
      #expect(host.deadline == nil)
    }
  }

  @Test func anotherGroupOfTheSameFrames_isDropped() throws {
    try withHost { host in
      try host.stack.joinGroup(IPAddress(group), at: .at(0))
      let other = IPv4Address(239, 128, 0, 251)
      host.receive(
        Frames.udpFrame(to: other, port: 5353, hardware: groupHardware, [1])
      )
      #expect(host.count(.ipv4Multicast) == 1)
    }
  }

  @Test func groups_getNoErrors_noEchoes_andNoConnections() throws {
    try withHost { host in
      try host.stack.joinGroup(IPAddress(group), at: .at(0))
      _ = messages(host, from: 0, to: 9)
      host.receive(
        Frames.udpFrame(to: group, port: 9, hardware: groupHardware, [1])
      )
      host.receive(Frames.echoRequest(to: group, hardware: groupHardware, [1]))
      #expect(host.sent().isEmpty)
      #expect(host.count(.udpPortClosed) == 1)
      #expect(host.count(.icmpBroadcastEcho) == 1)
      #expect(throws: NetworkError.unreachable) {
        try host.stack.connect(
          to: Endpoint(address: group, port: 80),
          at: .at(0)
        )
      }
    }
  }

  @Test func query_isAnsweredInTime_forAllOrOneGroup() throws {
    try withHost { host in
      try host.stack.joinGroup(IPAddress(group), at: .at(0))
      _ = messages(host, from: 0, to: 9)
      for asked in [IPv4Address.any, group] {
        host.receive(query(asked, tenths: 20, version: 3), at: 10)
        let deadline = try #require(host.deadline)
        #expect(deadline <= .at(12))
        #expect(messages(host, from: 10, to: 12) == [report(2)])
      }
      host.receive(
        query(IPv4Address(224, 0, 0, 5), tenths: 20, version: 3),
        at: 20
      )
      #expect(host.deadline == nil)
    }
  }

  /// RFC 4541 §2.1.1: switches without an address ask from 0.0.0.0.
  @Test func queryOfASwitchWithoutAddress_isAnswered() throws {
    try withHost { host in
      try host.stack.joinGroup(IPAddress(group), at: .at(0))
      _ = messages(host, from: 0, to: 9)
      host.receive(query(tenths: 20, version: 3, from: .any), at: 10)
      #expect(messages(host, from: 10, to: 12) == [report(2)])
      // Nothing else comes from there, nor does a query to one host.
      host.receive(Frames.udpFrame(from: .any, port: 9, [1]), at: 13)
      host.receive(
        Frames.ethernet(Frames.ipv4(protocol: 2, from: .any, [0x11])),
        at: 13
      )
      #expect(host.count(.ipv4SourceInvalid) == 2)
    }
  }

  /// RFC 3376 §7.1: "a Query of length 10 octets" MUST be ignored.
  @Test(arguments: [1, 2, 3])
  func queryOfNoVersion_isIgnored(extra: Int) throws {
    try withHost { host in
      let rest = [UInt8](repeating: 0, count: extra)
      for tenths in [0, 10] as [UInt8] {
        host.receive(query(tenths: tenths, rest: rest))
      }
      #expect(host.count(.igmpMalformed) == 2)
      // It would have made the router one of version 1 or 2.
      try host.stack.joinGroup(IPAddress(group), at: .at(1))
      #expect(messages(host, from: 1, to: 9) == [report(4), report(4)])
    }
  }

  @Test func olderRouter_isSpokenToInItsWay() throws {
    try withHost { host in
      host.receive(query(tenths: 100, version: 2))
      try host.stack.joinGroup(IPAddress(group), at: .at(0))
      let joined = messages(host, from: 0, to: 20)
      #expect(
        joined == Array(repeating: "224.0.0.251 16 0 9 4 e0 0 0 fb", count: 2)
      )
      host.stack.leaveGroup(IPAddress(group), at: .at(30))
      #expect(
        messages(host, from: 30, to: 40) == ["224.0.0.2 17 0 8 4 e0 0 0 fb"]
      )
      // It has not been heard of for long.
      try host.stack.joinGroup(IPAddress(group), at: .at(261))
      #expect(messages(host, from: 261, to: 270) == [report(4), report(4)])
    }
  }

  @Test func malformed_isCounted() {
    withHost { host in
      let good = query(tenths: 1, version: 2)
      host.receive(Array(good.dropLast(1)))
      host.receive(good.replacing(at: 40, with: [0, 0]))
      #expect(host.count(.igmpMalformed) == 1)
      #expect(host.count(.ipv4Truncated) == 1)
      #expect(host.deadline == nil)
    }
  }

  @Test func sending_toAGroup_goesToItsFrames_andNoFurther() throws {
    try withHost { host in
      let socket = try host.bind(port: 5353)
      let all = Endpoint(address: group, port: 5353)
      #expect(try host.send([1], from: socket, to: all))
      host.stack.setTimeToLive(255, of: socket)
      #expect(try host.send([1], from: socket, to: all))
      let sent = host.sent()
      #expect(sent.map { $0[22] } == [1, 255])
      #expect(sent.allSatisfy { $0.starts(with: [1, 0, 0x5E, 0, 0, 251]) })
    }
  }

  /// Nobody can be told while the link is down.
  @Test func groupsThatWereLeft_keepNoPlaces_linkDown() throws {
    try withHost { host in
      host.stack.setLink(up: false, at: .at(0))
      for last in 0..<40 as Range<UInt8> {
        let group = IPAddress(IPv4Address(239, 0, 0, last))
        try host.stack.joinGroup(group, at: .at(Double(last)))
        host.stack.leaveGroup(group, at: .at(Double(last) + 0.5))
      }
      #expect(host.stack.groupHardware.isEmpty)
      for last in 0..<16 as Range<UInt8> {
        // Some of them were left before.
        let group = IPAddress(IPv4Address(239, 0, 0, last + 30))
        try host.stack.joinGroup(group, at: .at(50))
      }
      let more = IPAddress(IPv4Address(239, 1, 0, 0))
      #expect(throws: NetworkError.limitReached) {
        try host.stack.joinGroup(more, at: .at(50))
      }
      #expect(host.stack.groupHardware.count == 17)
    }
  }

  /// A link to nowhere is no reason to join no more, and a group is joined on
  /// all interfaces or on none.
  @Test func groupsThatWereLeft_keepNoPlaces_secondInterfaceWithoutLease()
    throws
  {
    func group(_ last: UInt8) -> IPAddress {
      IPAddress(IPv4Address(239, 0, 0, last))
    }
    func isAccepted(_ last: UInt8, _ links: TwoLinks, on link: Int) -> Bool {
      let before = links.stack.counters[.ipv4Multicast]
      let to = IPv4Address(239, 0, 0, last)
      links.receive(
        Frames.udpFrame(to: to, port: 9, hardware: MACAddress(group: to), [1]),
        on: link
      )
      return links.stack.counters[.ipv4Multicast] == before
    }
    try withTwoLinks(TwoLinks.fixed(0), .dhcp) { links in
      for last in 0..<16 as Range<UInt8> {
        let now = Instant.at(Double(last) * 10)
        try links.stack.joinGroup(group(last), at: now)
        links.stack.leaveGroup(group(last), at: now + .seconds(1))
        for second in 1..<9 {
          links.settle(at: Double(last) * 10 + Double(second))
        }
      }
      #expect(links.stack.groupHardware.isEmpty)
      for last in 100..<116 as Range<UInt8> {
        try links.stack.joinGroup(group(last), at: .at(1000))
      }
      links.settle(at: 1000)
      #expect(isAccepted(115, links, on: 0))
      #expect(throws: NetworkError.limitReached) {
        try links.stack.joinGroup(group(116), at: .at(1001))
      }
      links.settle(at: 1001)
      #expect(!isAccepted(116, links, on: 0))
    }
  }

  /// What is left to tell of a group goes with its place, when it is needed.
  @Test func groupsThatAreLeft_makeRoomAtOnce() throws {
    try withHost { host in
      for last in 0..<16 as Range<UInt8> {
        try host.stack.joinGroup(
          IPAddress(IPv4Address(224, 1, 0, last)),
          at: .at(0)
        )
      }
      host.stack.leaveGroup(IPAddress(IPv4Address(224, 1, 0, 3)), at: .at(9))
      try host.stack.joinGroup(IPAddress(group), at: .at(9))
      #expect(host.stack.groupHardware.contains(groupHardware))
      #expect(host.stack.groupHardware.count == 17)
    }
  }

  @Test func limits_andWhatIsNoGroup() throws {
    try withHost { host in
      for last in 0..<16 as Range<UInt8> {
        try host.stack.joinGroup(
          IPAddress(IPv4Address(224, 1, 0, last)),
          at: .at(0)
        )
      }
      #expect(host.stack.groupHardware.count == 17)
      #expect(throws: NetworkError.limitReached) {
        try host.stack.joinGroup(
          IPAddress(IPv4Address(224, 1, 0, 99)),
          at: .at(0)
        )
      }
      #expect(throws: NetworkError.unreachable) {
        try host.stack.joinGroup(IPAddress(Hosts.peerAddress), at: .at(0))
      }
      // ff02::fb: there is no version 6 yet.
      #expect(throws: NetworkError.unreachable) {
        try host.stack.joinGroup(
          IPAddress(high: 0xFF02 << 48, low: 0xFB),
          at: .at(0)
        )
      }
    }
  }
}
