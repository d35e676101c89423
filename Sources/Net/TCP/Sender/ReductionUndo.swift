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
  /// What was under way when the window was reduced.
  private var start = SequenceNumber(0)
  private var end = SequenceNumber(0)
  /// Whether there is something to give back.
  private(set) var isPossible = false

  /// The window is about to be reduced, with what is from `start` to before
  /// `end` under way.
  mutating func save(
    _ window: CongestionWindow,
    _ controller: CongestionController,
    from start: SequenceNumber,
    to end: SequenceNumber
  ) {
    self.start = start
    self.end = end
    size = UInt32(window.size)
    threshold = UInt32(window.threshold)
    self.controller = controller
    unproven = 0
    isPossible = true
  }

  /// All before `number` is acknowledged: what was reduced for is long over.
  mutating func forget(before number: SequenceNumber) {
    if end < number { isPossible = false }
  }

  /// `segments` were sent again.
  mutating func sentAgain(_ segments: Int) {
    if isPossible { unproven &+= UInt32(segments) }
  }

  /// The peer has got `segments` twice, the first of which begins at `number`.
  /// Returns whether all that was sent again had been there already, so that
  /// nothing was lost. RFC 3708 §2.
  ///
  /// A probe for the tail that came twice, or what the network doubled later, is
  /// no proof of that.
  mutating func duplicated(
    _ segments: Int,
    from number: SequenceNumber
  ) -> Bool {
    guard isPossible, unproven > 0, start <= number, number < end else {
      return false
    }
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
