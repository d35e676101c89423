import Packets
import Testing

@testable import Net

/// The end of the stream behind a shut window. RFC 9293 §3.8.6.1, §3.10.4.
@Suite struct TCPShutWindowFINTests {
  /// A byte waits before a shut window, which was probed with it; then the app
  /// closes. `fin` when the peer has sent its end before.
  private static func probedThenClosed(
    afterFIN fin: Bool = false
  ) throws -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPHarness.established(window: 0)
    if fin { harness.receive(Segment(.fin, 1, ack: 1, window: 0)) }
    _ = try harness.write(id, [7])
    harness.drain()
    harness.wait(1000)
    #expect(harness.drain().map(\.payload) == [[7]])
    harness.receive(Segment([], fin ? 2 : 1, ack: 1, window: 0))
    harness.close(id)
    harness.drain()
    return (harness, id)
  }

  /// MUST-36: probes go on while the window is shut, and the peer answers.
  @Test(arguments: [(false, TCPState.finWait1), (true, .lastAck)])
  func closedBetweenProbes_isProbedOn(
    afterFIN: Bool,
    expected: TCPState
  ) throws {
    let (harness, id) = try Self.probedThenClosed(afterFIN: afterFIN)
    var probes: [[UInt8]] = []
    for _ in 0..<300 {
      harness.wait(1000)
      let sent = harness.drain()
      probes += sent.map(\.payload)
      // Its FIN would make a record with nothing to say that it was sent.
      #expect(sent.allSatisfy { !$0.flags.contains(.fin) })
      for _ in sent {
        harness.receive(Segment([], afterFIN ? 2 : 1, ack: 1, window: 0))
      }
    }
    #expect(probes.count > 5 && probes.allSatisfy { $0 == [7] })
    #expect(harness.tcp.state(id) == expected)
  }

  /// The byte of a probe is taken: the end follows it, and goes until it is
  /// acknowledged.
  @Test func byteOfTheProbe_isTaken_theFINFollows() throws {
    let (harness, id) = try Self.probedThenClosed()
    harness.receive(Segment([], 1, ack: 2, window: 65_535))
    for _ in 0..<4 {
      let sent = harness.drain()
      #expect(sent.map(\.sequence) == [2])
      #expect(sent.allSatisfy { $0.flags.contains(.fin) })
      harness.now = harness.tcp.deadline ?? harness.now
      harness.tcp.poll(at: harness.now)
    }
    harness.drain()
    harness.receive(Segment([], 1, ack: 3))
    #expect(harness.tcp.state(id) == .finWait2)
  }

  /// Closed before the first probe, the end goes with it, and again with the
  /// next; and again, when the byte alone was taken.
  @Test func closedBeforeTheProbe_theFINGoesWithIt() throws {
    let (harness, id) = TCPHarness.established(window: 0)
    _ = try harness.write(id, [7])
    harness.close(id)
    harness.expectNothing()
    for wait in [1000, 2000] {
      harness.wait(Int64(wait))
      let sent = harness.drain()
      #expect(sent.map(\.payload) == [[7]])
      #expect(sent.allSatisfy { $0.flags.contains(.fin) })
    }
    harness.receive(Segment([], 1, ack: 2, window: 65_535))
    let sent = harness.drain()
    #expect(sent.map(\.sequence) == [2])
    #expect(sent.allSatisfy { $0.flags.contains(.fin) })
    harness.receive(Segment([], 1, ack: 3))
    #expect(harness.tcp.state(id) == .finWait2)
  }

  /// The first probe is under way for long, the second is lost; then the first
  /// arrives.
  @Test func firstProbeIsLate_theFINGoes() throws {
    let (harness, id) = TCPHarness.established(window: 0)
    _ = try harness.write(id, [7])
    harness.wait(1000)
    #expect(harness.drain().map(\.payload) == [[7]])
    harness.close(id)
    harness.wait(2000)
    harness.drain()
    harness.receive(Segment([], 1, ack: 2, window: 65_535))
    let sent = harness.drain()
    #expect(sent.map(\.sequence) == [2])
    #expect(sent.allSatisfy { $0.flags.contains(.fin) })
    harness.receive(Segment([], 1, ack: 3))
    #expect(harness.tcp.state(id) == .finWait2)
  }
}
