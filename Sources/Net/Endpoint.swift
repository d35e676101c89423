/// One end of a conversation: an address and a port.
public struct Endpoint: Hashable, Sendable {
  /// The host's address.
  public let address: IPAddress
  /// The port on it.
  public let port: UInt16

  /// Port `port` of `address`.
  public init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// Port `port` of `address`.
  public init(address: IPv4Address, port: UInt16) {
    self.init(address: IPAddress(address), port: port)
  }
}
