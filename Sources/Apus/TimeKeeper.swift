import Net

/// What time the world has it, as far as this host was told.
struct TimeKeeper {
  private var known: (date: UTCDate, at: Instant)?
  /// Answers of time servers that were refused, by reason.
  private var refused = [UInt64](repeating: 0, count: SNTPError.allCases.count)

  /// The time at `now`.
  func date(at now: Instant) -> UTCDate? {
    known.map { $0.date + (now - $0.at) }
  }

  /// It is `date` at `now`.
  mutating func set(_ date: UTCDate, at now: Instant) { known = (date, now) }

  mutating func count(_ error: SNTPError) { refused[error.rawValue] += 1 }

  /// Adds the answers that were refused.
  func append(to counters: inout [Counter]) {
    for error in SNTPError.allCases {
      counters.append(Counter(error.name, refused[error.rawValue]))
    }
  }
}

extension System {
  /// What time it is, once a time server of the lease has told; `nil` before,
  /// and where there is none. It may step, either way, when a server tells
  /// better; ``uptime`` never does.
  public var date: UTCDate? { host.timeKeeper.date(at: host.now) }

  /// Suspends the task until the time is known.
  ///
  /// - Returns: The time, or `nil` when the task was cancelled first.
  public func waitUntilDateIsKnown() async -> UTCDate? {
    while true {
      if let date { return date }
      guard await host.wait(for: .answer, until: nil) == .ready else {
        return nil
      }
    }
  }
}
