/// A connection seen from outside, for a status page or a log.
public struct TCPInformation: Sendable {
  /// The state.
  public var state: TCPState
  /// Our end.
  public var local: Endpoint
  /// The peer's end.
  public var remote: Endpoint
  /// The most payload bytes we put into a segment.
  public var maximumSegmentSize: Int
  /// Bytes the peer lets us have unacknowledged.
  public var sendWindow: Int
  /// Bytes we let the peer have unacknowledged.
  public var receiveWindow: Int
  /// The congestion window in bytes. RFC 5681 §2.
  public var congestionWindow: Int
  /// The slow start threshold in bytes. RFC 5681 §3.1.
  public var slowStartThreshold: Int
  /// Bytes sent and not acknowledged.
  public var bytesInFlight: Int
  /// Bytes written and not acknowledged.
  public var bytesToSend: Int
  /// Bytes received in order and not read.
  public var bytesToRead: Int
  /// What is wrong with the way to the peer, while it may pass. RFC 9293
  /// §3.9.1.8.
  public var softError: NetworkError?
  /// Bytes to be read until the end of what the peer calls urgent. RFC 9293
  /// §3.8.5.
  public var urgentBytes: Int
  /// The smoothed round-trip time, once one was measured. RFC 6298 §2.
  public var smoothedRoundTripTime: Interval?
  /// How much the round-trip time varies. RFC 6298 §2 (RTTVAR).
  public var roundTripVariation: Interval
  /// The retransmission timeout. RFC 6298 §2.
  public var retransmissionTimeout: Interval
  /// Segments that were sent again.
  public var retransmissions: UInt64
  /// Both ends stamp their segments with the time. RFC 7323 §3.
  public var hasTimestamps: Bool
  /// Both ends tell of what came out of order. RFC 2018.
  public var hasSelectiveAcknowledgements: Bool
  /// Both ends heed the marks of routers that are congested. RFC 3168 §6.1.
  public var hasCongestionMarks: Bool
}
