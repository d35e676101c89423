import Packets
import Testing

@testable import Net

/// What comes with a lease beside its address.
@Suite struct DHCPLeaseTests {
  private func lease(
    _ options: String,
    mtu: Int = 1500,
    router: [UInt8]? = [10, 0, 2, 2]
  ) throws -> (Lease, refused: Int) {
    let talk = DHCPConversation(mtu: mtu)
    var server = DHCPServer()
    server.router = router
    let lease = try talk.obtain(server, adding: hex(options))
    return (lease, talk.refusedOptions)
  }

  private let gateway = IPv4Address(10, 0, 2, 2)

  // MARK: Routes. RFC 3442

  @Test func classlessRoutes_silenceTheRouterOption() throws {
    let (lease, refused) = try lease(
      "79 0e 00 0a000263 10 a9fe 00000000 00",
      router: [10, 0, 2, 2]
    )
    // The last byte is a width without its gateway: all of it is refused.
    #expect(refused == 1)
    #expect(lease.gateway == gateway)
    #expect(lease.routes == [])

    let (other, none) = try self.lease("79 0c 00 0a000263 10 a9fe 00000000")
    #expect(none == 0)
    #expect(other.gateway == IPv4Address(10, 0, 2, 99))
    #expect(
      other.routes == [
        ClasslessRoute(
          IPv4Address(169, 254, 0, 0),
          prefixLength: 16,
          gateway: nil
        )
      ]
    )
  }

  @Test func classlessRoutesWithoutDefault_leaveNoGateway() throws {
    let (lease, _) = try lease("79 08 18 c00002 0a000263")
    #expect(lease.gateway == nil)
    #expect(lease.routes.count == 1)
    #expect(lease.routes[0].gateway == IPv4Address(10, 0, 2, 99))
  }

  @Test func routeOverOurselves_isLeftOut() throws {
    let (lease, _) = try lease("79 0d 00 0a00020f 18 c00002 0a00020f")
    #expect(lease.gateway == nil)
    #expect(lease.routes == [])
  }

  // MARK: The MTU. RFC 2132 §5.1

  @Test(
    arguments: [
      ("1a 02 05dc", 1500, 1500, 0),
      ("1a 02 0578", 1500, 1400, 0),
      ("1a 02 2328", 1500, 1500, 0),
      ("1a 02 2328", 9000, 9000, 0),
      ("1a 02 0044", 1500, 576, 0),
      ("1a 02 0000", 1500, 576, 0),
      ("", 1500, nil, 0),
      ("1a 01 05", 1500, nil, 1),
      ("1a 03 000578", 1500, nil, 1),
    ] as [(String, Int, Int?, Int)]
  )
  func mtu_isClamped(
    _ option: String,
    _ device: Int,
    _ expected: Int?,
    _ refusals: Int
  ) throws {
    let (lease, refused) = try lease(option, mtu: device)
    #expect(lease.mtu == expected)
    #expect(refused == refusals)
  }

  // MARK: Names and times

  @Test(
    arguments: [
      ("0f 03 612e62", ["a.b"], 0),
      ("0f 04 612e6200", ["a.b"], 0),  // a zero at the end
      ("0f 03 612e62 77 03 0163 00", ["c"], 0),
      ("77 03 0163 00", ["c"], 0),
      ("77 02 0163 0f 01 61", ["a"], 1),  // 119 is cut short
      ("0f 00", [], 1),
      ("0f 03 612e2e", [], 1),
      ("77 01 00 0f 01 61", ["a"], 0),  // only the root
      ("", [], 0),
    ] as [(String, [String], Int)]
  )
  func domains(_ options: String, _ expected: [String], _ refusals: Int) throws
  {
    let (lease, refused) = try lease(options)
    #expect(lease.searchList.domains.map(\.text) == expected)
    #expect(refused == refusals)
  }

  @Test(
    arguments: [
      ("2a 04 0a00027b", [IPv4Address(10, 0, 2, 123)], 0),
      (
        "2a 10 01010101 02020202 03030303 04040404",
        [
          IPv4Address(1, 1, 1, 1), IPv4Address(2, 2, 2, 2),
          IPv4Address(3, 3, 3, 3),
        ], 0
      ),
      ("2a 08 ffffffff 02020202", [IPv4Address(2, 2, 2, 2)], 0),
      ("2a 05 0a00027b 00", [], 1),
      ("2a 00", [], 1),
    ] as [(String, [IPv4Address], Int)]
  )
  func timeServers(
    _ option: String,
    _ expected: [IPv4Address],
    _ refusals: Int
  ) throws {
    let (lease, refused) = try lease(option)
    #expect(lease.timeServers == expected)
    #expect(refused == refusals)
  }

  @Test func renewal_bringsWhatIsNew() throws {
    let talk = DHCPConversation()
    try talk.bind()
    let renewal = talk.poll(at: 43200)[0]
    let answer =
      DHCPServer().message(5, to: renewal.message).dropLast()
      + hex("79 05 00 0a000263 1a 02 0514 ff")
    guard case .renewed(let lease) = try talk.receive(answer, at: 43200) else {
      Issue.record("it is not renewed")
      return
    }
    #expect(lease.gateway == IPv4Address(10, 0, 2, 99))
    #expect(lease.mtu == 1300)
    #expect(talk.client.lease == lease)
  }
}
