/// Tells a device that does not send any more from one that has nothing to send.
struct StallWatch: Sendable {
  private var lastCompleted: UInt64 = 0
  private var idleLooks = 0

  /// Looks once more, at a steady pace.
  ///
  /// - Parameters:
  ///   - completed: The packets sent so far.
  ///   - inFlight: Those that the device has.
  /// - Returns: Whether it has had some for ``VirtioLimits/stalledLooks`` looks
  ///   and has sent none; told once, then it counts anew.
  mutating func isStalled(completed: UInt64, inFlight: Int) -> Bool {
    guard inFlight > 0, completed == lastCompleted else {
      lastCompleted = completed
      idleLooks = 0
      return false
    }
    idleLooks += 1
    guard idleLooks >= VirtioLimits.stalledLooks else { return false }
    idleLooks = 0
    return true
  }
}
