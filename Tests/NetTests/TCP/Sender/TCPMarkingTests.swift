import Packets
import Testing

@testable import Net

/// RFC 3168 §6.1, as a sender: what routers may mark, and what follows when
/// they do.
@Suite struct TCPMarkingTests {
  struct Sent: Equatable, CustomStringConvertible {
    var sequence: Int
    var ecn: ECNCodepoint
    var hasCWR: Bool

    var description: String { "\(sequence) \(ecn)\(hasCWR ? " CWR" : "")" }
  }

  /// Both ends use it; ten segments of 1,000 bytes are under way.
  static func busy() throws -> (TCPHarness, ConnectionID, [Sent]) {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    harness.tcp.slots[Int(id.index)].connection.marking.turnOn()
    _ = try harness.write(id, pattern(60_000))
    let sent = try Self.sent(harness)
    harness.wait(20)
    return (harness, id, sent)
  }

  static func sent(_ harness: TCPHarness) throws -> [Sent] {
    var sent: [Sent] = []
    while let segment = harness.tcp.transmit(
      at: harness.now,
      pool: harness.pool
    ) {
      let header = try TCPHeader(parsing: segment.packet.bytes)
      sent.append(
        Sent(
          sequence: header.sequenceNumber - harness.iss,
          ecn: segment.ecn,
          hasCWR: header.flags.contains(.windowReduced)
        )
      )
    }
    return sent
  }

  /// An acknowledgement with ECE.
  static func echo(_ harness: TCPHarness, _ number: Int) {
    harness.receive(Segment(.congestionEcho, 1, ack: number))
  }

  @Test func newText_mayBeMarked() throws {
    let (_, _, sent) = try Self.busy()
    #expect(sent.count == 10)
    #expect(sent.allSatisfy { $0.ecn == .capable0 && !$0.hasCWR })
  }

  @Test func withoutIt_nothingMayBeMarked() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    _ = try harness.write(id, pattern(2000))
    let sent = try Self.sent(harness)
    #expect(sent.map(\.ecn) == [.notCapable, .notCapable])
    Self.echo(harness, 1001)
    #expect(harness.tcp.counters.congestionEchoes == 0)
  }

  @Test func echo_reduces_andIsAnsweredOnce() throws {
    let (harness, id, _) = try Self.busy()
    Self.echo(harness, 1001)
    #expect(TCPRecoveryTests.window(harness, id) == 5000)
    // Nine are under way: nothing goes until four are.
    #expect(try Self.sent(harness) == [])
    Self.echo(harness, 6001)
    #expect(TCPRecoveryTests.window(harness, id) == 5000)
    #expect(
      try Self.sent(harness) == [
        Sent(sequence: 10_001, ecn: .capable0, hasCWR: true)
      ]
    )
    Self.echo(harness, 8001)
    #expect(
      try Self.sent(harness) == [
        Sent(sequence: 11_001, ecn: .capable0, hasCWR: false),
        Sent(sequence: 12_001, ecn: .capable0, hasCWR: false),
      ]
    )
    #expect(harness.tcp.counters.congestionEchoes == 1)
    // What was sent since is marked too.
    Self.echo(harness, 10_001)
    #expect(harness.tcp.counters.congestionEchoes == 1)
    Self.echo(harness, 11_001)
    #expect(harness.tcp.counters.congestionEchoes == 2)
  }

  /// RFC 3168 §6.1.5: what goes again may not be marked, and a loss is told of
  /// as a mark is.
  @Test func retransmission_isNotMarked() throws {
    let (harness, _, _) = try Self.busy()
    harness.acknowledge(1, 1001..<4001)
    let first = try Self.sent(harness)
    #expect(first.first == Sent(sequence: 1, ecn: .notCapable, hasCWR: false))
    harness.wait(20)
    harness.acknowledge(10_001)
    let second = try Self.sent(harness)
    #expect(second.first?.hasCWR == true)
    #expect(second.dropFirst().allSatisfy { !$0.hasCWR })
    // It is the same window: no second reduction.
    #expect(harness.tcp.counters.congestionEchoes == 0)
  }

  @Test func pureAcknowledgement_isNotMarked() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    harness.tcp.slots[Int(id.index)].connection.marking.turnOn()
    harness.receive(Segment([], 1, ack: 1, pattern(1000)))
    harness.receive(Segment([], 1001, ack: 1, pattern(1000)))
    let sent = try Self.sent(harness)
    #expect(sent.map(\.ecn) == [.notCapable])
  }

  /// RFC 3168 §6.1.6: one that is beyond the window may be dropped, and then
  /// nobody hears of its mark.
  @Test func windowProbe_isNotMarked() throws {
    let (harness, id) = TCPHarness.selective(roundTrip: 20)
    harness.tcp.slots[Int(id.index)].connection.marking.turnOn()
    harness.acknowledge(1, window: 0)
    _ = try harness.write(id, pattern(2000))
    #expect(try Self.sent(harness) == [])
    harness.wait(1000)
    #expect(
      try Self.sent(harness) == [
        Sent(sequence: 1, ecn: .notCapable, hasCWR: false)
      ]
    )
    #expect(harness.tcp.counters.windowProbes == 1)
    // Once the window is open its byte goes again, and is text like other.
    harness.acknowledge(1)
    let sent = try Self.sent(harness)
    #expect(sent.map(\.sequence) == [1, 1001])
    #expect(sent.last?.ecn == .capable0)
  }

  /// RFC 3168 §6.1.1: neither a SYN nor its answer.
  @Test func syn_isNotMarked() throws {
    var limits = TCPHarness.limits
    limits.requestsECN = true
    let harness = TCPHarness(limits: limits)
    _ = try harness.listen(backlog: 1)
    harness.receive(
      Segment([.syn, .congestionEcho, .windowReduced], 0, mss: 1000)
    )
    _ = try harness.tcp.connect(
      from: TCPHarness.ours,
      to: Endpoint(address: TCPHarness.theirs, port: 7),
      maximumSegmentSize: 1460,
      at: harness.now
    )
    let sent = try Self.sent(harness)
    #expect(sent.map(\.ecn) == [.notCapable, .notCapable])
  }
}
