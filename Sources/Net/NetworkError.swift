/// Why the network could not do what an app asked of it.
public enum NetworkError: Error, Hashable, Sendable {
  /// Another listener or socket has the port, at that address.
  case addressInUse
  /// No address is bound yet, or it was given up.
  case noAddress
  /// No route leads to the destination, or its neighbour does not answer.
  case unreachable
  /// The peer refused: no one listens there.
  case refused
  /// The peer ended the connection with a reset, or it was aborted here.
  case reset
  /// The peer did not answer for too long.
  case timedOut
  /// The end of the connection that this needs is closed.
  case closed
  /// A limit (connections, sockets, ports, memory) is reached; see `Limits`.
  case limitReached
  /// The datagram is larger than one packet can carry.
  case messageTooLarge
  /// The task that asked was cancelled.
  case cancelled
}
