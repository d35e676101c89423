import Packets
import Testing

@testable import Net

@Suite struct ClasslessRouteTests {
  private func parse(_ text: String) throws(DropReason) -> [ClasslessRoute] {
    try ClasslessRoute.parse(hex(text).rawBytes).routes
  }

  /// RFC 3442's own table of widths, each over 10.0.2.2.
  @Test(
    arguments: [
      ("00", IPv4Address.any, 0),
      ("08 0a", IPv4Address(10, 0, 0, 0), 8),
      ("18 0a0000", IPv4Address(10, 0, 0, 0), 24),
      ("10 0a11", IPv4Address(10, 17, 0, 0), 16),
      ("18 0a1b81", IPv4Address(10, 27, 129, 0), 24),
      ("19 0a e5 00 80", IPv4Address(10, 229, 0, 128), 25),
      ("20 0ac67a2f", IPv4Address(10, 198, 122, 47), 32),
    ]
  )
  func widths(_ wire: String, _ destination: IPv4Address, _ length: Int) throws
  {
    let gateway = IPv4Address(10, 0, 2, 2)
    #expect(
      try parse(wire + " 0a000202") == [
        ClasslessRoute(destination, prefixLength: length, gateway: gateway)
      ]
    )
  }

  @Test func bitsBeyondTheWidth_areCleared() throws {
    let route = try parse("14 0affff 0a000202")[0]
    #expect(route.destination == IPv4Address(10, 255, 240, 0))
    #expect(
      ClasslessRoute(.broadcast, prefixLength: 0, gateway: nil).destination
        == .any
    )
    #expect(
      ClasslessRoute(.broadcast, prefixLength: 32, gateway: nil).destination
        == .broadcast
    )
  }

  @Test func noGateway_isOnTheLink() throws {
    let route = try parse("10 a9fe 00000000")[0]
    #expect(route.gateway == nil)
    #expect(route.destination == IPv4Address(169, 254, 0, 0))
  }

  @Test func several_keepTheirOrder_andAreBounded() throws {
    let two = try parse("18 c00002 0a000201  00 0a000202")
    #expect(two.map(\.prefixLength) == [24, 0])
    let many = String(repeating: "08 0a 0a000202 ", count: 42)
    #expect(try parse(many).count == ClasslessRoute.limit)
  }

  /// Whatever else there is, without the default there is no way out.
  @Test(arguments: [0, 5, 16, 17, 30])
  func tooMany_areCounted_butTheDefaultIsKept(before: Int) throws {
    let one = "08 0a 0a000202 "
    let text =
      String(repeating: one, count: before) + "00 0a000203 "
      + String(repeating: one, count: 30 - before)
    let parsed = try ClasslessRoute.parse(hex(text).rawBytes)
    #expect(parsed.routes.count == 17)
    #expect(parsed.omitted == 14)
    #expect(
      parsed.routes.firstIndex { $0.prefixLength == 0 } == min(before, 16)
    )
    // A second default is worth no more than any other.
    let again = try ClasslessRoute.parse(hex(text + "00 0a000204").rawBytes)
    #expect(again.routes == parsed.routes)
    #expect(again.omitted == 15)
  }

  @Test(
    arguments: [
      "",
      "21 0a000000 00 0a000202",  // 33 bits
      "ff 0a000202",
      "00 0a0002",  // cut short
      "18 0a00 0a000202",
      "20 0a000000",
      "08 0a 7f000001",  // no neighbour has that
      "08 0a ffffffff",
      "08 0a e0000001",
      "08 0a 0a000202 08",  // the second is cut short
    ]
  )
  func malformed_isRefused(_ wire: String) {
    #expect(throws: DropReason.dhcpOptionMalformed) { try parse(wire) }
  }
}
