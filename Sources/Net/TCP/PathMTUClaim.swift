/// What a router is said to have said of the way: that it carries less than was
/// sent. RFC 5927 §7.2.
///
/// Before anything large has got through, that is news, and believed. Once it
/// has, the word of whoever guesses a number in flight would make every segment
/// small; so it is kept until a timeout shows that what it is about does not
/// arrive, and forgotten if that is acknowledged.
///
///     claim --nothing so large was acknowledged--> believed
///       |
///     noted --timeout--> believed
///       |
///     what it is about is acknowledged: forgotten
struct PathMTUClaim: Equatable {
  /// maxsizeacked: the most that has got through in a segment, options and text.
  private var proven: UInt16 = 0
  /// The most that a segment may have by the claim; zero while there is none.
  private var claimed: UInt16 = 0
  /// What it is about.
  private var number = SequenceNumber(0)
  /// A timeout has come since.
  private var isConfirmed = false

  /// A segment of `size` bytes, options and text, has arrived.
  mutating func arrived(_ size: Int) {
    proven = max(proven, UInt16(clamping: size))
  }

  /// All before `next` is acknowledged.
  mutating func acknowledged(upTo next: SequenceNumber) {
    if claimed > 0, next > number { claimed = 0 }
  }

  /// Somebody says that the segment at `number` was too large, and no more than
  /// `size` bytes would not be. Returns whether that is to be believed now; if
  /// not, it is noted.
  mutating func claim(_ size: Int, about number: SequenceNumber) -> Bool {
    if size >= Int(proven) { return true }
    claimed = UInt16(clamping: max(size, 1))
    self.number = number
    isConfirmed = false
    return false
  }

  /// Nothing was acknowledged until the timer expired. RFC 5927 §7.2
  /// (MAXSEGRTO): one such time is enough.
  mutating func timedOut() { isConfirmed = claimed > 0 }

  /// What is to be believed since a timeout, once.
  mutating func takeConfirmed() -> Int? {
    guard isConfirmed else { return nil }
    isConfirmed = false
    defer { claimed = 0 }
    return Int(claimed)
  }

  /// The way carries no more than `size`: what got through on another does not
  /// speak against it.
  mutating func believed(_ size: Int) {
    proven = min(proven, UInt16(clamping: size))
    claimed = 0
    isConfirmed = false
  }
}
