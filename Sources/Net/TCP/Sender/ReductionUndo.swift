/// What a reduction of the congestion window took, to be given back when it
/// turns out that nothing was lost. RFC 9438 §4.9, RFC 4015.
struct ReductionUndo {
  /// What was known of the path.
  private var controller = CongestionController.newReno(NewReno())
  private var size: UInt32 = 0
  private var threshold: UInt32 = 0
  /// The segments that were sent again since, but for those that the peer got
  /// twice.
  private var unproven: UInt32 = 0
  /// Whether there is something to give back.
  private(set) var isPossible = false

  /// The window is about to be reduced.
  mutating func save(
    _ window: CongestionWindow,
    _ controller: CongestionController
  ) {
    size = UInt32(window.size)
    threshold = UInt32(window.threshold)
    self.controller = controller
    unproven = 0
    isPossible = true
  }

  /// `segments` were sent again.
  mutating func sentAgain(_ segments: Int) {
    if isPossible { unproven &+= UInt32(segments) }
  }

  /// The peer has got `segments` twice. Returns whether all that was sent again
  /// had been there already, so that nothing was lost. RFC 3708 §2.
  mutating func duplicated(_ segments: Int) -> Bool {
    guard isPossible, unproven > 0 else { return false }
    unproven -= min(unproven, UInt32(segments))
    return unproven == 0
  }

  /// Nothing was lost.
  mutating func restore(
    _ window: inout CongestionWindow,
    _ controller: inout CongestionController
  ) {
    guard isPossible else { return }
    isPossible = false
    window.size = max(window.size, Int(size))
    window.threshold = max(window.threshold, Int(threshold))
    controller = self.controller
  }
}
