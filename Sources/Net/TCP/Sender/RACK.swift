/// Tells losses by time: what was sent before something that has come is lost
/// when it is later than reordering explains. RFC 8985 §6.
struct RACK {
  /// When the newest of what has come was sent, or ``Instant/never``;
  /// RACK.end_seq.
  private var newestAt = Instant.never
  private(set) var newestEnd: SequenceNumber
  /// RACK.fack: behind the last that has come.
  private(set) var highest: SequenceNumber
  /// RACK.dsack_round: until this is acknowledged, the window for reordering is
  /// made no larger again.
  private var roundEnd: SequenceNumber
  /// RACK.rtt in microseconds.
  private var roundTripMicroseconds: UInt32 = 0
  /// RACK.reo_wnd_mult, in quarters of a round trip.
  private var quarters: UInt8 = 1
  /// RACK.reo_wnd_persist: recoveries until ``quarters`` is 1 again.
  private var persistence: UInt8 = 0
  /// RACK.reordering_seen.
  private(set) var hasReordering = false

  /// RFC 8985 §6.2 step 4.
  private static let mostPersistence: UInt8 = 16
  /// DupThresh, in segments. RFC 8985 §6.2 step 4.
  private static let duplicateThreshold = 3

  init(initialSequenceNumber: SequenceNumber) {
    newestEnd = initialSequenceNumber
    highest = initialSequenceNumber
    roundEnd = initialSequenceNumber
  }

  /// RACK.xmit_ts, once something has come.
  var newest: Instant? { newestAt == .never ? nil : newestAt }

  /// RACK.rtt.
  var roundTrip: Interval { .microseconds(Int64(roundTripMicroseconds)) }

  /// Steps 2 and 3: takes what has come.
  mutating func take(_ delivery: Delivery) {
    highest = delivery.highest
    if delivery.isReordered { hasReordering = true }
    guard let sentAt = delivery.newest else { return }
    if let newest,
      sentAt < newest || (sentAt == newest && delivery.newestEnd <= newestEnd)
    {
      return
    }
    newestAt = sentAt
    newestEnd = delivery.newestEnd
    roundTripMicroseconds = (delivery.now - sentAt).clampedMicroseconds
  }

  /// Step 4: a duplicate came, so that something was sent again that was not
  /// lost. The window grows once a round trip.
  mutating func duplicated(
    acknowledged: SequenceNumber,
    next: SequenceNumber
  ) {
    guard acknowledged >= roundEnd else { return }
    roundEnd = next
    if quarters < UInt8.max { quarters += 1 }
    persistence = Self.mostPersistence
  }

  /// All before `number` is acknowledged, and a round that ended there over.
  mutating func forgetRound(before number: SequenceNumber) {
    if roundEnd < number { roundEnd = number }
  }

  /// Step 4: a recovery is over.
  mutating func recovered() {
    guard persistence > 0 else { return }
    persistence -= 1
    if persistence == 0 { quarters = 1 }
  }

  /// RACK.reo_wnd, step 4: no time at all while nothing was ever reordered and
  /// three segments, or a recovery, speak for a loss.
  func reorderingWindow(
    isRecovering: Bool,
    sacked: Int,
    segmentSize: Int,
    least: Interval,
    smoothed: Interval
  ) -> Interval {
    let isPlain =
      isRecovering || sacked > (Self.duplicateThreshold - 1) * segmentSize
    if !hasReordering, isPlain { return .zero }
    return min(least * Int64(quarters) / 4, smoothed)
  }
}
