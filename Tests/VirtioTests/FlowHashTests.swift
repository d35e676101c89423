import Packets
import Testing

@testable import Virtio

/// What belongs together goes one way.
@Suite struct FlowHashTests {
  static func queue(_ bytes: [UInt8], of count: Int = 64) -> Int {
    let pool = PacketPool(capacity: 1)
    guard var packet = pool.allocate(headroom: 32) else { return -1 }
    packet.append(copying: bytes.rawBytes)
    return FlowHash.queue(for: packet, of: count)
  }

  /// Fragments beyond the first have no ports, so none may count.
  @Test func fragments_goWhereTheFirstGoes() {
    var first = MultiqueueTests.datagram(1, 0, toUs: false)
    first[20] = 0x20
    var second = MultiqueueTests.datagram(2, 0, toUs: false)
    second.replaceSubrange(26..<34, with: first[26..<34])
    second[21] = 3
    #expect(Self.queue(first) == Self.queue(second))
  }

  @Test func portsAndAddresses_count() {
    let queues = Set(
      (0..<40).map {
        Self.queue(MultiqueueTests.datagram($0, 0, toUs: false))
      }
    )
    #expect(queues.count > 15)
  }

  @Test func everyQueueNumber_isBelowTheCount() {
    for count in 1..<20 {
      for flow in 0..<40 {
        let bytes = MultiqueueTests.datagram(flow, 0, toUs: false)
        #expect(0..<count ~= Self.queue(bytes, of: count))
      }
    }
  }

  /// IPv6: the same with and without more behind the ports.
  @Test func ipv6_goesByAddressesAndPorts() {
    func packet(_ port: UInt8, _ payload: [UInt8]) -> [UInt8] {
      let head = octets(address(1)) + octets(address(2)) + [0x86, 0xDD]
      let ip: [UInt8] =
        [0x60, 0, 0, 0] + big(UInt16(20)) + [6, 64]
        + [UInt8](repeating: 1, count: 16) + [UInt8](repeating: 2, count: 16)
      return head + ip + [0, port, 0, 7] + payload
    }
    let one = Self.queue(packet(1, [1, 2, 3]))
    #expect(one == Self.queue(packet(1, [4])))
    #expect(Set((0..<40).map { Self.queue(packet($0, [])) }).count > 15)
  }

  /// No byte behind the end is read, whatever the headers claim.
  @Test func shortFrames_areHashedAllTheSame() {
    for full in [
      MultiqueueTests.datagram(1, 0, toUs: false),
      [UInt8](repeating: 0, count: 12) + [0x86, 0xDD]
        + [UInt8](repeating: 6, count: 60),
    ] {
      for count in 14...full.count {
        #expect(0..<64 ~= Self.queue(Array(full[..<count])))
      }
    }
    var options = MultiqueueTests.datagram(1, 0, toUs: false)
    options[14] = 0x4F
    #expect(0..<64 ~= Self.queue(options))
  }
}
