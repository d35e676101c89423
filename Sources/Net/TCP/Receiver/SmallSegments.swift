/// When a segment that is not full may go: Nagle's algorithm as Minshall
/// changed it, and cork. RFC 9293 §3.7.4 and appendix A.3.
///
/// Nagle's own waits while anything is unacknowledged, so that the last part of
/// a write waits for the full segments in front of it, and with the peer's
/// delayed acknowledgement for 40 ms or more. Minshall's waits only while a
/// *small* one is.
struct SmallSegments: Equatable {
  /// ``deadline``, or ``Instant/never``.
  private(set) var next = Instant.never
  /// SND.SML: the end of the last small segment that was sent.
  private var end: SequenceNumber
  /// Nagle's algorithm is off. RFC 9293 §3.7.4 (MUST-17).
  var isImmediate = false
  /// The app says that it writes more soon, and small segments wait for it.
  private(set) var isCorked = false
  /// Cork has held something back for too long.
  private var isOverdue = false

  /// When that is.
  var deadline: Instant? { next == .never ? nil : next }

  /// The longest that cork holds something back, so that nothing waits for ever
  /// for an app that forgets to take it off.
  static let longestCork = Interval.milliseconds(200)

  init(initial: SequenceNumber) { end = initial }

  /// Whether cork holds small segments back.
  var isHolding: Bool { isCorked && !isOverdue }

  /// Whether a small segment may go, when all before `acknowledged` is
  /// acknowledged.
  func mayGo(acknowledged: SequenceNumber) -> Bool {
    if isHolding { return false }
    return isImmediate || end <= acknowledged
  }

  /// A packet of `payload` bytes up to `end` was sent; `full` are as many as go
  /// into a segment.
  mutating func sent(_ payload: Int, full: Int, upTo end: SequenceNumber) {
    guard payload > 0 else { return }
    isOverdue = false
    next = .never
    if payload % full != 0, end > self.end { self.end = end }
  }

  /// All before `number` is acknowledged, small ones among it.
  mutating func forget(before number: SequenceNumber) {
    if end < number { end = number }
  }

  /// Holds small segments back from now on, or lets them go.
  mutating func cork(_ isCorked: Bool) {
    self.isCorked = isCorked
    isOverdue = false
    next = .never
  }

  /// Something waits to be sent, or nothing does.
  mutating func settle(isWaiting: Bool, at now: Instant) {
    guard isHolding, isWaiting else {
      next = .never
      return
    }
    if next == .never { next = now + Self.longestCork }
  }

  /// What the time asks for.
  mutating func poll(at now: Instant) {
    guard next <= now else { return }
    isOverdue = true
    next = .never
  }
}
