import Testing

@testable import Net

@Suite struct LeaseTests {
  private func lease(
    _ address: IPv4Address,
    _ prefixLength: Int,
    gateway: IPv4Address? = nil
  ) -> Lease {
    Lease(address: address, prefixLength: prefixLength, gateway: gateway)
  }

  @Test(arguments: [
    (1, 0x8000_0000 as UInt32, 0x7FFF_FFFF as UInt32?),
    (8, 0xFF00_0000, 0x0AFF_FFFF),
    (24, 0xFFFF_FF00, 0x0A00_02FF),
    (30, 0xFFFF_FFFC, 0x0A00_020F),
    (31, 0xFFFF_FFFE, nil),
    (32, 0xFFFF_FFFF, nil),
  ])
  func maskAndBroadcast(_ length: Int, _ mask: UInt32, _ all: UInt32?) {
    let lease = lease(IPv4Address(10, 0, 2, 13), length)
    #expect(lease.subnetMask.bits == mask)
    #expect(lease.directedBroadcast?.bits == all)
  }

  @Test(arguments: [
    (IPv4Address(10, 0, 2, 15), 24, true),
    (IPv4Address(10, 0, 2, 0), 24, false),
    (IPv4Address(10, 0, 2, 255), 24, false),
    (IPv4Address(10, 0, 2, 255), 16, true),
    (IPv4Address(10, 0, 2, 0), 31, true),
    (IPv4Address(10, 0, 2, 0), 32, true),
    (IPv4Address(10, 0, 2, 15), 0, false),
    (IPv4Address(0, 0, 0, 0), 24, false),
    (IPv4Address(127, 0, 0, 1), 8, false),
    (IPv4Address(224, 0, 0, 1), 24, false),
    (IPv4Address(255, 255, 255, 255), 32, false),
  ])
  func isUsable(_ address: IPv4Address, _ length: Int, _ expected: Bool) {
    #expect(lease(address, length).isUsable == expected)
  }
}
