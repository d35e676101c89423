import Packets
import Testing

@testable import Net

/// How long a peer may leave unanswered what was sent into a window that it has
/// made small, or opens and shuts. RFC 9293 §3.8.3, §3.8.6.1, §3.9.1.1.
@Suite struct TCPSilentPeerTests {
  /// 20,000 bytes are written, and what the window takes is under way.
  private static func writing(
    userTimeout: Interval? = nil
  ) throws -> (TCPHarness, ConnectionID) {
    let (harness, id) = TCPHarness.established()
    harness.tcp.setUserTimeout(id, userTimeout, at: harness.now)
    _ = try harness.write(id, pattern(20_000))
    harness.drain()
    return (harness, id)
  }

  /// A peer takes its window back to a little, and is gone. Retransmission and
  /// probes of the window take turns, and none begins the time anew. It ends
  /// with the timer's next expiry, which is at most as much again away.
  @Test(arguments: [10, 30, nil] as [Int64?])
  func smallWindow_deadPeer_endsInTime(seconds: Int64?) throws {
    let (harness, id) = try Self.writing(
      userTimeout: seconds.map { .seconds($0) }
    )
    harness.receive(Segment([], 1, ack: 1, window: 500))
    let begin = harness.now
    let limit = Interval.seconds(seconds ?? 100)
    while harness.tcp.state(id) != .closed, harness.now - begin < limit * 4 {
      harness.wait(50)
      harness.drain()
    }
    #expect(harness.now - begin >= limit)
    #expect(harness.now - begin < limit * 3 / 2)
  }

  /// Seconds until the connection ends, with a peer that never acknowledges a
  /// byte, and says now that its window is shut, now that it is open.
  private static func secondsWithMovingWindow(
    _ harness: TCPHarness,
    _ id: ConnectionID,
    most: Int
  ) -> Int {
    for second in 0..<most {
      if harness.tcp.state(id) == .closed { return second }
      harness.receive(
        Segment([], 1, ack: 1, window: second % 6 < 3 ? 0 : 40_000)
      )
      harness.drain()
      for _ in 0..<10 {
        harness.wait(100)
        harness.drain()
      }
    }
    return most
  }

  /// The app has said how long its bytes may go undelivered.
  @Test func movingWindow_userTimeout_ends() throws {
    let (harness, id) = try Self.writing(userTimeout: .seconds(9))
    let seconds = Self.secondsWithMovingWindow(harness, id, most: 600)
    #expect((9...18).contains(seconds))
  }

  /// MUST-37: it is alive, and says that there is no room. Without a word of the
  /// app that stays.
  @Test func movingWindow_stays() throws {
    let (harness, id) = try Self.writing()
    let seconds = Self.secondsWithMovingWindow(harness, id, most: 600)
    #expect(seconds == 600)
    #expect(harness.tcp.state(id) == .established)
  }

  /// Nothing was heard for most of the time, then the window opens: what goes
  /// has all its time.
  @Test func openedLate_hasItsTime() throws {
    let (harness, id) = TCPHarness.established(window: 0)
    _ = try harness.write(id, pattern(500))
    for _ in 0..<80 {
      harness.wait(1000)
      harness.drain()
    }
    harness.receive(Segment([], 1, ack: 1, window: 40_000))
    #expect(harness.drain().map(\.payload.count) == [500])
    for _ in 0..<60 {
      harness.wait(1000)
      harness.drain()
    }
    #expect(harness.tcp.state(id) == .established)
    for _ in 0..<120 {
      harness.wait(1000)
      harness.drain()
    }
    #expect(harness.tcp.state(id) == .closed)
  }
}
