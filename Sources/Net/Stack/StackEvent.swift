/// Something that who uses the stack may have been waiting for.
///
/// Events say that trying again is worth while: many happenings on one socket
/// become one event, so their number is bounded.
///
/// After every packet somebody asks for one, and mostly there is none: a lease,
/// which is large, is apart, so that little is handed over.
public enum StackEvent: Sendable {
  /// An address may be used from now on.
  indirect case addressBound(Lease, on: Int)
  /// The lease of the bound address was extended.
  indirect case addressRenewed(Lease, on: Int)
  /// The address was given up; its connections are gone.
  case addressLost(on: Int)
  /// Another host has this address, which this one was to use or has used.
  case addressTaken(IPv4Address, on: Int)
  /// A UDP socket has changed.
  case datagrams(SocketID, DatagramChanges)
  /// A TCP listener or connection has changed.
  case tcp(TCPEvent)
}
