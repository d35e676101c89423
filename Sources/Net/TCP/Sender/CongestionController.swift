/// The algorithm of a connection. An enum and no existential: Embedded Swift has
/// none, and nothing is counted.
enum CongestionController {
  case cubic(Cubic)
  case newReno(NewReno)

  init(_ choice: CongestionControl) {
    switch choice {
    case .cubic: self = .cubic(Cubic())
    case .newReno: self = .newReno(NewReno())
    }
  }

  /// New data was acknowledged, and nothing is being recovered.
  mutating func acknowledged(
    _ summary: AcknowledgementSummary,
    _ window: inout CongestionWindow
  ) {
    if window.isSlowStart { return window.growSlowly(by: summary) }
    switch self {
    case .cubic(var algorithm):
      algorithm.acknowledged(summary, &window)
      self = .cubic(algorithm)
    case .newReno(var algorithm):
      algorithm.acknowledged(summary, &window)
      self = .newReno(algorithm)
    }
  }

  /// There is congestion: see ``CongestionAlgorithm``.
  mutating func reduce(
    for signal: CongestionSignal,
    inFlight: Int,
    _ window: inout CongestionWindow,
    at now: Instant
  ) {
    switch self {
    case .cubic(var algorithm):
      algorithm.reduce(for: signal, inFlight: inFlight, &window, at: now)
      self = .cubic(algorithm)
    case .newReno(var algorithm):
      algorithm.reduce(for: signal, inFlight: inFlight, &window, at: now)
      self = .newReno(algorithm)
    }
  }

  /// Nothing was under way, and the app has something to send again.
  mutating func resume(at now: Instant) {
    switch self {
    case .cubic(var algorithm):
      algorithm.resume(at: now)
      self = .cubic(algorithm)
    case .newReno(var algorithm):
      algorithm.resume(at: now)
      self = .newReno(algorithm)
    }
  }
}
