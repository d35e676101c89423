import Net
import Testing

@Suite struct IPAddressTests {
  static let loopback6 = IPAddress(high: 0, low: 1)
  static let global6 = IPAddress(high: 0x2001_0DB8_0000_0000, low: 9)
  static let group6 = IPAddress(high: 0xFF02 << 48, low: 1)

  @Test(arguments: [
    IPv4Address(10, 0, 2, 15), .any, .broadcast, IPv4Address(224, 0, 0, 251),
    IPv4Address(127, 0, 0, 1),
  ])
  func version4_staysWhatItIs(address: IPv4Address) {
    let mapped = IPAddress(address)
    #expect(mapped.ipv4 == address)
    #expect(mapped.isIPv4)
    #expect(
      mapped == IPAddress(high: 0, low: 0xFFFF << 32 | UInt64(address.bits))
    )
    #expect(mapped.isUnicast == address.isUnicast)
    #expect(mapped.isLoopback == address.isLoopback)
    #expect(mapped.isMulticast == address.isMulticast)
  }

  @Test(arguments: [
    loopback6, global6, group6, IPAddress(high: 0, low: 0),
    IPAddress(high: 0, low: 0xFFFE_0A00_0001),
    IPAddress(high: 1, low: 0xFFFF_0A00_0001),
  ])
  func version6_isNoVersion4(address: IPAddress) {
    #expect(address.ipv4 == nil)
    #expect(!address.isIPv4)
  }

  @Test func version6_kinds() {
    #expect(Self.global6.isUnicast)
    #expect(!Self.global6.isLoopback)
    #expect(!Self.global6.isMulticast)
    #expect(Self.loopback6.isLoopback)
    #expect(!Self.loopback6.isUnicast)
    #expect(Self.group6.isMulticast)
    #expect(!Self.group6.isUnicast)
    #expect(!IPAddress(high: 0, low: 0).isUnicast)
  }

  @Test func endpoint_ofEitherForm_isTheSame() {
    let address = IPv4Address(10, 0, 2, 15)
    #expect(
      Endpoint(address: address, port: 80)
        == Endpoint(address: IPAddress(address), port: 80)
    )
    #expect(
      Endpoint(address: address, port: 80)
        != Endpoint(address: address, port: 81)
    )
  }
}
