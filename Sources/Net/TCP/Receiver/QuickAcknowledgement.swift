/// Whether a segment is acknowledged at once though it is alone: at the start,
/// and after the peer was silent, when its window is small and each
/// acknowledgement makes it grow. RFC 5681 §4.2 lets a receiver acknowledge
/// more often than every second segment.
struct QuickAcknowledgement {
  /// When text last came, in seconds and one; zero before.
  private var lastText: UInt32 = 0
  /// How many are acknowledged so at the start.
  private let most: UInt8
  /// How many still are.
  private var left: UInt8

  /// A peer that was silent for so long begins with its initial window again,
  /// RFC 5681 §4.1: in its timeout, which is hardly more.
  private static let silence: UInt32 = 3

  init(_ count: Int) {
    most = UInt8(clamping: count)
    left = most
  }

  /// `count` segments with text came. Returns whether they are acknowledged at
  /// once.
  mutating func received(_ count: Int, at now: Instant) -> Bool {
    let seconds = now.seconds
    if lastText != 0, seconds &+ 1 &- lastText >= Self.silence { left = most }
    lastText = seconds &+ 1
    guard left > 0 else { return false }
    left -= UInt8(min(count, Int(left)))
    return true
  }
}
