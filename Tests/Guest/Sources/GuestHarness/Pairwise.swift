/// Few combinations of the values of several axes, in which every two values
/// meet that may.
///
/// The first axis with n values has them numbered from 0 to n - 1, and so on; a
/// combination is one number an axis.
public enum Pairwise {
  /// Two values of two different axes.
  public struct Pair: Hashable, Sendable {
    let first: Int
    let firstValue: Int
    let second: Int
    let secondValue: Int
  }

  /// All combinations of axes with so many values each, in order.
  public static func all(_ valueCounts: [Int]) -> [[Int]] {
    valueCounts.reduce([[]]) { combinations, count in
      combinations.flatMap { combination in
        (0..<count).map { combination + [$0] }
      }
    }
  }

  /// The pairs in a combination.
  public static func pairs(in combination: [Int]) -> Set<Pair> {
    var pairs: Set<Pair> = []
    for first in combination.indices {
      for second in combination.indices where second > first {
        pairs.insert(
          Pair(
            first: first,
            firstValue: combination[first],
            second: second,
            secondValue: combination[second]
          )
        )
      }
    }
    return pairs
  }

  /// Some of the `allowed` combinations, in which every pair occurs that occurs
  /// in any of them: each time the first of those that have most new pairs. The
  /// same ones every time.
  public static func cover(_ allowed: [[Int]]) -> [[Int]] {
    let pairs = allowed.map { Self.pairs(in: $0) }
    var missing = pairs.reduce(into: Set()) { $0.formUnion($1) }
    var chosen: [[Int]] = []
    while !missing.isEmpty {
      var best = 0
      var mostNew = 0
      for (index, pairs) in pairs.enumerated() {
        let new = pairs.count { missing.contains($0) }
        if new > mostNew { (best, mostNew) = (index, new) }
      }
      chosen.append(allowed[best])
      missing.subtract(pairs[best])
    }
    return chosen
  }
}
