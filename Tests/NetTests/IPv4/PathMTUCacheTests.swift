import Testing

@testable import Net

extension PathMTUCache {
  /// What is believed of the way to `destination` when a datagram of `length`
  /// bytes was too large there, if that is less than was known.
  fileprivate mutating func lower(
    to destination: IPv4Address,
    reported: Int,
    length: Int,
    at now: Instant
  ) -> Int? {
    guard let mtu = plausible(reported: reported, length: length),
      lower(to: destination, mtu: mtu, at: now)
    else { return nil }
    return mtu
  }
}

@Suite struct PathMTUCacheTests {
  private let host = Hosts.remoteAddress

  /// Reported MTU, length of what was too large, and what is believed.
  @Test(
    arguments: [
      (1400, 1500, 1400), (1499, 1500, 1499),
      // No less than the floor.
      (551, 1500, 552), (68, 1500, 552), (1, 1500, 552),
      // Nothing said, or nothing that can be: the next plateau.
      (0, 1500, 1492), (1500, 1500, 1492), (65535, 1500, 1492),
      (0, 1492, 1006), (0, 1006, 552), (0, 65535, 32000),
      // What is at the floor is not too large.
      (0, 552, nil), (100, 552, nil), (100, 100, nil),
    ] as [(Int, Int, Int?)]
  )
  func lower(_ reported: Int, _ length: Int, _ expected: Int?) {
    var cache = PathMTUCache(limits: Limits(), floor: 552)
    let mtu = cache.lower(
      to: host,
      reported: reported,
      length: length,
      at: .at(0)
    )
    #expect(mtu == expected)
    #expect(cache.mtu(to: host, at: .at(1)) == expected)
    #expect(cache.mtu(to: Hosts.peerAddress, at: .at(1)) == nil)
  }

  @Test func neverRaised_andForgottenAfterTenMinutes() {
    var cache = PathMTUCache(limits: Limits(), floor: 552)
    _ = cache.lower(to: host, reported: 1000, length: 1500, at: .at(0))
    let raised = cache.lower(to: host, reported: 1400, length: 1500, at: .at(9))
    #expect(raised == nil)
    #expect(cache.mtu(to: host, at: .at(599)) == 1000)
    #expect(cache.path(to: host, at: .at(599))?.expiry == .at(600))
    #expect(cache.mtu(to: host, at: .at(600)) == nil)
    let anew = cache.lower(to: host, reported: 1400, length: 1500, at: .at(600))
    #expect(anew == 1400)
  }

  @Test func flood_isBounded() {
    var cache = PathMTUCache(limits: Limits(), floor: 552)
    for index in 0..<1000 as Range<UInt32> {
      let address = IPv4Address(bits: 0xC000_0200 + index)
      _ = cache.lower(
        to: address,
        reported: 1000,
        length: 1500,
        at: .at(Double(index))
      )
    }
    #expect(cache.count == 32)
    let newest = IPv4Address(bits: 0xC000_0200 + 999)
    #expect(cache.mtu(to: newest, at: .at(1000)) == 1000)
  }
}
