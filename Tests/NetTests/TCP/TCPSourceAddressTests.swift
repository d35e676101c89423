import Net
import Packets
import Testing

/// Which of our addresses a connection has when the app names none. RFC 9293
/// §3.9.1.1 (MUST-44, MUST-45).
@Suite struct TCPSourceAddressTests {
  /// It is that of the interface over which the route leads.
  @Test(arguments: 0..<2)
  func isOfTheInterfaceOfTheRoute(link: Int) throws {
    try withTwoLinks { links in
      try links.introduce(TwoLinks.peers[link], on: link)
      _ = try links.stack.connect(
        to: Endpoint(address: TwoLinks.peers[link], port: 80),
        at: .at(0)
      )
      let syn = try #require(links.datagrams(on: link).first)
      #expect(Array(syn[26..<30]) == Frames.bytes(TwoLinks.addresses[link]))
      #expect(links.datagrams(on: 1 - link).isEmpty)
    }
  }

  /// What follows has the same, though the route leads elsewhere since.
  @Test func stays() throws {
    try withTwoLinks { links in
      for link in 0..<2 {
        try links.introduce(TwoLinks.gateways[link], on: link)
      }
      let remote = Endpoint(address: Hosts.remoteAddress, port: 80)
      let id = try links.stack.connect(to: remote, at: .at(0))
      let syn = try #require(links.datagrams(on: 0).first)
      let ours = Frames.bytes(TwoLinks.addresses[0])
      #expect(Array(syn[26..<30]) == ours)
      try links.stack.addRoute(
        ClasslessRoute(
          Hosts.remoteAddress,
          prefixLength: 32,
          gateway: TwoLinks.gateways[1]
        ),
        on: 1
      )
      links.stack.poll(at: .at(1))
      let again = (0..<2).flatMap { links.datagrams(on: $0, at: 1) }
      #expect(!again.isEmpty)
      #expect(again.allSatisfy { Array($0[26..<30]) == ours })
      #expect(again.allSatisfy { $0[34..<36] == syn[34..<36] })
      links.stack.abort(id, at: .at(1))
    }
  }
}
