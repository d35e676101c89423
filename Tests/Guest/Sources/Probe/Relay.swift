import ArgumentParser
import Glibc
import Synchronization

/// Carries frames between two TAP interfaces, not all of them, not in order,
/// and not all as they were.
///
///     this machine  tap0 ⇄ relay ⇄ tap1  QEMU
struct Relay: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: """
      Is a bad line between two TAP interfaces, until it is ended; says then \
      what it did.
      """,
    discussion: "Shares are of a thousand TCP segments. Needs root."
  )

  @Option(help: "The interface whose cable this is.")
  var near = "tap0"

  @Option(help: "The interface that QEMU has the cable of.")
  var far = "tap1"

  @Option(help: "How many are lost.")
  var lost = 0

  @Option(help: "How many come twice.")
  var doubled = 0

  @Option(help: "How many are overtaken by others.")
  var late = 0

  @Option(help: "Of how many a bit is changed.")
  var changed = 0

  @Option(help: "How long all take, in milliseconds, each way.")
  var delay = 0

  @Option(help: "Of all that happens; chosen and said when not given.")
  var seed: UInt64?

  /// Set by a signal.
  private static let isOver = Atomic(false)

  func run() throws {
    signal(SIGTERM) { _ in Relay.isOver.store(true, ordering: .relaxed) }
    let seed = seed ?? UInt64.random(in: 0...UInt64.max)
    let near = try RawSocket(cableOf: near)
    let far = try RawSocket(device: far)
    let rules = RelayLine.Rules(
      lost: lost,
      doubled: doubled,
      late: late,
      changed: changed,
      delay: .milliseconds(delay)
    )
    var there = RelayLine(rules, seed: seed)
    var back = RelayLine(rules, seed: ~seed)
    say("relay: --seed \(seed)")
    let clock = ContinuousClock()
    while !Self.isOver.load(ordering: .relaxed) {
      // Nothing waits for longer than a millisecond that could go.
      let isBusy = there.due != nil || back.due != nil
      RawSocket.wait(for: near, or: far, within: isBusy ? 1 : 100)
      while let frame = near.receive(within: 0) {
        there.take(frame, at: clock.now)
      }
      while let frame = far.receive(within: 0) {
        back.take(frame, at: clock.now)
      }
      while let frame = there.next(at: clock.now) { try far.send(frame) }
      while let frame = back.next(at: clock.now) { try near.send(frame) }
    }
    say(
      "relay: \(there.passed + back.passed) frames, lost"
        + " \(there.lost + back.lost), doubled \(there.doubled + back.doubled),"
        + " late \(there.late + back.late),"
        + " changed \(there.changed + back.changed)"
    )
  }
}
