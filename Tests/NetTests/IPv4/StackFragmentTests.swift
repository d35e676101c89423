import Net
import Packets
import Testing

@Suite struct StackFragmentTests {
  private let payload = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

  /// A datagram in parts of `size` bytes.
  private func parts(
    _ whole: [UInt8],
    of size: Int,
    protocol number: UInt8 = 17,
    from source: IPv4Address = Hosts.peerAddress,
    identification: UInt8 = 9
  ) -> [[UInt8]] {
    stride(from: 0, to: whole.count, by: size).map { offset in
      let end = min(offset + size, whole.count)
      return Frames.ethernet(
        Frames.ipv4(
          protocol: number,
          from: source,
          change: {
            $0[5] = identification
            let more: UInt16 = end < whole.count ? 0x2000 : 0
            let field = UInt16(offset / 8) | more
            $0.replaceSubrange(6..<8, with: Frames.bytes(field))
          },
          Array(whole[offset..<end])
        )
      )
    }
  }

  private var datagram: [UInt8] {
    Frames.udp(port: 40000, port: 7, payload)
  }

  @Test func udp_inParts_reachesTheSocket() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      for part in parts(datagram, of: 1480).reversed() { host.receive(part) }
      #expect(host.received(socket)?.bytes == payload)
      #expect(host.counters.reassembled == 1)
      #expect(host.counters.dropped == 0)
      #expect(host.deadline == nil)
    }
  }

  /// The checksum is over the whole, and a device that says a part is verified
  /// says nothing of it.
  @Test func udp_inParts_aWrongByte_isDropped() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      var wrong = datagram
      wrong[2000] ^= 1
      for part in parts(wrong, of: 1480) { host.receive(part) }
      #expect(host.received(socket) == nil)
      #expect(host.count(.udpChecksum) == 1)
    }
  }

  @Test func tcp_inParts_isTaken() throws {
    try withHost { host in
      _ = try host.stack.listen(port: 80, backlog: 1)
      try host.introducePeer()
      let frame = Frames.tcpFrame(port: 80, sequence: 100, flags: 2)
      let segment =
        Array(frame[34...]) + [UInt8](repeating: 0, count: 12)
      // Longer than its header: text that a SYN may have.
      let sum = checksum(
        Frames.bytes(Hosts.peerAddress) + Frames.bytes(Hosts.ourAddress)
          + [0, 6, 0, UInt8(segment.count)]
          + segment.replacing(at: 16, with: [0, 0])
      )
      let whole = segment.replacing(at: 16, with: Frames.bytes(sum))
      for part in parts(whole, of: 16, protocol: 6) { host.receive(part) }
      #expect(host.sent().map { $0[47] } == [0x12])
    }
  }

  @Test func partsMissing_timeExceeded_whenTheFirstIsThere() throws {
    try withHost { host in
      try host.introducePeer()
      let parts = parts(datagram, of: 1480)
      host.stack.poll(at: .at(1))
      host.receive(parts[0], at: 1)
      #expect(host.deadline == .at(31))
      host.stack.poll(at: .at(31))
      let sent = host.sent(at: 31)
      #expect(sent.map { Array($0[34..<36]) } == [[11, 1]])
      // It quotes the header and the ports.
      #expect(sent.first?[42...].prefix(28) == parts[0][14..<42])
      #expect(host.count(.ipv4FragmentTimeout) == 1)
      // Without the first there is nobody to tell.
      host.receive(parts[1], at: 40)
      host.stack.poll(at: .at(70))
      #expect(host.sent(at: 70).allSatisfy { $0.word(at: 12) == 0x0806 })
      #expect(host.count(.ipv4FragmentTimeout) == 2)
    }
  }

  /// RFC 1122 §3.2.2: no error about an error; about a question there is one.
  @Test(arguments: [(3, 0), (0, 0), (11, 0), (8, 1)] as [(UInt8, Int)])
  func partsMissing_ofAnError_isSilent(type: UInt8, errors: Int) throws {
    try withHost { host in
      try host.introducePeer()
      let whole = Frames.icmp(type: type, rest: 7, payload)
      let first = parts(whole, of: 1480, protocol: 1)[0]
      host.receive(first, at: 1)
      host.stack.poll(at: .at(31))
      let sent = host.sent(at: 31).filter { $0.word(at: 12) == 0x0800 }
      #expect(sent.map { $0[34] } == Array(repeating: 11, count: errors))
      #expect(host.count(.ipv4FragmentTimeout) == 1)
    }
  }

  @Test func largeEcho_isAnsweredInParts() throws {
    try withHost { host in
      try host.introducePeer()
      let echo = Frames.icmp(type: 8, rest: 7, payload)
      for part in parts(echo, of: 1480, protocol: 1) { host.receive(part) }
      let sent = host.sent()
      #expect(sent.map { $0.word(at: 20) } == [0x2000, 0x20B9, 0x0172])
      let reply = sent.flatMap { $0[34...] }
      #expect(reply == Frames.icmp(type: 0, rest: 7, payload))
      #expect(host.counters.fragmentsSent == 3)
    }
  }

  @Test func udp_tooLargeForAPacket_isSentInParts() throws {
    try withHost { host in
      try host.introducePeer()
      let socket = try host.bind(port: 7)
      let peer = Endpoint(address: Hosts.peerAddress, port: 40000)
      #expect(try host.send(payload, from: socket, to: peer))
      let sent = host.sent()
      #expect(sent.map { $0.word(at: 20) } == [0x2000, 0x20B9, 0x0172])
      #expect(Set(sent.map { $0.word(at: 18) }).count == 1)
      let whole = sent.flatMap { $0[34...] }
      let expected = Frames.udp(
        from: Hosts.ourAddress,
        port: 7,
        to: Hosts.peerAddress,
        port: 40000,
        payload
      )
      #expect(whole == expected)
      #expect(host.counters.datagramsSent == 2)
    }
  }

  /// Just what a packet holds, and a byte more.
  @Test(arguments: [(1472, 1), (1473, 2), (2952, 2), (2953, 3), (65507, 45)])
  func udp_sizes(_ size: Int, _ packets: Int) throws {
    try withHost { host in
      try host.introducePeer()
      let socket = try host.bind(port: 7)
      let peer = Endpoint(address: Hosts.peerAddress, port: 9)
      let data = [UInt8](repeating: 1, count: size)
      #expect(try host.send(data, from: socket, to: peer))
      #expect(host.sent().count == packets)
    }
  }

  @Test func udp_noBuffers_isRefusedWhole_andTriedAgainWithRoom() throws {
    try withHost(packets: 64) { host in
      try host.introducePeer()
      let socket = try host.bind(port: 7)
      let peer = Endpoint(address: Hosts.peerAddress, port: 9)
      let large = [UInt8](repeating: 1, count: 20000)
      var taken = 0
      while try host.send(large, from: socket, to: peer) { taken += 1 }
      #expect(taken >= 1)
      let sent = host.sent()
      #expect(sent.count == taken * 14)
      guard case .datagrams(socket, .writable)? = host.events().first else {
        Issue.record("nobody is told of room")
        return
      }
      #expect(try host.send(large, from: socket, to: peer))
    }
  }

  /// A flood of first parts, each of another datagram.
  @Test func flood_ofFirstParts_isBounded() {
    withHost(packets: 32) { host in
      let first = parts(datagram, of: 1480)[0]
      for index in 0..<5000 as Range<UInt16> {
        var frame = first
        frame.replaceSubrange(18..<20, with: Frames.bytes(index))
        let header = Array(frame[14..<34]).replacing(at: 10, with: [0, 0])
        frame.replaceSubrange(24..<26, with: Frames.bytes(checksum(header)))
        host.receive(frame)
      }
      #expect(host.pool.available == 32)
      #expect(host.count(.ipv4FragmentEvicted) == 4992)
      host.stack.poll(at: .at(30))
      #expect(host.count(.ipv4FragmentTimeout) == 8)
    }
  }

  // MARK: What is whole, and kept

  private let attacker = IPv4Address(10, 0, 2, 77)

  /// Whether a large ping of the peer is answered.
  private func answersLargeEcho(_ host: TestHost, _ identification: UInt8)
    -> Bool
  {
    let echo = Frames.icmp(type: 8, rest: 7, payload)
    let parts = parts(
      echo,
      of: 1480,
      protocol: 1,
      identification: identification
    )
    for part in parts { host.receive(part) }
    let sent = host.sent().filter { $0[23] == 1 }
    return sent.flatMap { $0[34...] }
      == Frames.icmp(type: 0, rest: 7, payload)
  }

  /// All that a connection has to read.
  private func text(of id: ConnectionID, _ host: TestHost) -> [UInt8] {
    var text: [UInt8] = []
    while case .bytes(let packet) = host.stack.read(id, at: .at(0)) {
      let bytes = packet.bytes
      text += (0..<bytes.byteCount).map { bytes.byte(at: $0) }
    }
    return text
  }

  /// A large datagram of the attacker to `port`.
  private func flood(_ host: TestHost, port: UInt16, _ number: UInt8) {
    let whole = Frames.udp(from: attacker, port: 9, port: port, payload)
    let parts = parts(whole, of: 1480, from: attacker, identification: number)
    for part in parts { host.receive(part) }
  }

  /// Many large datagrams that an app does not read take nothing from others:
  /// pings, sockets that are read, and what is in the making.
  @Test(arguments: [1, 4, 10, 60])
  func unreadLargeDatagrams_keepNobodyOut(count: Int) throws {
    try withHost { host in
      try host.introducePeer()
      let unread = try host.bind(port: 9000)
      let read = try host.bind(port: 7)
      for number in 0..<count {
        flood(host, port: 9000, UInt8(number))
      }
      let refused = UInt64(max(count - 4, 0))
      #expect(host.count(.udpQueueFull) == refused)
      for number in 100..<110 as Range<UInt8> {
        #expect(answersLargeEcho(host, number))
        let parts = parts(datagram, of: 1480, identification: number)
        for part in parts { host.receive(part) }
        #expect(host.received(read)?.bytes == payload)
      }
      #expect(host.count(.noBuffer) == 0)
      #expect(host.count(.ipv4FragmentEvicted) == 0)
      // The first to come for the peer took the place of one of them.
      #expect(host.count(.udpQueueFull) == refused + (count < 4 ? 0 : 1))
      var left = 0
      while host.received(unread) != nil { left += 1 }
      #expect(left == min(count, count < 4 ? 4 : 3))
    }
  }

  /// The large ones among small ones are what goes, the oldest first, and the
  /// others keep their order.
  @Test func unreadLargeDatagram_thatGoes_isTheOldestOfWhoHasMost() throws {
    try withHost { host in
      try host.introducePeer()
      let socket = try host.bind(port: 9000)
      let other = try host.bind(port: 7)
      for number in 0..<4 as Range<UInt8> {
        host.receive(Frames.udpFrame(port: 9000, [number]))
        flood(host, port: 9000, number)
      }
      flood(host, port: 7, 50)
      #expect(host.received(other)?.bytes.count == 3000)
      var sizes: [Int] = []
      while let next = host.received(socket) { sizes.append(next.bytes.count) }
      #expect(sizes == [1, 1, 3000, 1, 3000, 1, 3000])
      // All are free again.
      for number in 60..<64 as Range<UInt8> { flood(host, port: 9000, number) }
      #expect(host.count(.udpQueueFull) == 1)
      host.stack.unbindDatagrams(socket)
      for number in 70..<74 as Range<UInt8> { flood(host, port: 7, number) }
      #expect(host.count(.udpQueueFull) == 1)
    }
  }

  /// Connections with large segments out of order, that came in parts, hold
  /// slots of the stack's own.
  @Test(arguments: [1, 9, 20])
  func segmentsOutOfOrderInParts_keepNobodyOut(count: Int) throws {
    try withHost(packets: 512) { host in
      try host.introducePeer()
      let read = try host.bind(port: 7)
      let listener = try host.stack.listen(port: 80, backlog: 100)
      var first: (id: ConnectionID, acknowledgement: UInt32)?
      for number in 0..<count {
        let port = UInt16(20000 + number)
        host.receive(
          Frames.tcpFrame(sourcePort: port, port: 80, sequence: 99, flags: 2)
        )
        let answer = try #require(host.sent().last)
        let initial =
          UInt32(answer.word(at: 38)) << 16 | UInt32(answer.word(at: 40))
        host.receive(
          Frames.tcpFrame(
            sourcePort: port,
            port: 80,
            sequence: 100,
            acknowledgement: initial &+ 1,
            flags: 0x10
          )
        )
        let accepted = host.stack.accept(listener)
        let id = try #require(accepted)
        if first == nil { first = (id, initial &+ 1) }
        let segment = Frames.tcpFrame(
          sourcePort: port,
          port: 80,
          sequence: 101,
          acknowledgement: initial &+ 1,
          flags: 0x10,
          payload
        )
        let parts = parts(
          Array(segment[34...]),
          of: 1480,
          protocol: 6,
          identification: UInt8(number)
        )
        for part in parts { host.receive(part) }
        _ = host.sent()
      }
      #expect(host.counters.reassembled == UInt64(count))
      for number in 100..<120 as Range<UInt8> {
        #expect(answersLargeEcho(host, number))
        let parts = parts(datagram, of: 1480, identification: number)
        for part in parts { host.receive(part) }
        #expect(host.received(read)?.bytes == payload)
      }
      #expect(host.count(.noBuffer) == 0)
      // What was kept is there once the byte before it has come.
      let (id, acknowledgement) = try #require(first)
      host.receive(
        Frames.tcpFrame(
          sourcePort: 20000,
          port: 80,
          sequence: 100,
          acknowledgement: acknowledgement,
          flags: 0x10,
          [1]
        )
      )
      let text = text(of: id, host)
      #expect(text == [1] + payload)
    }
  }

  /// A segment of the largest datagram that there is, in order.
  @Test func largestSegmentInParts_isTakenAsFarAsTheWindowGoes() throws {
    try withHost(packets: 512) { host in
      let listener = try host.stack.listen(port: 80, backlog: 1)
      try host.introducePeer()
      host.receive(Frames.tcpFrame(port: 80, sequence: 99, flags: 2))
      let answer = try #require(host.sent().last)
      let initial =
        UInt32(answer.word(at: 38)) << 16 | UInt32(answer.word(at: 40))
      let large = (0..<65515 - 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let segment = Frames.tcpFrame(
        port: 80,
        sequence: 100,
        acknowledgement: initial &+ 1,
        flags: 0x10,
        large
      )
      let parts = parts(Array(segment[34...]), of: 1480, protocol: 6)
      for part in parts { host.receive(part) }
      let accepted = host.stack.accept(listener)
      let id = try #require(accepted)
      let text = text(of: id, host)
      #expect(text.count > 20000)
      #expect(text[...] == large.prefix(text.count))
    }
  }

  @Test func noSlotOfTheStack_theDatagramIsDropped_andCounted() throws {
    try withHost(packets: 8) { host in
      let socket = try host.bind(port: 7)
      let small = Frames.udp(port: 40000, port: 7, Array(payload.prefix(64)))
      let parts = parts(small, of: 40)
      host.receive(parts[0])
      var taken = PacketQueue()
      while host.pool.available > 1, let packet = host.pool.allocate() {
        taken.append(packet)
      }
      host.receive(parts[1])
      #expect(host.count(.noBuffer) == 1)
      #expect(host.received(socket) == nil)
    }
  }
}
