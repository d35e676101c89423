import Testing

@testable import Net

/// The one timer of a sender, with what comes before the timeout.
@Suite struct RetransmissionTimerTests {
  static func time(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  /// Something is under way since 0, and the timeout is 200 ms.
  static func running() -> RetransmissionTimer {
    var timer = RetransmissionTimer()
    timer.ensure(.retransmission, for: .milliseconds(200), at: time(0))
    return timer
  }

  static func expired(
    _ timer: inout RetransmissionTimer,
    _ milliseconds: Int64
  ) -> RetransmissionTimer.Purpose? {
    timer.expired(at: time(milliseconds))
  }

  @Test func probe_isBeforeTheTimeout() {
    var timer = Self.running()
    timer.setTailLoss(at: Self.time(40))
    #expect(timer.deadline == Self.time(40))
    let purposes = [39, 40, 199, 200].map { Self.expired(&timer, $0) }
    #expect(purposes == [nil, .tailLoss, nil, .retransmission])
  }

  /// RFC 8985 §7.2: and takes its place when it would come after it.
  @Test func probe_isNoLaterThanTheTimeout() {
    var timer = Self.running()
    timer.setTailLoss(at: Self.time(240))
    #expect(timer.deadline == Self.time(200))
    let purpose = Self.expired(&timer, 200)
    #expect(purpose == .tailLoss)
  }

  @Test func reordering_isBeforeTheTimeout() {
    var timer = Self.running()
    timer.setReordering(at: Self.time(5))
    #expect(timer.awaitsReordering)
    #expect(timer.deadline == Self.time(5))
    let purpose = Self.expired(&timer, 5)
    #expect(purpose == .reordering)
    #expect(!timer.awaitsReordering)
    #expect(timer.deadline == Self.time(200))
  }

  /// What is late may be late for longer than the timeout: that comes first
  /// then, and once.
  @Test func reorderingBehindTheTimeout_doesNotKeepItBack() {
    var timer = Self.running()
    timer.setReordering(at: Self.time(300))
    #expect(timer.deadline == Self.time(200))
    let purpose = Self.expired(&timer, 200)
    #expect(purpose == .retransmission)
    timer.restart(for: .milliseconds(400), at: Self.time(200))
    #expect(timer.deadline == Self.time(600))
    #expect(!timer.awaitsReordering)
  }

  @Test func cleared_onlyTheTimeoutIsLeft() {
    var timer = Self.running()
    timer.setTailLoss(at: Self.time(40))
    timer.clear()
    #expect(timer.deadline == Self.time(200))
    timer.setReordering(at: Self.time(40))
    timer.stop()
    #expect(timer.deadline == nil)
    #expect(!timer.isRunning)
  }

  @Test func otherPurpose_beginsAnew() {
    var timer = Self.running()
    timer.setTailLoss(at: Self.time(40))
    timer.ensure(.persistence, for: .milliseconds(200), at: Self.time(10))
    #expect(timer.deadline == Self.time(210))
    for _ in 0..<300 {
      timer.probed(
        timeout: .milliseconds(200),
        maximum: .seconds(60),
        at: Self.time(1000)
      )
    }
    #expect(timer.probes == 255)
    #expect(timer.deadline == Self.time(61_000))
  }
}
