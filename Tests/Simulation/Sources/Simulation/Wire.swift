import Net

/// What joins the machines: a switch, and a path from each machine to each
/// other.
package struct Wire {
  private let count: Int
  private var paths: [Path]

  init(machines count: Int, seed: UInt64) {
    self.count = count
    paths = (0..<count * count).map { Path(seed: seed, UInt64($0)) }
  }

  /// The path from one machine to another.
  package subscript(from: Int, to: Int) -> Path {
    _read { yield paths[from * count + to] }
    _modify { yield &paths[from * count + to] }
  }

  /// Makes all paths alike.
  package mutating func setAll(_ settings: PathSettings) {
    for index in paths.indices { paths[index].settings = settings }
  }

  /// Lets the paths that lead to `machine` share the place where frames wait.
  package mutating func shareBottleneck(to machine: Int) {
    let shared = Bottleneck()
    for from in 0..<count { self[from, machine].bottleneck = shared }
  }

  /// Whom of the machines `frame` is for. Machines have the hardware addresses
  /// that ``Machine`` gives them.
  func receivers(of frame: Frame, from: Int) -> Range<Int> {
    if frame.isForAll { return 0..<count }
    let number = Int(frame.destination & 0xFF) - 1
    return number >= 0 && number < count ? number..<number + 1 : 0..<0
  }
}
