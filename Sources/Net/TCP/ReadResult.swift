import Packets

/// What a connection has to read.
public enum ReadResult: ~Copyable {
  /// The next bytes, at least one: the received packet itself, cut down to
  /// them. Its end gives the packet's slot back to the pool.
  case bytes(PacketBuffer)
  /// Nothing yet; ``ConnectionChanges/readable`` will tell.
  case wouldBlock
  /// The peer has closed its end, and all that it sent has been read.
  case endOfStream
  /// The connection is over.
  case failed(NetworkError)
}
