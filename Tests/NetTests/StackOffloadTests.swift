import Packets
import Testing

@testable import Net

/// Where frames meet a device that does a part of the work.
@Suite struct StackOffloadTests {
  private let remote = Endpoint(address: Hosts.peerAddress, port: 40000)

  private static var everything: LinkCapabilities {
    var capabilities = LinkCapabilities()
    capabilities.completesChecksums = true
    capabilities.largestSegmentation = 65_535
    capabilities.mostFragments = 18
    return capabilities
  }

  /// Runs `body` with a host that knows its peer, over a device that does
  /// everything.
  private func withCapableHost(_ body: (TestHost) throws -> Void) throws {
    try withHost { host in
      try host.introducePeer()
      host.stack.setCapabilities(Self.everything)
      try body(host)
    }
  }

  /// Hands up a frame that is cut at `cuts`, each piece in a slot of its own.
  private func receive(
    _ host: TestHost,
    _ frame: [UInt8],
    cut cuts: [Int],
    isVerified: Bool = false,
    at seconds: Double = 0
  ) {
    let ends = cuts + [frame.count]
    var packet = host.pool.allocate(headroom: 12)!
    packet.append(copying: Array(frame[..<ends[0]]).raw)
    for index in ends.indices.dropFirst() {
      var fragment = host.pool.allocate()!
      fragment.append(copying: Array(frame[ends[index - 1]..<ends[index]]).raw)
      packet.append(fragment: fragment)
    }
    packet.isChecksumVerified = isVerified
    host.stack.receive(packet, at: .at(seconds))
  }

  // MARK: Received

  @Test(arguments: [[42], [43, 45], [50, 50, 90], [34]])
  func datagramInPieces_isDeliveredWhole(cuts: [Int]) throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      let payload = pattern(101)
      receive(
        host,
        Frames.udpFrame(port: 7, payload) + [0, 0, 0],
        cut: cuts
      )
      #expect(host.received(socket)?.bytes == payload)
      #expect(host.counters.dropped == 0)
    }
  }

  @Test func datagramInPieces_wrongChecksum_isDropped() throws {
    try withHost { host in
      _ = try host.bind(port: 7)
      var frame = Frames.udpFrame(port: 7, pattern(101))
      frame[100] ^= 1
      receive(host, frame, cut: [60])
      #expect(host.count(.udpChecksum) == 1)
    }
  }

  @Test func verifiedDatagram_isNotSummedUp() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      var frame = Frames.udpFrame(port: 7, [1, 2, 3])
      frame[40] ^= 1
      receive(host, frame, cut: [], isVerified: true)
      #expect(host.received(socket)?.bytes == [1, 2, 3])
      receive(host, frame, cut: [43], isVerified: true)
      #expect(host.received(socket)?.bytes == [1, 2, 3])
    }
  }

  /// Datagrams that wait leave the last quarter of a device's slots free.
  @Test func datagrams_ofADevice_areCopiedWhenItIsShort() throws {
    let device = PacketPool(capacity: 16, slotSize: 16 * 1024)
    try withHost { host in
      let socket = try host.bind(port: 7)
      for number in 0..<20 as Range<UInt8> {
        var packet = device.allocate(headroom: 12)!
        packet.append(copying: Frames.udpFrame(port: 7, [number]).raw)
        host.stack.receive(packet, at: .at(0))
      }
      #expect(device.available == 4)
      var large = device.allocate(headroom: 12)!
      large.append(copying: Frames.udpFrame(port: 7, pattern(3000)).raw)
      host.stack.receive(large, at: .at(0))
      #expect(host.count(.noBuffer) == 1)
      for number in 0..<20 as Range<UInt8> {
        #expect(host.received(socket)?.bytes == [number])
      }
    }
    #expect(device.available == 16)
  }

  /// The header of IP is checked whatever the device says.
  @Test func verifiedDatagram_wrongIPHeader_isDropped() {
    withHost { host in
      var frame = Frames.udpFrame(port: 7, [1])
      frame[22] ^= 1
      receive(host, frame, cut: [42], isVerified: true)
      #expect(host.count(.ipv4Checksum) == 1)
    }
  }

  @Test func datagramLargerThanASlot_isDropped() throws {
    try withHost { host in
      let socket = try host.bind(port: 7)
      let frame = Frames.udpFrame(port: 7, pattern(3000))
      receive(host, frame, cut: [1000, 2000])
      #expect(host.count(.ipv4TooLarge) == 1)
      #expect(host.received(socket) == nil)
    }
  }

  @Test func datagramInPieces_noBuffer_isDropped() throws {
    try withHost(packets: 4) { host in
      _ = try host.bind(port: 7)
      var taken = PacketQueue()
      while host.pool.available > 2 { taken.append(host.pool.allocate()!) }
      receive(host, Frames.udpFrame(port: 7, [1, 2]), cut: [42])
      #expect(host.count(.noBuffer) == 1)
    }
  }

  @Test(arguments: [13, 14, 33, 40])
  func headersInTwoSlots_areDropped(cut: Int) {
    withHost { host in
      _ = host.sent()
      receive(
        host,
        Frames.tcpFrame(port: 7, sequence: 1, flags: 2),
        cut: [cut]
      )
      #expect(host.sent().isEmpty)
      let counters = host.counters
      #expect(counters.dropped + counters.tcp.malformed == 1)
    }
  }

  @Test func echoInPieces_isAnswered() throws {
    try withHost { host in
      try host.introducePeer()
      let data = pattern(200)
      receive(host, Frames.echoRequest(data), cut: [40, 77])
      let replies = host.sent()
      #expect(replies.count == 1)
      #expect(replies.first.map { Array($0[42...]) } == data)
    }
  }

  /// What a device says of a request is not said of the reply.
  @Test func echo_ofAVerifiedRequest_leavesNothingToTheDevice() throws {
    try withCapableHost { host in
      var packet = host.pool.allocate(headroom: 96)!
      packet.append(copying: Frames.echoRequest([1, 2, 3]).raw)
      packet.isChecksumVerified = true
      packet.mergedSegmentSize = 1000
      host.stack.receive(packet, at: .at(0))
      guard let reply = host.stack.transmit(at: .at(0)) else {
        Issue.record("no reply")
        return
      }
      let left = (reply.segmentation, reply.partialChecksum)
      #expect(left.0 == nil && left.1 == nil)
    }
  }

  // MARK: Sent

  /// Sends `payload` to a known peer, and returns the frame with what is left.
  private func datagram(
    _ host: TestHost,
    _ payload: [UInt8]
  ) throws -> (frame: [UInt8], partial: PacketBuffer.PartialChecksum?) {
    let socket = try host.bind(port: 7)
    #expect(try host.send(payload, from: socket, to: remote))
    guard let packet = host.stack.transmit(at: .at(0)) else { return ([], nil) }
    return (Array(copyingAll: packet), packet.partialChecksum)
  }

  @Test func datagram_leavesItsChecksum() throws {
    try withCapableHost { host in
      let (frame, partial) = try datagram(host, [1, 2, 3])
      #expect(partial == PacketBuffer.PartialChecksum(start: 34, field: 6))
      // 10.0.2.15, 10.0.2.9, protocol 17, length 11.
      #expect(
        checksum(hex("0a00020f 0a000209 0011 000b")) == ~frame.word(at: 40)
      )
      #expect(checksum(Array(frame[14..<34])) == 0)
    }
  }

  @Test func datagram_otherDevice_isCompleted() throws {
    try withCapableHost { host in
      let socket = try host.bind(port: 7)
      #expect(try host.send([1, 2, 3], from: socket, to: remote))
      host.stack.setCapabilities(LinkCapabilities())
      // Found well formed.
      #expect(host.sent().count == 1)
      #expect(host.counters.dropped == 0)
    }
  }

  /// DHCP servers read frames beneath their own stack.
  @Test func dhcp_completesItsChecksum() {
    var configuration = StackConfiguration.dynamic
    configuration.capabilities = Self.everything
    let pool = PacketPool(capacity: 16)
    do {
      let host = TestHost(configuration, pool: pool)
      let start = host.deadline!
      host.stack.poll(at: start)
      // Found well formed.
      #expect(host.sent(at: start.seconds).count == 1)
    }
    #expect(pool.available == 16)
  }

  /// A connection of the peer that has written `count` bytes.
  private func writer(
    _ host: TestHost,
    _ count: Int
  ) throws -> (ConnectionID, UInt32) {
    let listener = try host.stack.listen(port: 7, backlog: 4)
    host.receive(Frames.tcpFrame(port: 7, sequence: 1000, flags: 2))
    guard let answer = host.stack.transmit(at: .at(0)) else {
      throw NetworkError.closed
    }
    let sequence = Array(copyingAll: answer).long(at: 38) &+ 1
    host.receive(
      Frames.tcpFrame(
        port: 7,
        sequence: 1001,
        acknowledgement: sequence,
        flags: 0x10
      )
    )
    let accepted = host.stack.accept(listener)
    let id = try #require(accepted)
    let written = try host.stack.write(
      pattern(count).raw,
      to: id,
      at: .at(0)
    )
    #expect(written == count)
    return (id, sequence)
  }

  /// One packet for the device, whose headers are those of all it makes of it.
  @Test func superSegment_isOneFrame() throws {
    try withCapableHost { host in
      _ = try writer(host, 5 * 536)
      let before = host.counters
      guard let packet = host.stack.transmit(at: .at(0)) else {
        Issue.record("nothing sent")
        return
      }
      let frame = Array(copyingAll: packet)
      let left = (packet.segmentation, packet.partialChecksum)
      #expect(
        left.0
          == PacketBuffer.Segmentation(
            kind: .tcp4,
            segmentSize: 536,
            headerSize: 54
          )
      )
      #expect(left.1 == PacketBuffer.PartialChecksum(start: 34, field: 16))
      #expect(frame.count == 54 + 5 * 536)
      #expect(frame.word(at: 16) == UInt16(40 + 5 * 536))
      #expect(checksum(Array(frame[14..<34])) == 0)
      // The length of all of it: 20 and 2,680 bytes.
      #expect(
        checksum(hex("0a00020f 0a000209 0006 0a8c")) == ~frame.word(at: 50)
      )
      let after = host.counters
      #expect(after.framesSent - before.framesSent == 1)
      #expect(after.bytesSent - before.bytesSent == UInt64(frame.count))
      #expect(after.tcp.segmentsSent - before.tcp.segmentsSent == 5)
    }
  }

  /// RFC 6864 §4.1: what nobody may cut has none to be told apart by, and leaves
  /// them to others.
  @Test func superSegment_takesNoIdentification() throws {
    try withCapableHost { host in
      let (id, sequence) = try writer(host, 5 * 536)
      func identification() -> UInt16? {
        guard let packet = host.stack.transmit(at: .at(0)) else { return nil }
        return packet.bytes.bigEndian(at: 18)
      }
      #expect(identification() == 0)
      host.receive(
        Frames.tcpFrame(
          port: 7,
          sequence: 1001,
          acknowledgement: sequence + 5 * 536,
          flags: 0x10
        )
      )
      _ = try host.stack.write(pattern(1).raw, to: id, at: .at(0))
      #expect(identification() == 0)
    }
  }

  /// One that waited for a neighbour while the device changed.
  @Test func superSegment_otherDevice_isMadeAnew() throws {
    try withCapableHost { host in
      let (_, _) = try writer(host, 5 * 536)
      host.stack.setLink(up: false, at: .at(1))
      host.stack.setLink(up: true, at: .at(1))
      // The address is announced. The neighbour is forgotten: the segments
      // wait, and it is asked for, as it was not for a second.
      #expect(host.sent(at: 1).map { $0.word(at: 12) } == [0x0806, 0x0806])
      host.stack.setCapabilities(LinkCapabilities())
      host.receive(
        Frames.arp(
          operation: 2,
          from: Hosts.peer,
          Hosts.peerAddress,
          for: Hosts.our,
          Hosts.ourAddress,
          frameTo: Hosts.our
        ),
        at: 1
      )
      #expect(host.sent(at: 1).isEmpty)
      #expect(host.count(.linkChanged) == 1)
      let timeout = try #require(host.deadline)
      host.stack.poll(at: timeout)
      let again = host.sent(at: timeout.seconds)
      #expect(again.map(\.count) == [54 + 536])
    }
  }
}
