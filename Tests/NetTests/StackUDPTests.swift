import Net
import Packets
import Testing

@Suite struct StackUDPTests {
  private let peer = Endpoint(address: Hosts.peerAddress, port: 40000)

  // MARK: Receiving

  @Test func datagram_comesWithItsSource() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      host.receive(
        hex(
          """
          02000000000f 525400000009 0800
          4500 0020 1234 4000 4011 1082 0a000209 0a00020f
          9c40 0007 000c 78a2 6869 6a6b
          """
        )
      )
      guard case .datagrams(socket, .readable)? = host.events().first else {
        Issue.record("the socket is told nothing")
        return
      }
      let datagram = try #require(host.received(socket))
      #expect(datagram.source == peer)
      #expect(datagram.bytes == hex("6869 6a6b"))
      #expect(host.received(socket) == nil)
      #expect(host.counters.datagramsReceived == 1)
    }
  }

  @Test(arguments: [0, 1, 2, 3, 7, 8, 511, 1471, 1472])
  func everySize_isReceived(_ size: Int) throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      let data = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 13) }
      host.receive(Frames.udpFrame(port: 7, data))
      #expect(host.received(socket)?.bytes == data)
      #expect(host.counters.dropped == 0)
    }
  }

  @Test func withIPOptionsAndPadding_isCutRight() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      let datagram = Frames.udp(port: 40000, port: 7, [1, 2, 3])
      // Behind the UDP length, and behind the IP length.
      host.receive(
        Frames.ethernet(
          Frames.ipv4(
            protocol: 17,
            options: [1, 1, 1, 0],
            datagram + [9, 9]
          )
        ) + [8, 8, 8]
      )
      let received = try #require(host.received(socket))
      #expect(received.bytes == [1, 2, 3])
      #expect(received.source == peer)
    }
  }

  @Test func noChecksum_isTaken() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      let frame = Frames.udpFrame(port: 7, [1, 2, 3])
      host.receive(frame.replacing(at: 40, with: [0, 0]))
      #expect(host.received(socket)?.bytes == [1, 2, 3])
    }
  }

  @Test(arguments: [0, 1, 2, 3, 4, 33])
  func wrongBit_isFound(_ size: Int) throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      let data = [UInt8](repeating: 0x55, count: size)
      let frame = Frames.udpFrame(port: 7, data)
      for offset in 34..<frame.count where offset != 38 && offset != 39 {
        let bad = frame.replacing(at: offset, with: [frame[offset] ^ 0x10])
        host.receive(bad)
      }
      #expect(host.received(socket) == nil)
      #expect(host.count(.udpChecksum) == UInt64(frame.count - 36))
    }
  }

  @Test(arguments: [
    ("9c400007000c78", DropReason.udpTruncated),
    ("9c4000070000 0000", .udpLength),
    ("9c4000070007 0000", .udpLength),
    ("9c4000070009 0000", .udpLength),
    ("9c400007ffff 0000", .udpLength),
  ])
  func malformed_isDropped(_ bytes: String, _ reason: DropReason) throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      host.receive(Frames.ethernet(Frames.ipv4(protocol: 17, hex(bytes))))
      #expect(host.count(reason) == 1)
      #expect(host.received(socket) == nil)
      #expect(host.events().isEmpty)
    }
  }

  @Test func portZero_isNobodys() throws {
    try withHost { host in
      try host.introducePeer()
      host.receive(Frames.udpFrame(port: 0, [1]))
      #expect(host.count(.udpPortClosed) == 1)
    }
  }

  @Test func broadcasts_areReceived() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      for (index, address) in [
        IPv4Address.broadcast, IPv4Address(10, 0, 2, 255),
      ].enumerated() {
        host.receive(
          Frames.udpFrame(
            to: address,
            port: 7,
            hardware: .broadcast,
            [UInt8(index)]
          )
        )
      }
      #expect(host.received(socket)?.bytes == [0])
      #expect(host.received(socket)?.bytes == [1])
    }
  }

  @Test func slowApp_queueIsBounded_oldestStay() throws {
    var configuration = StackConfiguration.fixed
    configuration.limits.datagramsPerSocket = 3
    try withHost(configuration) { host in
      let socket = try host.bind(port: 1)
      for byte in 0..<5 as Range<UInt8> {
        host.receive(Frames.udpFrame(port: 1, [byte]))
      }
      #expect(host.count(.udpQueueFull) == 2)
      #expect(host.events().count == 1)
      for byte in 0..<3 as Range<UInt8> {
        #expect(host.received(socket)?.bytes == [byte])
      }
      #expect(host.received(socket) == nil)
    }
  }

  @Test func allTogether_whoHoldsMostGivesUpItsOldest() throws {
    var configuration = StackConfiguration.fixed
    configuration.limits.datagramsPerSocket = 3
    configuration.limits.datagrams = 4
    try withHost(configuration) { host in
      let first = try host.bind(port: 1)
      let second = try host.bind(port: 2)
      for byte in 0..<3 as Range<UInt8> {
        host.receive(Frames.udpFrame(port: 1, [byte]))
      }
      for byte in 0..<2 as Range<UInt8> {
        host.receive(Frames.udpFrame(port: 2, [byte]))
      }
      #expect(host.count(.udpQueueFull) == 1)
      // Both hold two: nobody has more than the one that would get it.
      host.receive(Frames.udpFrame(port: 2, [9]))
      #expect(host.count(.udpQueueFull) == 2)
      #expect(host.received(first)?.bytes == [1])
      host.receive(Frames.udpFrame(port: 2, [2]))
      #expect(host.count(.udpQueueFull) == 2)
      #expect(host.received(first)?.bytes == [2])
      #expect(host.received(first) == nil)
      for byte in 0..<3 as Range<UInt8> {
        #expect(host.received(second)?.bytes == [byte])
      }
      #expect(host.received(second) == nil)
    }
  }

  /// As of apps that only send.
  @Test func socketsThatNobodyReads_keepNoOtherFromHearing() throws {
    try withHost { host in
      _ = [try host.bind(port: 1000), try host.bind(port: 1001)]
      let third = try host.bind(port: 50000)
      for port in [1000, 1001] as [UInt16] {
        for _ in 0..<64 { host.receive(Frames.udpFrame(port: port, [1])) }
      }
      for byte in 0..<40 as Range<UInt8> {
        host.receive(Frames.udpFrame(port: 50000, [byte]))
      }
      for byte in 0..<40 as Range<UInt8> {
        #expect(host.received(third)?.bytes == [byte])
      }
      #expect(host.count(.udpQueueFull) == 40)
    }
  }

  @Test func manyDatagrams_oneEvent() throws {
    try withHost { host in
      _ = try host.bind(port: 7)
      for _ in 0..<10 {
        host.receive(Frames.udpFrame(port: 7, [1]))
      }
      #expect(host.events().count == 1)
      host.receive(Frames.udpFrame(port: 7, [1]))
      #expect(host.events().count == 1)
    }
  }

  // MARK: Sending

  @Test func send_literalDatagram() throws {
    try withHost { host in
      try host.introducePeer()
      let socket = try host.bind(port: 7)
      #expect(
        try host.send(hex("6869 6a6b"), from: socket, to: peer)
      )
      #expect(
        host.sent().map(plain) == [
          hex(
            """
            525400000009 02000000000f 0800
            4500 0020 0000 0000 4011 0000 0a00020f 0a000209
            0007 9c40 000c 78a2 6869 6a6b
            """
          )
        ]
      )
    }
  }

  @Test(arguments: [0, 1, 2, 3, 1471, 1472])
  func everySize_isSent(_ size: Int) throws {
    try withHost { host in
      try host.introducePeer()
      let socket = try host.bind(port: 7)
      let data = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 13) }
      _ = try host.send(data, from: socket, to: peer)
      #expect(host.sent().map { Array($0[42...]) } == [data])
    }
  }

  @Test func checksumOfZero_isSentAsOnes() throws {
    try withHost { host in
      try host.introducePeer()
      let socket = try host.bind(port: 7)
      // The word makes the sum of everything ffff.
      let sum = Frames.udp(
        from: Hosts.ourAddress,
        port: 7,
        to: Hosts.peerAddress,
        port: 40000,
        [0, 0]
      ).word(at: 6)
      _ = try host.send(Frames.bytes(sum), from: socket, to: peer)
      #expect(host.sent().map { $0.word(at: 40) } == [0xFFFF])
    }
  }

  @Test func tooLarge_isRefused() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      let largest = host.stack.largestDatagram
      #expect(largest == 65507)
      let data = [UInt8](repeating: 0, count: 65508)
      #expect(throws: NetworkError.messageTooLarge) {
        try host.send(data, from: socket, to: peer)
      }
    }
  }

  @Test func broadcasts_areSentToAll() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      for address in [IPv4Address.broadcast, IPv4Address(10, 0, 2, 255)] {
        _ = try host.send(
          [1],
          from: socket,
          to: Endpoint(address: address, port: 9)
        )
      }
      let sent = host.sent()
      #expect(sent.count == 2)
      #expect(sent.allSatisfy { $0[..<6] == hex("ffffffffffff")[...] })
      #expect(
        sent.map { Array($0[30..<34]) } == [
          [255, 255, 255, 255], [10, 0, 2, 255],
        ]
      )
    }
  }

  @Test func fullDevice_pushesBack_andTellsOfRoom() throws {
    var configuration = StackConfiguration.fixed
    configuration.limits.unsentDatagramsPerSocket = 2
    try withHost(configuration) { host in
      try host.introducePeer()
      let socket = try host.bind(port: 7)
      func send() throws -> Bool {
        try host.send([1], from: socket, to: peer)
      }
      #expect(try send())
      #expect(try send())
      #expect(try !send())
      #expect(host.events().isEmpty)
      #expect(host.sent().count == 2)
      guard case .datagrams(socket, .writable)? = host.events().first else {
        Issue.record("the socket is not told")
        return
      }
      #expect(try send())
      #expect(host.sent().count == 1)
      #expect(host.events().isEmpty)
    }
  }

  @Test func noBuffer_pushesBackUntilThereIsOne() throws {
    try withHost { host in
      try host.introducePeer()
      let socket = try host.bind(port: 7)
      var held = PacketQueue()
      while let packet = host.pool.allocate() {
        held.append(packet)
      }
      #expect(
        try !host.send([1], from: socket, to: peer)
      )
      #expect(host.sent().isEmpty)
      #expect(host.events().isEmpty)
      // One for it, and as many stay free.
      _ = held.popFirst()
      #expect(host.sent().isEmpty)
      #expect(host.events().isEmpty)
      _ = held.popFirst()
      #expect(host.sent().isEmpty)
      #expect(host.events().count == 1)
      #expect(try host.send([1], from: socket, to: peer))
    }
  }

  @Test func sockets_takeTurns() throws {
    try withHost { host in
      try host.introducePeer()
      let first = try host.bind(port: 1)
      let second = try host.bind(port: 2)
      for (socket, byte) in [(first, 1), (first, 2), (first, 3), (second, 9)]
        as [(SocketID, UInt8)]
      {
        _ = try host.send([byte], from: socket, to: peer)
      }
      let order = host.sent().map(\.last)
      #expect(order.firstIndex(of: 9)! <= 1)
      #expect(order.filter { $0 != 9 } == [1, 2, 3])
    }
  }

  // MARK: Ports

  @Test func samePort_isRefused_untilItIsFree() throws {
    try withHost { host in
      let first = try host.bind(port: 7)
      #expect(throws: NetworkError.addressInUse) {
        try host.bind(port: 7)
      }
      host.stack.unbindDatagrams(first)
      let second = try host.bind(port: 7)
      #expect(first != second)
      // The old name is nobody's.
      #expect(host.localPort(of: first) == nil)
      #expect(host.localPort(of: second) == 7)
      host.receive(Frames.udpFrame(port: 7, [1]))
      #expect(host.received(first) == nil)
      #expect(throws: NetworkError.closed) {
        try host.send([1], from: first, to: peer)
      }
      #expect(host.received(second)?.bytes == [1])
    }
  }

  @Test func portOfTheDHCPClient_isTaken() throws {
    withHost(.dynamic) { host in
      #expect(throws: NetworkError.addressInUse) { try host.bind(port: 68) }
    }
    try withHost { host in
      let socket = try host.bind(port: 68)
      #expect(host.localPort(of: socket) == 68)
    }
  }

  @Test func anyPort_isEphemeral_andFree() throws {
    var configuration = StackConfiguration.fixed
    configuration.limits.sockets = 200
    try withHost(configuration) { host in
      var ports: Set<UInt16> = []
      for _ in 0..<200 {
        let socket = try host.bind(port: 0)
        let port = try #require(host.localPort(of: socket))
        #expect(port >= 49152)
        ports.insert(port)
      }
      #expect(ports.count == 200)
      #expect(ports.sorted() != (ports.min()!...ports.max()!).map { $0 })
      #expect(throws: NetworkError.limitReached) {
        try host.bind(port: 0)
      }
    }
  }

  @Test func unbind_dropsWhatWaits() throws {
    try withHost { host in
      try host.introducePeer()
      let socket = try host.bind(port: 7)
      host.receive(Frames.udpFrame(port: 7, [1]))
      for _ in 0..<3 {
        _ = try host.send([1], from: socket, to: peer)
      }
      host.stack.unbindDatagrams(socket)
      host.stack.unbindDatagrams(socket)
      #expect(host.count(.udpSocketClosed) == 4)
      #expect(host.sent().isEmpty)
      #expect(host.events().isEmpty)
    }
  }

  @Test func unbind_givesItsShareOfTheDatagramsBack() throws {
    var configuration = StackConfiguration.fixed
    configuration.limits.datagrams = 2
    try withHost(configuration) { host in
      for _ in 0..<3 {
        let socket = try host.bind(port: 7)
        host.receive(Frames.udpFrame(port: 7, [1]))
        host.receive(Frames.udpFrame(port: 7, [2]))
        host.stack.unbindDatagrams(socket)
      }
      #expect(host.count(.udpQueueFull) == 0)
    }
  }

  @Test func beforeAnAddress_sendIsRefused() throws {
    try withHost(.dynamic) { host in
      let socket = try host.bind(port: 7)
      #expect(throws: NetworkError.noAddress) {
        try host.send([1], from: socket, to: peer)
      }
    }
  }
}
