import Net
import Packets
import Testing

@Suite struct PacketLineTests {
  private let pool = PacketPool(capacity: 2)

  private func line(_ frame: [UInt8], merged: Int = 0) -> String {
    var packet = pool.allocate()!
    packet.append(copying: frame.raw)
    packet.mergedSegmentSize = merged
    return String(decoding: PacketLine(packet).bytes, as: UTF8.self)
  }

  @Test(
    arguments: [
      (0x02, 0, "SYN seq 4294967295"),
      (0x12, 7, "SYN,ACK seq 4294967295 ack 7"),
      (0x19, 7, "FIN,PSH,ACK seq 4294967295 ack 7"),
      (0xE4, 7, "RST,URG,ECE,CWR seq 4294967295"),
      (0x00, 0, "no flags seq 4294967295"),
    ] as [(UInt8, UInt32, String)]
  )
  func tcp(_ flags: UInt8, _ acknowledged: UInt32, _ text: String) {
    let frame = Frames.tcpFrame(
      port: 7,
      sequence: .max,
      acknowledgement: acknowledged,
      flags: flags,
      [1, 2, 3]
    )
    #expect(
      line(frame) == "TCP 10.0.2.9:40000 > 10.0.2.15:7 \(text) win 64000"
        + " length 3"
    )
  }

  @Test func tcp_thatADeviceHasMerged() {
    let frame = Frames.tcpFrame(
      port: 7,
      sequence: 1,
      flags: 0x10,
      [UInt8](repeating: 0, count: 900)
    )
    #expect(
      line(frame, merged: 300)
        == "TCP 10.0.2.9:40000 > 10.0.2.15:7 ACK seq 1 ack 0 win 64000 length"
        + " 900 in segments of 300"
    )
  }

  @Test func padding_doesNotCount() {
    let frame = Frames.tcpFrame(port: 7, sequence: 1, flags: 0x02)
    #expect(line(frame + [0, 0, 0, 0, 0, 0]).hasSuffix(" length 0"))
  }

  @Test func udp() {
    #expect(
      line(Frames.udpFrame(port: 53, [1, 2]))
        == "UDP 10.0.2.9:40000 > 10.0.2.15:53 length 2"
    )
  }

  @Test func parts() {
    func part(_ field: [UInt8], _ payload: [UInt8]) -> [UInt8] {
      Frames.ethernet(
        Frames.ipv4(
          protocol: 17,
          change: { $0.replaceSubrange(6..<8, with: field) },
          payload
        )
      )
    }
    // A datagram that is longer than its first part.
    let first = hex("9c40 0035 0bb8 0000") + [UInt8](repeating: 1, count: 16)
    #expect(
      line(part([0x20, 0], first))
        == "UDP 10.0.2.9:40000 > 10.0.2.15:53 length 16 part of 4660 at 0"
    )
    #expect(
      line(part([0, 3], first))
        == "UDP 10.0.2.9 > 10.0.2.15 part of 4660 at 24 length 24"
    )
  }

  @Test func icmp() {
    func message(_ message: [UInt8]) -> String {
      line(Frames.ethernet(Frames.ipv4(protocol: 1, message)))
    }
    let ends = "ICMP 10.0.2.9 > 10.0.2.15"
    #expect(
      message(Frames.icmp(type: 8, rest: 0x0007_0001, [1, 2, 3, 4]))
        == "\(ends) echo request id 7 seq 1 length 4"
    )
    #expect(
      message(Frames.icmp(type: 0, rest: 0xFFFF_0002, []))
        == "\(ends) echo reply id 65535 seq 2 length 0"
    )
    #expect(
      message(Frames.icmp(type: 3, code: 4, rest: 1280, [1]))
        == "\(ends) unreachable code 4 length 1"
    )
    #expect(
      message(Frames.icmp(type: 11, [])) == "\(ends) time exceeded length 0"
    )
    #expect(
      message(Frames.icmp(type: 12, code: 1, []))
        == "\(ends) type 12 code 1 length 0"
    )
  }

  @Test func arp() {
    #expect(
      line(
        Frames.arp(
          operation: 1,
          from: Hosts.peer,
          Hosts.peerAddress,
          Hosts.ourAddress
        )
      ) == "ARP who has 10.0.2.15, says 10.0.2.9 at 52:54:00:00:00:09"
    )
    #expect(
      line(
        Frames.arp(
          operation: 2,
          from: Hosts.peer,
          Hosts.peerAddress,
          Hosts.ourAddress
        )
      ) == "ARP reply: 10.0.2.9 at 52:54:00:00:00:09"
    )
  }

  @Test func otherProtocols() {
    #expect(
      line(
        Frames.ethernet(Frames.ipv4(protocol: 2, hex("16 00 0000 e0000001")))
      )
        == "IGMP 10.0.2.9 > 10.0.2.15 type 0x16 length 8"
    )
    #expect(
      line(Frames.ethernet(Frames.ipv4(protocol: 132, [1])))
        == "IPv4 protocol 132 10.0.2.9 > 10.0.2.15 length 1"
    )
    #expect(
      line(Frames.ethernet(type: 0x86DD, [1, 2]))
        == "Ethernet 52:54:00:00:00:09 > 02:00:00:00:00:0f type 0x86dd length 2"
    )
  }

  /// Whatever is missing, there is a line, and what is shown is true.
  @Test func whatIsCutShort() {
    #expect(line([1, 2, 3]) == "Ethernet malformed length 3")
    #expect(line(Frames.ethernet([0x45])) == "IPv4 malformed length 1")
    #expect(
      line(Frames.ethernet(type: 0x0806, [0])) == "ARP malformed length 1"
    )
    for number in [6, 17, 1] as [UInt8] {
      let text = line(Frames.ethernet(Frames.ipv4(protocol: number, [1])))
      #expect(text.hasSuffix(" 10.0.2.9 > 10.0.2.15 malformed length 1"))
    }
    // The total length lies.
    let lying = Frames.ipv4(
      protocol: 17,
      change: { $0.replaceSubrange(2..<4, with: [0xFF, 0xFF]) },
      Frames.udp(port: 1, port: 2, [9])
    )
    #expect(
      line(Frames.ethernet(lying)) == "UDP 10.0.2.9:1 > 10.0.2.15:2 length 1"
    )
  }

  @Test func anyBytes_haveALine() {
    var random = SystemRandomNumberGenerator()
    let seed = random.next()
    var numbers = RandomNumbers(seed: SipHash.Key(seed, 0))
    for _ in 0..<2000 {
      let count = Int(numbers.next() % 100)
      var frame = (0..<count).map { _ in
        UInt8(truncatingIfNeeded: numbers.next())
      }
      if count > 24 {
        let type: [UInt8] = [8, numbers.next() % 4 == 0 ? 6 : 0, 0x45]
        frame.replaceSubrange(12..<15, with: type)
        frame[23] = [1, 2, 6, 17][Int(numbers.next() % 4)]
      }
      let text = line(frame)
      #expect(
        text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } && !text.isEmpty
          && text.utf8.count < 200,
        "seed \(seed): \(frame)"
      )
    }
  }
}
