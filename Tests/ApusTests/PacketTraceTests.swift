import Net
import Packets
import Testing
import TestMachines

@testable import Apus

/// A host behind a trace, and what the trace says.
private final class TracedHost {
  let network = TestNetwork()
  var lines: [String] = []
  private(set) var trace = PacketTrace(name: "net") { _ in }

  init() throws {
    // The announcements of the addresses leave, and come back to their pools.
    try network.run()
    trace = PacketTrace(name: "net") { [unowned self] line in
      lines.append(String(decoding: line, as: UTF8.self))
    }
    // And what was counted then has its line.
    #expect(sent(at: 0) == 0)
    lines = []
  }

  var host: Host { network.server.host }

  func receive(_ frame: [UInt8], at seconds: Double) {
    var packet = network.server.pool.allocate(headroom: 12)!
    packet.append(copying: frame.rawBytes)
    trace.receive(packet, into: host, at: time(seconds))
  }

  /// Takes all that there is to send, and says how much that was.
  func sent(at seconds: Double) -> Int {
    var count = 0
    while take(at: time(seconds)) { count += 1 }
    return count
  }

  private func take(at now: Instant) -> Bool {
    guard let packet = trace.transmit(from: host, at: now) else {
      return false
    }
    return !packet.isEmpty
  }

  /// So long after a point at which all of that is over.
  func time(_ seconds: Double) -> Instant {
    Instant(nanoseconds: 100_000_000_000 + Int64((seconds * 1e9).rounded()))
  }

  /// An ARP request from 10.0.0.1.
  static let request: [UInt8] =
    [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4]
    + [0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2]
}

@Suite struct PacketTraceTests {
  @Test func what_comes_and_what_goes_has_a_line() throws {
    let traced = try TracedHost()
    traced.receive(TracedHost.request, at: 2.000_125)
    #expect(traced.sent(at: 2.000_250) == 1)
    #expect(
      traced.lines == [
        "net: 102.000125 in ARP who has 10.0.0.2, says 10.0.0.1 at"
          + " 02:00:00:00:00:01",
        "net: 102.000250 out ARP reply: 10.0.0.2 at 02:00:00:00:00:02",
      ]
    )
  }

  @Test func what_is_dropped_has_its_reason() throws {
    let traced = try TracedHost()
    traced.receive([1, 2, 3], at: 0)
    // A SYN to a port that nobody listens on, with a checksum that the device
    // has not looked at.
    var syn = TracedHost.request
    syn.replaceSubrange(0..<6, with: [2, 0, 0, 0, 0, 2])
    syn[13] = 0
    syn.replaceSubrange(
      14...,
      with: [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0x66, 0xCE, 10, 0, 0, 1]
        + [10, 0, 0, 2, 0, 9, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0]
        + [0, 0, 0, 0]
    )
    traced.receive(syn, at: 0)
    #expect(
      traced.lines == [
        "net: 100.000000 in Ethernet malformed length 3, dropped: ethernet:"
          + " truncated",
        "net: 100.000000 in TCP 10.0.0.1:9 > 10.0.0.2:8 SYN seq 1 win 256 length"
          + " 0, counted: tcp: checksum wrong",
      ]
    )
  }

  /// Nobody answers for 10.0.0.9, and in time what was for it is given up.
  @Test func what_time_brings_about_is_told() throws {
    let traced = try TracedHost()
    let socket = try traced.host.stack.bindDatagrams(port: 5)
    let ends = Endpoint(address: IPv4Address(10, 0, 0, 9), port: 6)
    _ = try traced.host.stack.send(
      [1].rawBytes,
      from: socket,
      to: ends,
      at: traced.time(0)
    )
    var requests = 0
    for second in 0..<10 {
      traced.host.poll(at: traced.time(Double(second)))
      requests += traced.sent(at: Double(second))
    }
    #expect(requests >= 2)
    #expect(traced.lines.count == requests + 1)
    let last = try #require(traced.lines.last)
    #expect(
      last.hasSuffix(" no packet, dropped: send: neighbour unreachable")
    )
    traced.host.stack.unbindDatagrams(socket)
  }

  @Test func a_flood_is_bounded_and_what_is_left_out_is_told() throws {
    let traced = try TracedHost()
    let most = PacketTrace.mostLinesPerSecond
    for number in 0..<(most + 300) {
      traced.receive([1], at: Double(number) / 10_000 + 1)
    }
    #expect(traced.lines.count == most)
    // Nothing more comes; the next look tells.
    traced.trace.look(at: traced.time(1.9))
    #expect(traced.lines.count == most)
    traced.trace.look(at: traced.time(2))
    #expect(traced.lines.last == "net: 102.000000 300 lines left out")
    traced.trace.look(at: traced.time(3))
    #expect(traced.lines.count == most + 1)
    // Nor is what was dropped meanwhile told as if it were of the next.
    for _ in 0..<(most + 1) { traced.receive([1], at: 4) }
    traced.receive(TracedHost.request, at: 5)
    #expect(traced.lines.dropLast().last == "net: 105.000000 1 lines left out")
    #expect(traced.lines.last?.contains("dropped") == false)
    #expect(traced.sent(at: 5) == 1)
  }

  /// Beyond the bound a packet goes its way all the same.
  @Test func what_has_no_line_is_handed_on() throws {
    let traced = try TracedHost()
    let most = PacketTrace.mostLinesPerSecond
    for _ in 0..<most { traced.receive([1], at: 1) }
    traced.receive(TracedHost.request, at: 1)
    #expect(traced.sent(at: 1) == 1)
    #expect(traced.lines.count == most)
    traced.trace.look(at: traced.time(2))
    #expect(traced.lines.last == "net: 102.000000 2 lines left out")
  }
}
