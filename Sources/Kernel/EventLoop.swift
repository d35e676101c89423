import Apus
import BasicContainers
import Net
import PCI
import Packets
import Runtime
import Virtio

/// What the one core does, for as long as the app runs: take what the device
/// has, run the stack, run the tasks, send, and only then wait.
///
/// While there is work the device is asked not to interrupt; before waiting it
/// is asked to, and looked at once more, so that nothing that came in between
/// is slept through.
struct EventLoop: ~Copyable {
  private let host: Host
  private var interface: NetworkInterface?

  /// How long the loop goes on after the app's end for what it has written to
  /// be sent and acknowledged.
  private static var lingerTime: Interval { .seconds(2) }

  init(host: Host, interface: consuming NetworkInterface?) {
    self.host = host
    self.interface = interface
  }

  /// Runs until the app has ended, and returns how.
  consuming func run() -> Host.AppEnd {
    while host.appEnd == nil { turn(until: nil) }
    let end = host.appEnd!
    let lastMoment = Clock.now + Self.lingerTime
    while Clock.now < lastMoment {
      turn(until: lastMoment)
    }
    return end
  }

  /// One turn: everything that can be done now, then a wait for more.
  private mutating func turn(until lastMoment: Instant?) {
    let now = Clock.now
    interface?.receive(into: host, at: now)
    host.poll(at: now)
    Executor.runReadyJobs()
    interface?.transmit(from: host, at: Clock.now)
    guard !Executor.hasReadyJobs, host.appEnd == nil || lastMoment != nil
    else { return }
    wait(until: lastMoment)
  }

  private mutating func wait(until lastMoment: Instant?) {
    var deadline = host.deadline
    if let lastMoment { deadline = min(deadline ?? lastMoment, lastMoment) }
    if interface?.enableInterrupts() ?? false {
      interface?.disableInterrupts()
      return
    }
    if Timer.arm(for: deadline) { Interrupts.wait() }
    interface?.disableInterrupts()
  }
}

/// The interrupt that ends a wait in time.
enum Timer {
  /// The longest wait: what the counter holds at its fastest, and no more than
  /// a second, so that a wait is never far off when clocks drift apart.
  private static var longest: Interval { .seconds(1) }

  /// Arms the timer for `deadline`; without one, for the longest wait. An
  /// interrupt that comes before the halt is held back until then.
  ///
  /// - Returns: Whether there is time to wait at all.
  static func arm(for deadline: Instant?) -> Bool {
    var interval = longest
    if let deadline {
      interval = min(interval, deadline - Clock.now)
      guard interval > .zero else { return false }
    }
    let (seconds, rest) = interval.nanoseconds.quotientAndRemainder(
      dividingBy: 1_000_000_000
    )
    let frequency = unsafe Clock.timerFrequency
    let ticks =
      UInt64(seconds) * frequency
      + UInt64(rest) * frequency / 1_000_000_000
    LocalAPIC.interrupt(
      afterTicks: UInt32(clamping: max(ticks, 1))
    )
    return true
  }
}
