/// What one acknowledgement says has come that was not known to have: gathered
/// record by record, for the round trip and for ``RACK``.
struct Delivery {
  let now: Instant
  /// What was sent again and is answered sooner than any round trip was: the
  /// answer is to what was sent before. RFC 8985 §6.2 step 2.
  let leastRoundTrip: Interval
  /// How long ago the segment was sent that the peer echoes the timestamp of.
  /// RFC 7323 §3.2.
  let echoAge: Interval?
  /// Whether that was before something was sent again that has come: it was the
  /// first sending that has. RFC 3522.
  private(set) var isAnswerToOriginal = false
  /// RACK.fack: behind the last that is known to have come. RFC 8985 §6.2
  /// step 3.
  private(set) var highest: SequenceNumber
  /// The numbers that have come.
  private(set) var count = 0
  /// The most of it that was sent at once: a segment, or several that a device
  /// has cut.
  private(set) var largest = 0
  /// Whether some of it was sent more than once.
  private(set) var hasRetransmitted = false
  /// When the newest of it that was sent once was sent.
  private(set) var newestOriginal: Instant?
  /// The first of it that was sent once.
  private(set) var originalStart: SequenceNumber?
  /// When the newest was sent of which it is sure which sending has come, and
  /// where it ends.
  private(set) var newest: Instant?
  private(set) var newestEnd = SequenceNumber(0)
  /// Whether something that was sent once came behind what was sent later.
  private(set) var isReordered = false

  init(
    highest: SequenceNumber,
    leastRoundTrip: Interval = .zero,
    echoAge: Interval? = nil,
    at now: Instant
  ) {
    self.highest = highest
    self.leastRoundTrip = leastRoundTrip
    self.echoAge = echoAge
    self.now = now
  }

  /// Of `record` what is before `end` has come.
  mutating func take(_ record: SentSegment, upTo end: SequenceNumber) {
    count += end - record.start
    largest = max(largest, Int(record.length))
    let isOriginal = !record.flags.contains(.retransmitted)
    if isOriginal {
      newestOriginal = max(newestOriginal ?? record.sentAt, record.sentAt)
      if let start = originalStart, start < record.start {
        originalStart = start
      } else {
        originalStart = record.start
      }
    } else {
      hasRetransmitted = true
    }
    if end > highest {
      highest = end
    } else if isOriginal, end < highest {
      isReordered = true
    }
    guard isOriginal || isAnswered(record) else { return }
    if let newest,
      record.sentAt < newest
        || (record.sentAt == newest && end <= newestEnd)
    {
      return
    }
    newest = record.sentAt
    newestEnd = end
  }

  /// Whether it is the last sending of `record` that has come. RFC 8985 §6.2
  /// step 2.
  private mutating func isAnswered(_ record: SentSegment) -> Bool {
    let age = now - record.sentAt
    // The clock of timestamps counts milliseconds.
    if let echoAge, echoAge > age + .milliseconds(1) {
      isAnswerToOriginal = true
      return false
    }
    return age >= leastRoundTrip
  }
}
