import Packets
import Testing

@testable import Net

@Suite struct ECNCodepointTests {
  @Test func service_itsLowerBitsCount() {
    for service in UInt8.min...UInt8.max {
      #expect(ECNCodepoint(service: service).rawValue == service & 3)
    }
  }

  @Test(
    arguments: [
      ECNCodepoint.notCapable, .capable0, .capable1, .congestion,
    ],
    [true, false]
  )
  func header_isReadAsItIsWritten(
    ecn: ECNCodepoint,
    mayFragment: Bool
  ) throws {
    let pool = PacketPool(capacity: 1)
    var packet = pool.allocate()!
    packet.append(IPv4Header.size)
    var target = packet.mutableBytes
    let header = IPv4Header(
      protocolNumber: 6,
      identification: 7,
      source: Hosts.ourAddress,
      destination: Hosts.peerAddress,
      payloadLength: 0,
      ecn: ecn,
      mayFragment: mayFragment
    )
    header.write(to: &target)
    #expect(packet.bytes.byte(at: 1) == ecn.rawValue)
    #expect(packet.bytes.byte(at: 6) == (mayFragment ? 0 : 0x40))
    let read = try IPv4Header(parsing: packet)
    #expect(read == header)
  }

  @Test func congestion_isCounted() {
    let harness = TCPHarness()
    harness.receive(harness.packet(Segment(.syn, 0)), ecn: .congestion)
    harness.receive(harness.packet(Segment(.syn, 0)), ecn: .capable0)
    #expect(harness.tcp.counters.congestionExperienced == 1)
  }
}
