/// A vector, and how often it had come when it was last asked. Whoever shares
/// the vector has a watch of its own, so that nobody takes an interrupt from
/// another.
struct InterruptWatch {
  /// What is watched.
  let vector: UInt8
  private var seen: UInt8

  /// Watches `vector` from now on.
  init(_ vector: UInt8) {
    self.vector = vector
    seen = Interrupts.count(vector)
  }

  /// Whether the vector came since this was last asked. That is asked after
  /// each wait, which lets one interrupt in, so no 256 of them can pass as none.
  mutating func hasCome() -> Bool {
    let count = Interrupts.count(vector)
    guard count != seen else { return false }
    seen = count
    return true
  }
}
