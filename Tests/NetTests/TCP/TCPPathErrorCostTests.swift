import Packets
import Testing

@testable import Net

/// What errors of the way cost when they say nothing new.
@Suite struct TCPPathErrorCostTests {
  /// To look at each connection costs as much as there are: that is done for the
  /// first of a thousand that say the same, and for no other.
  @Test func nothingNew_isNoReasonToLookAtAll() throws {
    try withHost { host in
      try host.introducePeer(Hosts.gateway, Hosts.gatewayAddress)
      var syn: [UInt8] = []
      for port in 1000..<1100 as Range<UInt16> {
        let remote = Endpoint(address: Hosts.remoteAddress, port: port)
        _ = try host.stack.connect(to: remote, at: .at(0))
        syn = host.sent().last ?? syn
      }
      let header = Array(syn[14..<34])
        .replacing(at: 2, with: [0x05, 0xDC])
        .replacing(at: 10, with: [0, 0])
      let quote =
        header.replacing(at: 10, with: Frames.bytes(checksum(header)))
        + syn[34..<42]
      let frame = Frames.ethernet(
        from: Hosts.gateway,
        Frames.ipv4(
          protocol: 1,
          from: Hosts.gatewayAddress,
          Frames.icmp(type: 3, code: 4, rest: 1400, quote)
        )
      )
      for _ in 0..<1000 { host.receive(frame) }
      #expect(host.counters.pathMTUsLowered == 1)
      #expect(host.stack.tcp.counters.pathScans == 1)
    }
  }
}
