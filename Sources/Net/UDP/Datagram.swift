import Packets

/// A UDP datagram that came in.
public struct Datagram: ~Copyable, Sendable {
  /// Who sent it.
  public let source: Endpoint
  /// Whom it was sent to: this host, all of the link, or a group.
  public let destination: Endpoint
  /// How many more routers might have passed it on; 255 came from the link.
  public let timeToLive: UInt8
  /// The interface that it came over.
  public let interface: Int
  /// The received packet itself, cut down to the payload; may be empty. Its
  /// end gives the packet's slot back to the pool.
  public var payload: PacketBuffer
}

/// That a datagram did not arrive. RFC 1122 §4.1.3.3.
public struct DatagramFailure: Hashable, Sendable {
  /// Where it was sent.
  public let remote: Endpoint
  /// ``NetworkError/refused``: nobody there has the port.
  /// ``NetworkError/unreachable``: anything else, which may pass.
  public let reason: NetworkError
}

/// Names a UDP socket, for as long as it is bound.
public struct SocketID: Hashable, Sendable {
  /// The slot: a small number, for tables beside the stack's own.
  public let index: UInt32
  let generation: UInt32
}

/// What has changed on a UDP socket since the last event about it.
public struct DatagramChanges: OptionSet, Hashable, Sendable {
  /// One bit a change.
  public let rawValue: UInt8

  /// The changes whose bits are set in `rawValue`.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// There is a datagram to receive.
  public static let readable = DatagramChanges(rawValue: 1 << 0)
  /// There is room again after a send that was refused.
  public static let writable = DatagramChanges(rawValue: 1 << 1)
  /// A datagram could not be delivered: the neighbour does not answer, or an
  /// ICMP destination unreachable quoted it. RFC 1122 §4.1.3.3.
  public static let unreachable = DatagramChanges(rawValue: 1 << 2)
}
