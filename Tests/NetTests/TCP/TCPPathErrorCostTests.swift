import Net
import Packets
import Testing

/// What errors of the way cost when they say nothing new.
@Suite struct TCPPathErrorCostTests {
  /// How long a thousand of the same take, beside so many other connections:
  /// the least of three times, as others use the machine as well.
  private static func time(beside count: Int) throws -> Duration {
    var least = Duration.seconds(3600)
    try withHost { host in
      try host.introducePeer(Hosts.gateway, Hosts.gatewayAddress)
      var syn: [UInt8] = []
      for index in 0..<count {
        let remote = Endpoint(
          address: Hosts.remoteAddress,
          port: UInt16(1000 + index)
        )
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
      host.receive(frame)
      #expect(host.counters.pathMTUsLowered == 1)
      let clock = ContinuousClock()
      for _ in 0..<3 {
        let time = clock.measure {
          for _ in 0..<1000 { host.receive(frame) }
        }
        least = min(least, time)
      }
      _ = host.sent()
    }
    return least
  }

  /// A look at each connection would make it hundreds of times as much.
  @Test func nothingNew_costsTheSameAmongMany() throws {
    let few = try Self.time(beside: 10)
    let many = try Self.time(beside: 4000)
    #expect(many < few * 8, "\(few) beside 10, \(many) beside 4,000")
  }
}
