/// What one acknowledgement says has come that was not known to have: gathered
/// record by record, for the round trip and for ``RACK``.
struct Delivery {
  let now: Instant
  /// What was sent again and is answered sooner than any round trip was: the
  /// answer is to what was sent before. RFC 8985 §6.2 step 2.
  let leastRoundTrip: Interval
  /// RACK.fack: behind the last that is known to have come. RFC 8985 §6.2
  /// step 3.
  private(set) var highest: SequenceNumber
  /// The numbers that have come.
  private(set) var count = 0
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
    at now: Instant
  ) {
    self.highest = highest
    self.leastRoundTrip = leastRoundTrip
    self.now = now
  }

  /// Of `record` what is before `end` has come.
  mutating func take(_ record: SentSegment, upTo end: SequenceNumber) {
    count += end - record.start
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
    guard isOriginal || now - record.sentAt >= leastRoundTrip else { return }
    if let newest,
      record.sentAt < newest
        || (record.sentAt == newest && end <= newestEnd)
    {
      return
    }
    newest = record.sentAt
    newestEnd = end
  }
}
