/// The urgent pointers of both directions. RFC 9293 §3.8.5, RFC 6093.
///
/// Urgent data is read in its place in the stream; the pointer says only that
/// there is some, and where it ends: behind its last octet (MUST-62). It may be
/// of any length (MUST-31).
struct UrgentData: Equatable {
  private var receivedEnd = SequenceNumber(0)
  private var sentEnd = SequenceNumber(0)
  private var hasReceived = false
  private var hasSent = false

  /// RCV.UP, once there was one.
  var received: SequenceNumber? { hasReceived ? receivedEnd : nil }
  /// SND.UP, while it is not acknowledged.
  var sent: SequenceNumber? { hasSent ? sentEnd : nil }

  /// The peer's data is urgent up to `pointer`, and the app has read all before
  /// `read`. Returns whether the app is to be told: when it was not in this
  /// state before, or more came into it (MUST-32).
  mutating func arrived(
    _ pointer: SequenceNumber,
    read: SequenceNumber
  ) -> Bool {
    guard pointer > received ?? read, pointer > read else { return false }
    receivedEnd = pointer
    hasReceived = true
    return true
  }

  /// The app has read all before `next`.
  mutating func read(upTo next: SequenceNumber) {
    if receivedEnd <= next { hasReceived = false }
  }

  /// How many bytes are to be read until the end of what is urgent (MUST-33).
  func bytesLeft(read: SequenceNumber) -> Int {
    guard let received else { return 0 }
    return max(received - read, 0)
  }

  /// What was written up to `end` is urgent.
  mutating func written(upTo end: SequenceNumber) {
    sentEnd = end
    hasSent = true
  }

  /// All before `number` is acknowledged.
  mutating func acknowledged(upTo number: SequenceNumber) {
    if sentEnd <= number { hasSent = false }
  }

  /// The pointer of a segment that begins at `sequence`; `nil` if what is urgent
  /// ends before.
  func pointer(at sequence: SequenceNumber) -> UInt16? {
    guard let sent, sent > sequence else { return nil }
    return UInt16(clamping: sent - sequence)
  }
}
