import Testing

@testable import Net

@Suite struct IPv4AddressTextTests {
  @Test(
    arguments: [
      ("0.0.0.0", IPv4Address.any), ("255.255.255.255", .broadcast),
      ("10.0.2.15", IPv4Address(10, 0, 2, 15)),
    ]
  )
  func address(_ text: String, _ expected: IPv4Address) {
    #expect(IPv4Address(text) == expected)
  }

  @Test(
    arguments: [
      "", ".", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", "1.2.3.4.5",
      "256.1.1.1", "1.2.3.400", "01.2.3.4", "00.0.0.0", "0x1.2.3.4", "1..2.3",
      " 1.2.3.4", "1.2.3.4 ", "-1.2.3.4", "1.2.3.a", "99999999999.1.1.1",
    ]
  )
  func noAddress(_ text: String) {
    #expect(IPv4Address(text) == nil)
  }
}
