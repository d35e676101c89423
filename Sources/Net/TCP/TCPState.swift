/// The state of a connection. RFC 9293 §3.3.2.
///
/// LISTEN is not among them: a listener is no connection but makes them.
public enum TCPState: Hashable, Sendable {
  /// Over: the connection is in no table, and waits for its id's release.
  case closed
  /// A SYN has been sent.
  case synSent
  /// A SYN has been sent and received.
  case synReceived
  /// Both directions are open.
  case established
  /// Closed here; our FIN is not acknowledged.
  case finWait1
  /// Closed here; our FIN is acknowledged, the peer may still send.
  case finWait2
  /// The peer has closed; we may still send.
  case closeWait
  /// Both closed at once; our FIN is not acknowledged.
  case closing
  /// The peer closed first, then we did; our FIN is not acknowledged.
  case lastAck
  /// Both closed; what is left in the network of the connection dies out.
  case timeWait
}
