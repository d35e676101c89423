import Net
import _Concurrency

/// The machine that an app runs on.
public struct System: Sendable {
  let host: Host

  /// The machine behind `host`. The kernel's is made for the app; a test makes
  /// its own.
  public init(host: Host) { self.host = host }

  /// Its network.
  public var network: Network { Network(host: host) }

  /// What followed `-append` on QEMU's command line.
  public var commandLine: String { host.commandLine }

  /// How long ago the machine started.
  public var uptime: Duration { .nanoseconds(host.now.nanoseconds) }

  /// Everything that heap, device and stack count, drops by reason included.
  public var counters: [Counter] {
    host.machineCounters() + host.stackCounters
  }

  /// Suspends the task for `duration`, or until it is cancelled.
  ///
  /// - Returns: Whether the whole time passed.
  @discardableResult
  public func sleep(for duration: Duration) async -> Bool {
    let deadline = host.now + Interval(duration)
    return await host.wait(for: .time, until: deadline) == .timedOut
  }
}

extension Interval {
  /// `duration` in nanoseconds, as near as 64 bits allow.
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    // Three hundred years do not fit; nobody waits that long.
    let most = Int64.max / 2_000_000_000
    self.init(
      nanoseconds: min(max(seconds, -most), most) * 1_000_000_000
        + attoseconds / 1_000_000_000
    )
  }
}
