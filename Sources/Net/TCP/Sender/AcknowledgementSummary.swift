/// What an acknowledgement says: made once where it arrives, and read by all
/// parts of the sender in turn: the round trip, loss recovery, congestion
/// control, the timer.
struct AcknowledgementSummary {
  /// SEG.ACK.
  var number: SequenceNumber
  /// SND.UNA before it.
  var previous: SequenceNumber
  /// SND.NXT.
  var next: SequenceNumber
  /// Bytes that it acknowledges for the first time.
  var acknowledged = 0
  /// FlightSize before it. RFC 5681 §2.
  var inFlightBefore = 0
  /// What of that was known to have come.
  var sackedBefore = 0
  /// FlightSize after it.
  var inFlight = 0
  /// A measurement of the round trip that it completes.
  var roundTrip: Interval?
  /// The numbers that have come, acknowledged or in blocks, and were not known
  /// to have. RFC 9937 §5 (DeliveredData).
  var delivered = 0
  /// The numbers that are taken to be lost since.
  var newlyLost = 0
  /// How long ago the newest of what has come was sent; of what was sent once.
  /// Many a round trip: for the least of them.
  var newestRoundTrip: Interval?
  /// SRTT.
  var smoothed: Interval?
  /// Whether some of what it acknowledges was sent more than once.
  var hasRetransmitted = false
  /// Says nothing new while something is under way. RFC 5681 §2.
  var isDuplicate = false
  /// The numbers that have come twice, as a block tells. RFC 2883.
  var duplicated = 0
  /// The first of them.
  var duplicatedStart = SequenceNumber(0)
  /// It has blocks that tell of what has come. RFC 2018.
  var hasBlocks = false
  /// What it acknowledges did not fill the window: the window says nothing of
  /// the path. RFC 9438 §5.8.
  var isLimitedByApp = false
  /// ECE. RFC 3168 §6.1.
  var hasCongestionEcho = false
  /// Not all of what was sent before the last timeout is acknowledged.
  var isAfterTimeout = false
  var now: Instant

  /// Whether a block tells of something that has come twice.
  var isDuplicated: Bool { duplicated > 0 }
  /// Whether it moves SND.UNA.
  var isNew: Bool { number > previous }
}
