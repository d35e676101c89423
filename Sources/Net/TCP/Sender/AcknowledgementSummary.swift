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
  /// FlightSize after it.
  var inFlight = 0
  /// A measurement of the round trip that it completes.
  var roundTrip: Interval?
  /// When the newest of what it acknowledges was sent. RFC 8985 §6.2.
  var newestSentAt: Instant?
  /// Whether some of what it acknowledges was sent more than once.
  var hasRetransmitted = false
  /// TSecr. RFC 7323 §3.2.
  var echo: UInt32?
  /// Says nothing new while something is under way. RFC 5681 §2.
  var isDuplicate = false
  /// ECE. RFC 3168 §6.1.
  var hasCongestionEcho = false
  /// Not all of what was sent before the last timeout is acknowledged.
  var isAfterTimeout = false
  var now: Instant

  /// Whether it moves SND.UNA.
  var isNew: Bool { number > previous }
}
