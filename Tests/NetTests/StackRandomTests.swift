import Net
import Packets
import Testing

/// Packets that nobody would send: the stack must neither trap nor hang nor
/// lose a buffer, whatever comes.
@Suite struct StackRandomTests {
  /// Frames that get far, to be spoilt.
  private func samples() -> [[UInt8]] {
    [
      Frames.echoRequest([1, 2, 3, 4, 5, 6, 7, 8]),
      Frames.udpFrame(port: 7, [1, 2, 3]),
      Frames.udpFrame(port: 8, [UInt8](repeating: 1, count: 900)),
      Frames.tcpFrame(port: 7, sequence: 1, flags: 2),
      Frames.tcpFrame(port: 9, sequence: 1, flags: 16),
      Frames.ethernet(Frames.ipv4(protocol: 132, [1, 2, 3, 4])),
      Frames.ethernet(
        Frames.ipv4(
          protocol: 17,
          options: [7, 7, 4, 0, 0, 0, 0, 0],
          Frames.udp(port: 1, port: 7, [1])
        )
      ),
      Frames.arp(
        operation: 1,
        from: Hosts.peer,
        Hosts.peerAddress,
        Hosts.ourAddress
      ),
      Frames.arp(
        operation: 2,
        from: Hosts.peer,
        Hosts.peerAddress,
        for: Hosts.our,
        Hosts.ourAddress,
        frameTo: Hosts.our
      ),
      Frames.ethernet(
        Frames.ipv4(
          protocol: 1,
          Frames.icmp(
            type: 3,
            code: 3,
            Array(
              Frames.udpFrame(
                from: Hosts.ourAddress,
                to: Hosts.peerAddress,
                port: 9,
                [1]
              )[14...]
            )
          )
        )
      ),
    ]
  }

  /// The answers to the last DHCP message among `frames`.
  private func answers(to frames: [[UInt8]]) -> [[UInt8]] {
    let last = frames.last {
      $0.word(at: 12) == 0x0800 && $0[23] == 17 && $0.word(at: 36) == 67
    }
    guard let last else { return [] }
    var server = DHCPServer()
    server.leaseSeconds = 20
    return [DHCPServer.offer, DHCPServer.acknowledge, DHCPServer.refuse]
      .map { server.reply($0, to: SentDHCP(last)) }
  }

  /// Spoils the frame, and then makes the checksums right again, or else
  /// nothing would come past them.
  private func spoil(
    _ frame: [UInt8],
    _ numbers: inout RandomNumbers
  ) -> [UInt8] {
    var frame = frame
    for _ in 0..<Int(numbers.next() % 4) {
      let offset = 12 + Int(numbers.next() % UInt64(frame.count - 12))
      frame[offset] = UInt8(truncatingIfNeeded: numbers.next())
    }
    if numbers.next() % 4 == 0 {
      frame.removeLast(Int(numbers.next() % UInt64(frame.count)))
    }
    guard numbers.next() % 4 != 0, frame.count >= 34 else { return frame }
    let length = Int(frame[14] & 0xF) * 4
    guard length >= 20, frame.count >= 14 + length else { return frame }
    frame = frame.replacing(at: 24, with: [0, 0])
    let sum = checksum(Array(frame[14..<(14 + length)]))
    frame = frame.replacing(at: 24, with: Frames.bytes(sum))
    let payload = 14 + length
    switch frame[23] {
    case 1 where frame.count >= payload + 4:
      frame = frame.replacing(at: payload + 2, with: [0, 0])
      let sum = checksum(Array(frame[payload...]))
      frame = frame.replacing(at: payload + 2, with: Frames.bytes(sum))
    case 17 where frame.count >= payload + 8:
      frame = frame.replacing(at: payload + 6, with: [0, 0])
    default:
      break
    }
    return frame
  }

  @Test(
    arguments: 0..<8 as Range<UInt64>,
    [false, true]
  )
  func spoiltFrames(_ seed: UInt64, _ isDynamic: Bool) throws {
    var configuration: StackConfiguration = isDynamic ? .dynamic : .fixed
    configuration.limits.neighbours = 8
    var numbers = RandomNumbers(seed: SipHash.Key(seed, 99))
    try withHost(configuration) { host in
      let samples = samples()
      var replies: [[UInt8]] = []
      let socket = try host.bind(port: 7)
      _ = try host.stack.listen(port: 7, backlog: 4)
      var now = 0.0
      for round in 0..<2000 {
        let all = samples + replies
        let sample = all[Int(numbers.next() % UInt64(all.count))]
        let frame = spoil(sample, &numbers)
        host.receive(
          frame,
          at: now,
          headroom: Int(numbers.next() % 100)
        )
        if round % 7 == 0 {
          now += Double(numbers.next() % 1000) / 500
          host.stack.poll(at: .at(now))
        }
        let heard = answers(to: host.sent(at: now))
        replies = heard.isEmpty ? replies : heard
        if round % 5 == 0 {
          _ = host.received(socket)
          #expect(host.events().count <= 8, "seed \(seed)")
        }
        if let deadline = host.deadline {
          #expect(
            deadline.seconds > now - 3,
            "seed \(seed) round \(round): a deadline is left behind"
          )
        }
      }
      // Some of them came through, and some did not.
      #expect(host.counters.dropped > 100, "seed \(seed)")
      #expect(host.counters.framesSent > 50, "seed \(seed)")
      #expect(host.counters.echoesAnswered > 0, "seed \(seed)")
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func noise(_ seed: UInt64) {
    var numbers = RandomNumbers(seed: SipHash.Key(seed, 98))
    withHost { host in
      for _ in 0..<2000 {
        let size = Int(numbers.next() % 200)
        var frame = (0..<size).map { _ in
          UInt8(truncatingIfNeeded: numbers.next())
        }
        if size >= 14 {
          frame = frame.replacing(at: 0, with: Frames.bytes(Hosts.our))
          let type: UInt16 = numbers.next() % 2 == 0 ? 0x0800 : 0x0806
          frame = frame.replacing(at: 12, with: Frames.bytes(type))
        }
        host.receive(frame)
        _ = host.sent()
      }
      #expect(host.counters.dropped == 2000, "seed \(seed)")
    }
  }

  @Test func everyReason_hasANameOfItsOwn_andIsInTheList() {
    var names: Set<String> = []
    StackCounters().forEach { name, value in
      names.insert("\(name)")
      #expect(value == 0)
    }
    #expect(DropReason.allCases.count <= 128)
    let counts = Mirror(reflecting: TCPCounters()).children.count
    #expect(names.count == 26 + DropReason.allCases.count + counts)
  }
}
