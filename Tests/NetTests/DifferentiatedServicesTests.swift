import Packets
import Testing

@testable import Net

@Suite struct DifferentiatedServicesTests {
  @Test func names_areThoseOfTheirRFCs() {
    #expect(DifferentiatedServices.standard.codepoint == 0)
    #expect(DifferentiatedServices.expedited.codepoint == 46)
    #expect(DifferentiatedServices.lowerEffort.codepoint == 1)
  }

  @Test(arguments: 0..<64 as Range<UInt8>)
  func header_isReadAsItIsWritten(codepoint: UInt8) throws {
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
      ecn: .capable0,
      differentiatedServices: DifferentiatedServices(codepoint: codepoint)
    )
    header.write(to: &target)
    #expect(packet.bytes.byte(at: 1) == codepoint * 4 + 2)
    let read = try IPv4Header(parsing: packet)
    #expect(read == header)
  }

  @Test func moreThanSixBits_trap() async {
    await #expect(processExitsWith: .failure) {
      _ = DifferentiatedServices(codepoint: 64)
    }
  }
}
