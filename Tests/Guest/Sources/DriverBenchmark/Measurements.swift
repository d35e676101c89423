import GuestHarness

/// The same, measured several times.
struct Measurements {
  private var costs: [Cost] = []

  /// Adds one.
  mutating func add(_ cost: Cost) { costs.append(cost) }

  /// The middle one by its instructions.
  ///
  /// - Precondition: There is one.
  var median: Cost {
    costs.sorted { $0.instructions < $1.instructions }[costs.count / 2]
  }

  /// How far they are apart, in percent of the median.
  var spread: String {
    let instructions = costs.map(\.instructions)
    guard let least = instructions.min(), let most = instructions.max() else {
      return ""
    }
    return "\(Int((100 * (most - least) / median.instructions).rounded())) %"
  }
}
