/// The algorithm of a connection. An enum and no existential: Embedded Swift has
/// none, and nothing is counted.
enum CongestionController {
  case newReno(NewReno)

  /// New data was acknowledged, and nothing is being recovered.
  mutating func acknowledged(
    _ summary: AcknowledgementSummary,
    _ window: inout CongestionWindow
  ) {
    if window.isSlowStart { return window.growSlowly(by: summary) }
    switch self {
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
    case .newReno(var algorithm):
      algorithm.reduce(for: signal, inFlight: inFlight, &window, at: now)
      self = .newReno(algorithm)
    }
  }
}
